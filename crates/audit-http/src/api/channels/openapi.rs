//! `/api/v1/channels`.

use serde_json::json;
use utoipa::openapi::{RefOr, Schema};

use super::LIST;
use crate::api::native::openapi::READ;
use crate::openapi::ApiDocs;
use crate::openapi::operation::Operation;
use crate::openapi::path::Path;
use crate::openapi::schema::{Members, closed, integer_from, list, named, nullable_instant};

const TAG: &str = "channels";

pub(crate) fn docs() -> ApiDocs {
    ApiDocs { tag: Some((TAG, "The tenants.")), paths: paths(), schemas: schemas(), parameters: Vec::new() }
}

fn paths() -> Vec<Path> {
    let example =
        json!({"results": [{"channel_id": 1, "events": 3, "action_logs": 0, "last_recorded_at": "2026-11-22T16:56:23.881349Z"}]});
    let list = Operation::new("listChannels", TAG, "The channels of the key that were ever written to")
        .describe("Role `reader` or `admin`.")
        .json(200, "The channels.", named("ChannelList"), example)
        .problems(&READ);
    vec![Path::new(LIST).get(list).native_options("channelsOptions", TAG)]
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let channel = closed()
        .always("channel_id", integer_from(0))
        .always("events", integer_from(0).description(Some("The size of its log: positions are 0 to one less.")))
        .always("action_logs", integer_from(0).description(Some("The size of its log of action logs.")))
        .always("last_recorded_at", nullable_instant());
    vec![
        ("Channel".to_owned(), channel.into()),
        ("ChannelList".to_owned(), closed().always("results", list(named("Channel"))).into()),
    ]
}
