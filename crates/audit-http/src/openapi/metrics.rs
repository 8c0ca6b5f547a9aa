//! `/metrics`.

use utoipa::openapi::{Content, ResponseBuilder};

use super::health::TAG;
use super::native::READ;
use super::operation::Operation;
use super::path::Path;
use super::schema::string;
use crate::metrics::METRICS;
use crate::problem::Code;

pub(super) fn paths() -> Vec<Path> {
    let text = Content::new(Some(string().description(Some("The text format of Prometheus."))));
    let response = ResponseBuilder::new().description("The metrics.").content("text/plain", text);
    let metrics = Operation::new("metrics", TAG, "Appends, batches, queue, latencies and sizes, for Prometheus")
        .describe("Role `reader` or `admin`, for all channels: the sizes of all logs are in it.")
        .respond(200, response)
        .problems(&READ)
        .problems(&[Code::NotFound]);
    vec![Path::new(METRICS).get(metrics).native_options("metricsOptions", TAG)]
}
