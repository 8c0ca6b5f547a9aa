//! What holds for any record.

use audit_domain::{JsonText, MaskingPolicy};
use proptest::prelude::*;
use serde_json::Value;

use super::{masked, masked_by, masked_message};

fn config() -> ProptestConfig {
    ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() }
}

/// A value that no rule knows by its form.
const PLANTED: &str = "Zq7Vw93kLm";

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("password".to_owned()),
        Just("apiKey".to_owned()),
        Just("X-Auth-Token".to_owned()),
        Just("token_type".to_owned()),
        Just("credentials".to_owned()),
        Just("cookies".to_owned()),
        "[a-z_~/\"\\\\é]{0,5}",
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z =:&\"'\\\\@/%{}\\[\\],;\n]{0,8}".prop_map(Value::from),
        "(password|token|Cookie|api key)[ \"]{0,2}[=:][ \"']{0,2}[a-zA-Z0-9,\"' ;&]{0,12}".prop_map(Value::from),
        Just(Value::from("postgres://u:p@h/d")),
        Just(Value::from("{\"a\":{\"password\":\"b\"}}")),
        Just(Value::from("4111111111111111")),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The structure without scalars.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.iter().map(|(key, value)| (key.clone(), shape(value))).collect()),
        Value::Array(elements) => Value::Array(elements.iter().map(shape).collect()),
        _ => Value::Null,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn masking_keeps_the_structure_and_a_second_time_does_nothing(value in json(), spaced in any::<bool>()) {
        let text = if spaced { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        prop_assert_eq!(masked_by(&MaskingPolicy::none(), &text), (text.clone(), None));
        let (once, slot) = masked(&text);
        let after: Value = serde_json::from_str(&once).unwrap();
        prop_assert_eq!(shape(&after), shape(&value));
        prop_assert_eq!(slot.is_some(), once != text, "{}", once);
        prop_assert_eq!(masked(&once), (once.clone(), None));
        if let Some(slot) = slot {
            let slot: Value = serde_json::from_str(&slot).unwrap();
            let root = serde_json::json!({ "post_data": after });
            for pointer in slot["pointers"].as_array().unwrap() {
                let found = root.pointer(pointer.as_str().unwrap());
                let is_masked = found.is_some_and(|value| value.as_str().is_some_and(|text| text.contains("[masked]")));
                prop_assert!(is_masked, "{} in {}", pointer, root);
            }
        }
    }

    #[test]
    fn a_planted_secret_never_remains(
        before in "[a-z ,;&{}\\[\\]\n]{0,12}", after in "[a-z ,;&{}\\[\\]\n]{0,12}", form in 0usize..12, layers in 0u8..3,
    ) {
        let secret = match form {
            0 => format!("password={PLANTED}"),
            1 => format!("{{\"password\": \"{PLANTED}\"}}"),
            2 => format!("{{'api_key': '{PLANTED}'}}"),
            3 => format!("https://u:{PLANTED}@host/x"),
            4 => format!("Authorization: Bearer {PLANTED}"),
            5 => format!("Token: {PLANTED}"),
            6 => format!("<password>{PLANTED}</password>"),
            7 => format!("--api-key {PLANTED}"),
            8 => format!("Cookie: sid={PLANTED}; a=b"),
            9 => format!("user%5Bpassword%5D={PLANTED}"),
            10 => format!("Bearer {PLANTED}{PLANTED}"),
            _ => format!("pwd => \"{PLANTED}\""),
        };
        let text = format!("{before}\n{secret}\n{after}");
        let result = masked_message(&text);
        prop_assert!(!result.contains(PLANTED), "{}", result);
        prop_assert!(result.starts_with(&format!("{before}\n")) && result.ends_with(&format!("\n{after}")), "{}", result);
        // Inside strings inside strings.
        let mut json = JsonText::string(&text).to_string();
        for _ in 0..layers {
            json = JsonText::string(&format!("{{\"x\":{json}}}")).to_string();
        }
        let (nested, _) = masked(&json);
        prop_assert!(!nested.contains(PLANTED), "{}", nested);
    }
}
