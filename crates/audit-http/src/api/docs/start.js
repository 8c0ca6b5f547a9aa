"use strict";
// Addresses are relative to the page, which may be behind a prefix. Without a validator, nothing is asked of another host.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  validatorUrl: null,
});
