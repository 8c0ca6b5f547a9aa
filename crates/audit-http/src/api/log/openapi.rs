//! `/log/`.

use audit_store::domain::Stream;
use serde_json::json;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::{Content, ResponseBuilder};

use super::{CHECKPOINT, CONSISTENCY, KEYS, TILE, root};
use crate::api::native::openapi::READ;
use crate::failure::Code;
use crate::openapi::ApiDocs;
use crate::openapi::operation::{Operation, header, query, required_query, segment};
use crate::openapi::path::Path;
use crate::openapi::schema::{Members, closed, integer_from, leaf_hash, list, one_of, string};

const TAG: &str = "log";

pub(crate) fn docs() -> ApiDocs {
    let about =
        "The logs as C2SP tlog-tiles: verifier keys, checkpoints, tiles, consistency proofs. `docs/log-format.md` has the formats.";
    ApiDocs { tag: Some((TAG, about)), paths: paths(), ..ApiDocs::default() }
}

/// Who may read.
const ROLE: &str = "Role `reader` or `admin`; nobody needs a key if the setting `public_log` is on.";

fn of_log(path: &'static str) -> Path {
    let channel = segment("channel_id", "The channel.", string(), json!("1"));
    let stream = segment("stream", "The stream.", one_of([Stream::Events, Stream::ActionLogs].map(Stream::name)), json!("events"));
    Path::new(path).segment(channel).segment(stream)
}

fn text(description: &str, example: &str) -> ResponseBuilder {
    let content = Content::builder().schema(Some(string())).example(Some(json!(example))).build();
    let always_new = header("`no-cache`");
    ResponseBuilder::new().description(description).content("text/plain", content).header("Cache-Control", always_new)
}

fn size(name: &str, text: &str, is_required: bool) -> Parameter {
    if is_required { required_query(name, text, integer_from(0)) } else { query(name, text, integer_from(0)) }
}

/// A note as a response shows it.
const NOTE: &str = "audit.local/5f0c6a9be1d24c77/1/events\n3\nAhl6DLTgh8ADJY+x3Et3rsc7hyAzTpsZJFfNxPoHrY4=\n\n\u{2014} audit.local/5f0c6a9be1d24c77/1/events \
                    1qWh8i2n…\n";

/// The operations of a log; those of the root log have names of their own.
fn checkpoint_of(id: &str, of: &str, more: &str, note: &str) -> Operation {
    Operation::new(id, TAG, &format!("The newest signed checkpoint of {of}"))
        .describe(&format!("{ROLE} A note of C2SP tlog-checkpoint.{more}"))
        .respond(200, text("The checkpoint.", note))
        .problems(&READ)
        .problems(&[Code::NotFound])
}

fn consistency_of(id: &str, of: &str) -> Operation {
    let proof = closed()
        .always("from", integer_from(0))
        .always("to", integer_from(0))
        .always("consistency", list(leaf_hash()).description(Some("The hashes of the proof (RFC 6962, 2.1.2).")));
    Operation::new(id, TAG, &format!("The proof that a tree of {of} begins with the entries of an older one"))
        .describe(ROLE)
        .parameters([
            size("from", "The number of entries of the older tree.", true),
            size("to", "The number of entries of the newer tree; that of the newest checkpoint by default.", false),
        ])
        .json(200, "The proof.", proof, json!({"from": 3, "to": 3, "consistency": []}))
        .problems(&READ)
        .problems(&[Code::NotFound])
}

fn tile_of(id: &str, of: &str, leaves: &str) -> Operation {
    let bytes = Content::new(Some(string().format(Some(utoipa::openapi::SchemaFormat::Custom("binary".to_owned())))));
    Operation::new(id, TAG, &format!("A tile of {of}: hashes, or {leaves}"))
        .describe(&format!(
            "{ROLE} 32 bytes for each hash; for each entry its length in two bytes, big-endian, and its bytes. A tile never changes."
        ))
        .respond(
            200,
            ResponseBuilder::new()
                .description("The tile.")
                .content("application/octet-stream", bytes)
                .header("Cache-Control", header("`max-age=31536000, immutable`, and whether caches may share it.")),
        )
        .problems(&READ)
        .problems(&[Code::NotFound])
}

fn paths() -> Vec<Path> {
    let vkey = "audit.local/5f0c6a9be1d24c77/1/events+d6a5a1f2+AUyzgDmj/2nRaZYB8ABBZpXyGt0ItOIoBkX9eoc7wHoo";
    let keys = Operation::new("verifierKeys", TAG, "The verifier keys of the logs of the key's channels, one on each line")
        .describe(&format!(
            "{ROLE} A key in the text of C2SP signed-note; its name is the origin of the log. Compare it with the one that you have \
             from elsewhere: a server that lies would show another one."
        ))
        .respond(200, text("The keys.", &format!("{vkey}\n")))
        .problems(&READ);
    let path_of_tile = segment(
        "tile",
        "The path of a tile as C2SP tlog-tiles spells it: `tile/<level>/<number>`, `tile/entries/<number>`, with `.p/<width>` for a \
         partial one.",
        string(),
        json!("tile/0/000.p/3"),
    );
    let more = " With the cosignatures of witnesses. A checkpoint that is up to a minute older is served if it has more of them.";
    let of_root = NOTE.replace("/1/events", "/root");
    vec![
        Path::new(KEYS).get(keys).native_options("verifierKeysOptions", TAG),
        Path::new(root::CHECKPOINT)
            .get(checkpoint_of("rootCheckpoint", "the root log", more, &of_root))
            .native_options("rootCheckpointOptions", TAG),
        Path::new(root::CONSISTENCY)
            .get(consistency_of("rootConsistency", "the root log"))
            .native_options("rootConsistencyOptions", TAG),
        Path::new(root::TILE)
            .segment(path_of_tile.clone())
            .get(tile_of("rootTile", "the root log", "checkpoints"))
            .native_options("rootTileOptions", TAG),
        of_log(CHECKPOINT).get(checkpoint_of("checkpoint", "a log", "", NOTE)).native_options("checkpointOptions", TAG),
        of_log(CONSISTENCY).get(consistency_of("consistency", "the log")).native_options("consistencyOptions", TAG),
        of_log(TILE).segment(path_of_tile).get(tile_of("tile", "a log", "leaves")).native_options("tileOptions", TAG),
    ]
}
