//! `/healthz` and `/readyz`.

use serde_json::json;

use super::operation::Operation;
use super::path::Path;
use super::schema::{Members, closed, one_of};
use crate::api::health::{ALIVE, READY};

pub(super) const TAG: &str = "operations";

pub(super) fn paths() -> Vec<Path> {
    let status = |texts: &[&'static str]| closed().always("status", one_of(texts.iter().copied()));
    let alive = Operation::new("health", TAG, "Whether the process answers").without_key();
    let alive = alive.json(200, "It does.", status(&["ok"]), json!({"status": "ok"}));
    let ready = Operation::new("readiness", TAG, "Whether the database can be read and its writer runs")
        .without_key()
        .json(200, "They do.", status(&["ready"]), json!({"status": "ready"}))
        .json(503, "They do not.", status(&["the database cannot be used", "shutting down"]), json!({"status": "shutting down"}));
    vec![
        Path::of(ALIVE).get(alive).open_options("healthOptions", TAG),
        Path::of(READY).get(ready).open_options("readinessOptions", TAG),
    ]
}
