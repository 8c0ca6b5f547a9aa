//! The document of a proof: any other text is refused, and the message names the member.

use crate::proof;
use audit_domain::log::{DocumentError, EntryProof, SlotContent, SlotProof};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn a_document_with_a_mistake_names_the_member() {
    let (_, proof) = proof(1, 3);
    let good: Value = serde_json::from_str(&proof.to_string()).unwrap();
    let said = |pointer: &str, value: Value| {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        document.to_string().parse::<EntryProof>().unwrap_err().to_string()
    };
    let null = Value::Null;
    for (pointer, value, expected) in [
        ("/origin", null.clone(), "`origin` must be a string (got null)"),
        ("/vkey", 1.into(), "`vkey` must be a string (got 1)"),
        ("/leaf_data", "4145563".into(), "`leaf_data` must be at most 1110 bytes in lowercase hex (got \"4145563\")"),
        (
            "/leaf_data",
            "41".repeat(1111).into(),
            "`leaf_data` must be at most 1110 bytes in lowercase hex (got \"414141414141414141414141414141414141414…)",
        ),
        ("/leaf_hash", "AA".into(), "`leaf_hash` must be a string of 64 lowercase hex digits (got \"AA\")"),
        ("/position", (-1).into(), "`position` must be an integer from 0 to 18446744073709551615 (got -1)"),
        ("/tree_size", 1.5.into(), "`tree_size` must be an integer from 0 to 18446744073709551615 (got 1.5)"),
        ("/inclusion", "x".into(), "`inclusion` must be an array of at most 64 elements (got \"x\")"),
        ("/inclusion/0", "00".into(), "`inclusion[0]` must be a string of 64 lowercase hex digits (got \"00\")"),
        ("/checkpoint", null.clone(), "`checkpoint` must be a string (got null)"),
        ("/slots", null.clone(), "`slots` must be an array of at most 32 elements (got null)"),
        ("/slots/0", 5.into(), "`slots[0]` must be an object with few members (got 5)"),
        ("/slots/0/slot", 256.into(), "`slots[0].slot` must be the number of a slot, 0 to 255 (got 256)"),
        ("/slots/0/name", null.clone(), "`slots[0].name` must be a string (got null)"),
        ("/slots/2/salt", "00".into(), "`slots[2].salt` must be a string of 32 lowercase hex digits (got \"00\")"),
        ("/slots/2/value", serde_json::json!({}), "`slots[2].value` must be a string (got {})"),
        ("/slots/1/commitment", 1.into(), "`slots[1].commitment` must be a string of 64 lowercase hex digits (got 1)"),
        ("/slots/1/erased", 1.into(), "`slots[1].erased` must be an object with few members (got 1)"),
        (
            "/slots/1/erased",
            serde_json::json!({"at": "2023-11-14"}),
            "`slots[1].erased.at` must be an instant such as 2023-10-16T09:00:00.929094Z (got \"2023-11-14\")",
        ),
        ("/slots/1/erased", serde_json::json!({"at": "2023-11-14T22:13:20Z"}), "`slots[1].erased.by_position` is missing"),
        ("/witnessed", serde_json::json!({"origin": "a"}), "`witnessed.checkpoint` is missing"),
    ] {
        assert_eq!(said(pointer, value), expected);
    }
    for name in good.as_object().unwrap().keys().filter(|name| *name != "witnessed") {
        let mut document = good.clone();
        document.as_object_mut().unwrap().remove(name);
        let error = document.to_string().parse::<EntryProof>().unwrap_err().to_string();
        assert_eq!(error, format!("`{name}` is missing"));
    }
    let parse = |text: &str| text.parse::<EntryProof>().unwrap_err().to_string();
    let text = proof.to_string();
    assert_eq!(parse(&text.replacen("{", "{\"vkey\":\"x\",", 1)), "`vkey` is given twice");
    assert!(parse(&text.replacen("{", "{\"Origin\":1,", 1)).starts_with("`Origin` is unknown: the members are origin, vkey,"));
    let mixed = parse(&text.replace("\"erased\":null", "\"erased\":null,\"value\":\"1\""));
    assert_eq!(mixed, "`slots[1].value` is unknown: the members are slot, name, commitment, erased");
    assert!(parse("[]").contains("expected a JSON object") && parse("{").contains("line 1"));
    assert!(matches!(format!("{text}{}", " ".repeat(8 << 20)).parse::<EntryProof>(), Err(DocumentError::TooLarge(_))));
}

/// The members that nobody signs, and that the key makes irrelevant.
fn is_unsigned(line: &str, at: usize) -> bool {
    let vkey = line.find("\"vkey\":\"").unwrap() + 8;
    let end = vkey + line[vkey..].find('"').unwrap();
    (vkey..end).contains(&at)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_character_makes_no_other_proof(at in any::<prop::sample::Index>(), with in "[ -~\u{e9}]") {
        let (log, proof) = proof(5, 13);
        let text = proof.to_string();
        let at = at.index(text.len());
        prop_assume!(text.is_char_boundary(at) && !is_unsigned(&text, at));
        let end = at + text[at..].chars().next().unwrap().len_utf8();
        let changed = format!("{}{with}{}", &text[..at], &text[end..]);
        if let Ok(read) = changed.parse::<EntryProof>() {
            prop_assert!(read == proof || read.verify(log.key.verifier()).is_err(), "{}", changed);
        }
    }

    #[test]
    fn every_value_comes_back_from_its_document(value in any::<String>(), slots in 0usize..33, is_open in any::<bool>()) {
        let (_, mut proof) = proof(0, 1);
        let content = match is_open {
            true => SlotContent::Open { salt: [7; 16], value },
            false => SlotContent::Erased { commitment: [7; 32], erasure: None },
        };
        proof.slots = (0..slots).map(|number| SlotProof { number: number as u8, name: "n".to_owned(), content: content.clone() }).collect();
        prop_assert_eq!(proof.to_string().parse(), Ok(proof));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}:,\"\\\\ 0-9a-f]{0,60}") {
        let _is_a_result = text.parse::<EntryProof>();
        let _is_a_result = format!("{{\"slots\":{text}}}").parse::<EntryProof>();
    }
}
