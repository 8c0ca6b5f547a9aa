//! `/healthz` and `/readyz`.

use serde_json::json;

use super::{ALIVE, READY};
use crate::openapi::ApiDocs;
use crate::openapi::operation::Operation;
use crate::openapi::path::Path;
use crate::openapi::schema::{Members, closed, instant, integer_from, list, one_of, string};

pub(crate) const TAG: &str = "operations";

pub(crate) fn docs() -> ApiDocs {
    ApiDocs { tag: Some((TAG, "For those who run the server.")), paths: paths(), schemas: Vec::new(), parameters: Vec::new() }
}

fn paths() -> Vec<Path> {
    let status = |texts: &[&'static str]| closed().always("status", one_of(texts.iter().copied()));
    let alive = Operation::new("health", TAG, "Whether the process answers").without_key();
    let alive = alive.json(200, "It does.", status(&["ok"]), json!({"status": "ok"}));
    let about = "What is strange all the same: the clock jumped ahead, the last entry of a log is ahead of it, the search index \
                 of a log has been behind for more than a minute, or a witness did not cosign for ten minutes. Left out otherwise.";
    let warnings = list(string()).min_items(Some(1)).description(Some(about));
    let about =
        "The last complete scrub, which reads everything in the database and compares it. Left out before the first one ended.";
    let scrub = closed()
        .always("ended_at", instant())
        .always("entries", integer_from(0).description(Some("Entries that it compared.")))
        .always("findings", integer_from(0).description(Some("Differences that it found.")))
        .always("not_checked", integer_from(0).description(Some("What it could not compare, although it should.")))
        .description(Some(about));
    let reasons = ["the database cannot be used", "the clock is wrong", "shutting down", "internal error"];
    let ready = Operation::new("readiness", TAG, "Whether the database can be read, its writer runs and the clock can be right")
        .without_key()
        .json(200, "They do.", status(&["ready"]).maybe("warnings", warnings).maybe("scrub", scrub), json!({"status": "ready"}))
        .json(503, "They do not.", status(&reasons), json!({"status": "shutting down"}));
    vec![
        Path::new(ALIVE).get(alive).open_options("healthOptions", TAG),
        Path::new(READY).get(ready).open_options("readinessOptions", TAG),
    ]
}
