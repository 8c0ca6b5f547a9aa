//! `/api/v1/erasures`.

use audit_store::domain::Stream;
use audit_store::domain::limits::{ERASURE_UUIDS_MAX, REASON_CHARS_MAX};
use serde_json::json;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Schema};

use super::{LIST, PAGE, PAGE_MAX};
use crate::api::native::openapi::{BODY, READ};
use crate::failure::Code;
use crate::openapi::ApiDocs;
use crate::openapi::operation::{JSON, Operation, json as json_content, query, required_query};
use crate::openapi::path::Path;
use crate::openapi::schema::{
    Members, any_of, boolean, closed, instant, integer, integer_from, list, named, nullable_instant, nullable_integer,
    nullable_string, one_of, string, uuid,
};

const TAG: &str = "erasures";

pub(crate) fn docs() -> ApiDocs {
    ApiDocs {
        tag: Some((TAG, "Values that leave the log, while its proofs stay.")),
        paths: paths(),
        schemas: schemas(),
        parameters: Vec::new(),
    }
}

fn paths() -> Vec<Path> {
    let sent = json!({"channel_id": 1, "user": "4711", "reason": "ticket 12"});
    let begun = json!({"channel_id": 1, "stream": "events", "entries": 300, "position": 3000, "positions": [3000], "done": true});
    let stored = json!({
        "channel_id": 1, "stream": "events", "position": 3000, "uuid": "019aad6c-2f1d-7b5a-8f14-5d3f5c9e2a11",
        "at": "2026-12-01T16:30:00.118201Z", "producer_id": 2, "entries": 300, "slots": ["user", "remote_addr", "url"],
        "reason": "ticket 12", "finished_at": "2026-12-01T16:30:00.402113Z"
    });
    let create = Operation::new("createErasure", TAG, "Erases values of entries")
        .describe(
            "Role `admin`. First appends an entry `AUDIT.ERASE`, which says which positions and slots, and why, and never who. \
             Then erases values and salts, and waits up to ten seconds for the end. Proofs still verify; all APIs show null. \
             A repetition finds nothing left to erase, and answers 200.",
        )
        .body(JSON, json_content(named("NewErasure"), sent))
        .json(201, "The erasure has begun, and is over if `done`.", named("BegunErasure"), begun.clone())
        .json(200, "There is nothing to erase: no entry has such values any more.", named("BegunErasure"), begun)
        .problems(&READ)
        .problems(&BODY)
        .problems(&[Code::Conflict, Code::EntryWasChanged]);
    let list = Operation::new("listErasures", TAG, "The erasures of a log, newest first")
        .describe("Role `admin`.")
        .parameters([
            required_query("channel_id", "The channel.", integer_from(0)),
            query("stream", "The stream; `events` unless given.", stream()),
            query("limit", &format!("The largest number of erasures, {PAGE} unless given."), limit()),
            query("cursor", "Continues a list: `next_cursor` of the page before.", string()),
        ])
        .json(200, "The erasures.", named("ErasureList"), json!({"results": [stored], "next_cursor": null}))
        .problems(&READ)
        .problems(&[Code::InvalidQuery, Code::EntryWasChanged]);
    vec![Path::new(LIST).get(list).post(create).native_options("erasuresOptions", TAG)]
}

fn limit() -> ObjectBuilder {
    integer_from(1).maximum(Some(PAGE_MAX as isize))
}

fn stream() -> ObjectBuilder {
    one_of([Stream::Events, Stream::ActionLogs].map(Stream::name))
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let slots = || list(string()).description(Some("Names of slots: see docs/log-format.md."));
    let user = any_of([string().min_length(Some(1)).into(), integer().into()]);
    let new = closed()
        .always("channel_id", integer_from(0))
        .maybe("stream", stream())
        .maybe("user", user.description(Some("All events of the user with this id. Give this or `uuids`.")))
        .maybe("uuids", list(uuid()).min_items(Some(1)).max_items(Some(ERASURE_UUIDS_MAX)))
        .maybe("slots", slots().description(Some("What is erased: all slots but `subject` unless given.")))
        .always(
            "reason",
            string().min_length(Some(1)).max_length(Some(REASON_CHARS_MAX)).description(Some("It stays in the log: name nobody.")),
        );
    let begun = closed()
        .always("channel_id", integer_from(0))
        .always("stream", stream())
        .always("entries", integer_from(0).description(Some("The number of entries that lose values.")))
        .always(
            "position",
            nullable_integer().description(Some("The first entry `AUDIT.ERASE`; null if there is nothing to erase.")),
        )
        .always("positions", list(integer_from(0)).description(Some("All of them: an erasure of very many entries has several.")))
        .always("done", boolean().description(Some("Whether the values are gone. Otherwise the server goes on.")));
    let erasure = closed()
        .always("channel_id", integer_from(0))
        .always("stream", stream())
        .always("position", integer_from(0))
        .always("uuid", uuid())
        .always("at", instant())
        .always("producer_id", integer_from(0).description(Some("The token that asked for it; 0 for the command line.")))
        .always("entries", integer_from(1))
        .always("slots", slots())
        .always("reason", string())
        .always("finished_at", nullable_instant().description(Some("Since when the values are gone.")));
    let page = closed().always("results", list(named("Erasure"))).always("next_cursor", nullable_string());
    vec![
        ("NewErasure".to_owned(), new.into()),
        ("BegunErasure".to_owned(), begun.into()),
        ("Erasure".to_owned(), erasure.into()),
        ("ErasureList".to_owned(), page.into()),
    ]
}
