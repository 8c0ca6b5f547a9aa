//! `/metrics`.

use utoipa::openapi::{Content, ResponseBuilder};

use super::METRICS;
use crate::api::health::openapi::TAG;
use crate::api::native::openapi::READ;
use crate::failure::Code;
use crate::openapi::ApiDocs;
use crate::openapi::operation::Operation;
use crate::openapi::path::Path;
use crate::openapi::schema::string;

pub(crate) fn docs() -> ApiDocs {
    ApiDocs { tag: None, paths: paths(), schemas: Vec::new(), parameters: Vec::new() }
}

fn paths() -> Vec<Path> {
    let text = Content::new(Some(string().description(Some("The text format of Prometheus."))));
    let response = ResponseBuilder::new().description("The metrics.").content("text/plain", text);
    let metrics = Operation::new("metrics", TAG, "Appends, batches, queue, latencies and sizes, for Prometheus")
        .describe("Role `reader` or `admin`, for all channels: the sizes of all logs are in it.")
        .respond(200, response)
        .problems(&READ)
        .problems(&[Code::NotFound]);
    vec![Path::new(METRICS).get(metrics).native_options("metricsOptions", TAG)]
}
