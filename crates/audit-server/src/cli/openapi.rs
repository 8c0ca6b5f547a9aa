//! `openapi`: prints the document that the server serves at `/openapi.json`.

use std::io::Write;

use anyhow::Context;

pub(super) fn run() -> anyhow::Result<()> {
    std::io::stdout().write_all(audit_http::openapi_json().as_bytes()).context("cannot write to stdout")
}
