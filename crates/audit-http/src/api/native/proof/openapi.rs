//! The document of proofs and leaves.

use audit_store::domain::log::PROOF_FILE_EXTENSION;
use serde_json::json;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, ResponseBuilder, SchemaFormat};

use super::{JSON, Stream, TEXT};
use crate::api::native::openapi::{LEAF_HASH, READ, RECORDS, StreamDocs};
use crate::failure::Code;
use crate::openapi::operation::{Operation, header, json as json_content};
use crate::openapi::path::Path;
use crate::openapi::schema::{Members, closed, instant, integer_from, leaf_hash, list, lower_first, named, string, typed};

pub(in crate::api::native) fn paths<S: Stream>(words: &StreamDocs, uuid: &Parameter) -> [Path; 2] {
    let id = lower_first(words.record);
    [
        Path::new(S::PROOF).segment(uuid.clone()).get(proof(words)).native_options(&format!("{id}ProofOptions"), words.tag),
        Path::new(S::LEAF).segment(uuid.clone()).get(leaf(words)).native_options(&format!("{id}LeafOptions"), words.tag),
    ]
}

fn proof(words: &StreamDocs) -> Operation {
    let file = format!(
        "A file of C2SP tlog-proof, for a client that prefers `text/plain`. Its line `extra` has `slots`. Save it as \
         `<uuid>.{PROOF_FILE_EXTENSION}`; programs that verify it need the leaf."
    );
    let response = ResponseBuilder::new()
        .description("The proof.")
        .content(JSON, json_content(named("EntryProof"), example()))
        .content(TEXT, Content::new(Some(string().description(Some(file)))))
        .header("Cache-Control", header("`no-cache`"))
        .header("Vary", header("`Accept`"));
    Operation::new(&format!("prove{}", words.record), words.tag, &format!("The proof that {} is in its log, unchanged", words.one))
        .describe(
            "Role `reader` or `admin`. Its leaf, the salts and values of its slots, the inclusion proof and the newest signed \
             checkpoint, which a program verifies offline with the verifier key of the log (`/log/vkey`).",
        )
        .shared_parameters([words.shared("channel_id")])
        .respond(200, response)
        .problems(&READ)
        .problems(&RECORDS)
        .problems(&[Code::NotFound, Code::NotSigned])
}

fn leaf(words: &StreamDocs) -> Operation {
    let bytes = string().format(Some(SchemaFormat::Custom("binary".to_owned())));
    let response = ResponseBuilder::new()
        .description("The bytes that are hashed into the tree, without the byte 0 before them.")
        .content("application/octet-stream", Content::new(Some(bytes)));
    Operation::new(&format!("leafOf{}", words.record), words.tag, &format!("The leaf of {}", words.one))
        .describe("Role `reader` or `admin`.")
        .shared_parameters([words.shared("channel_id")])
        .respond(200, response)
        .problems(&READ)
        .problems(&RECORDS)
        .problems(&[Code::NotFound])
}

/// Describes the proof. `docs/log-format.md` says how it is verified.
pub(in crate::api::native) fn schema() -> ObjectBuilder {
    let hex = || string().pattern(Some("^([0-9a-f]{2})*$"));
    let slot = closed()
        .always("slot", integer_from(0).maximum(Some(255)))
        .always("name", string())
        .maybe("salt", string().pattern(Some("^[0-9a-f]{32}$")))
        .maybe("value", string().description(Some("The JSON text of the value as it was hashed, in a string.")))
        .maybe("commitment", leaf_hash().description(Some("Of a slot whose value was erased.")))
        .maybe("erased", erased());
    closed()
        .description(Some("The proof that an entry is in its log."))
        .always("origin", string())
        .always("vkey", string().description(Some("For people. A verifier takes the key from elsewhere.")))
        .always("leaf_data", hex())
        .always("leaf_hash", leaf_hash())
        .always("position", integer_from(0))
        .always("tree_size", integer_from(1))
        .always("inclusion", list(leaf_hash()))
        .always("checkpoint", string().description(Some("The checkpoint as it was signed.")))
        .always("slots", list(slot))
        .always(
            "witnessed",
            typed([Type::Object, Type::Null])
                .description(Some("The inclusion of the checkpoint in the root log; null if the root log does not have it yet.")),
        )
}

fn erased() -> ObjectBuilder {
    typed([Type::Object, Type::Null])
        .description(Some("When and by which entry it was erased, if that is known."))
        .property("at", instant())
        .property("by_position", integer_from(0))
}

fn example() -> serde_json::Value {
    json!({
        "origin": "audit.local/5f0c6a9be1d24c77/1/events",
        "vkey": "audit.local/5f0c6a9be1d24c77/1/events+d6a5a1f2+AUyzgDmj/2nRaZYB8ABBZpXyGt0ItOIoBkX9eoc7wHoo",
        "leaf_data": "41455631",
        "leaf_hash": LEAF_HASH,
        "position": 0,
        "tree_size": 1,
        "inclusion": [],
        "checkpoint": "audit.local/5f0c6a9be1d24c77/1/events\n1\n…",
        "slots": [{"slot": 3, "name": "url", "salt": "4d96b490370c9d0a6488e809644c3274", "value": "\"/orders\""}],
        "witnessed": null
    })
}
