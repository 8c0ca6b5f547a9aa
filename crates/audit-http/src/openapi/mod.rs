//! The OpenAPI document of everything that is served: one file per API, in the order that people read them.
//!
//! Handlers read raw JSON text and write it, so that values come back byte for byte, and no type of theirs has the shape that
//! goes over the wire. The schemas are therefore written by hand, with utoipa's types for the structure of the document and a
//! few words of our own ([`schema`], [`operation`], [`path`]) for what is in it. What keeps them true is not that they are
//! derived, but that they are checked: every route that is mounted is in the document with the methods of its `Allow`, every
//! answer that any test gets conforms to it, and the published text is `docs/openapi.json`. Names that handlers know as data
//! (filters, groups, keys, codes, limits) are taken from there.
//!
//! 405 is not among the answers: no documented method gets it, and OpenAPI has no place for the others.

mod action_logs;
mod audit_events;
mod bound;
mod channels;
mod content_types;
mod docs;
mod drf;
mod errors;
mod events;
mod health;
mod inventory;
mod metrics;
mod native;
mod oms_action_logs;
mod operation;
mod path;
mod schema;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::LazyLock;

use operation::SharedResponses;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, Info, License, OpenApi, OpenApiBuilder, PathsBuilder};

const DESCRIPTION: &str = include_str!("description.md");

/// The document as text, with a line feed at its end. It is the same on every server of this version.
#[must_use]
pub fn openapi_json() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // A document of maps and texts can always be written; the empty text would fail the test of the snapshot.
        document().to_pretty_json().map(|text| text + "\n").unwrap_or_default()
    });
    &TEXT
}

fn paths() -> Vec<path::Path> {
    [
        audit_events::paths(),
        oms_action_logs::paths(),
        inventory::paths(),
        events::paths(),
        action_logs::paths(),
        tokens::paths(),
        channels::paths(),
        content_types::paths(),
        health::paths(),
        docs::paths(),
        metrics::paths(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn components() -> ComponentsBuilder {
    let schemas = [
        errors::schemas(),
        drf::schemas(),
        audit_events::schemas(),
        oms_action_logs::schemas(),
        inventory::schemas(),
        native::shared_schemas(),
        events::schemas(),
        action_logs::schemas(),
        tokens::schemas(),
        channels::schemas(),
        content_types::schemas(),
    ];
    let parameters =
        [drf::parameters(), audit_events::parameters(), inventory::parameters(), events::parameters(), action_logs::parameters()];
    let components = ComponentsBuilder::new();
    let components = schemas.into_iter().flatten().fold(components, |all, (name, schema)| all.schema(name, schema));
    let components = parameters.into_iter().flatten().fold(components, |all, (name, parameter)| all.parameter(name, parameter));
    security().into_iter().fold(components, |all, (name, scheme)| all.security_scheme(name, scheme))
}

fn document() -> OpenApi {
    let mut shared = SharedResponses::new();
    let paths = paths().into_iter().map(|path| path.build(&mut shared));
    let paths = paths.fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));
    let components = shared.into_iter().fold(components(), |all, (name, response)| all.response(name, response));
    let tags = TAGS.map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build());
    let mut info = Info::new("Audit log", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.to_owned());
    let mut license = License::new(env!("CARGO_PKG_LICENSE"));
    license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
    info.license = Some(license);
    OpenApiBuilder::new().info(info).tags(Some(tags)).paths(paths).components(Some(components.build())).build()
}

const TAGS: [(&str, &str); 10] = [
    (audit_events::OMS, "The published list of the OMS, in the style of Django REST framework."),
    (audit_events::DATA_WAREHOUSE, "The published list of the data warehouse, in the style of Django REST framework."),
    (oms_action_logs::TAG, "The published list of action logs, in the style of Django REST framework."),
    (inventory::TAG, "The published audit log of the inventory: the same events under other names."),
    (events::TAG, "The native API of events: append, list by cursor, get, count."),
    (action_logs::TAG, "The native API of action logs: append, list by cursor, get, count."),
    (tokens::TAG, "Keys: making, listing and revoking them."),
    (channels::TAG, "The tenants."),
    (content_types::TAG, "Object types: numbers and names that fill each other in."),
    (health::TAG, "For those who run the server."),
];

fn security() -> Vec<(&'static str, SecurityScheme)> {
    let http = |scheme, description: &str| {
        let mut http = Http::new(scheme);
        http.description = Some(description.to_owned());
        SecurityScheme::Http(http)
    };
    let token = utoipa::openapi::security::ApiKeyValue::with_description(
        "Authorization",
        "`Token KEY`, as Django REST framework has it. The bare key is taken too.",
    );
    vec![
        ("token", SecurityScheme::ApiKey(utoipa::openapi::security::ApiKey::Header(token))),
        ("bearer", http(HttpAuthScheme::Bearer, "The key.")),
        ("basic", http(HttpAuthScheme::Basic, "The key is the password; the name is not looked at.")),
    ]
}
