//! Rules of an operator.

use audit_domain::{JsonText, MaskingPolicy, MaskingRules, MaskingRulesError, NewEvent};

use super::{event, masked_by};

fn rules(json: &str) -> MaskingRules {
    serde_json::from_str(json).unwrap()
}

fn policy(json: &str) -> MaskingPolicy {
    MaskingPolicy::from_rules(&rules(json)).unwrap()
}

#[test]
fn names_are_added_and_left_for_all_tables() {
    let policy = policy(r#"{"name":"shop","version":3,"tables":{"*":{"mask":["loyalty number","pin"],"keep":["session_key"]}}}"#);
    let (text, slot) =
        masked_by(&policy, r#"{"loyaltyNumber":"1","customer_pin":"2","sessionKey":"3","my_session_key":"4","spin":"5"}"#);
    assert_eq!(
        text,
        r#"{"loyaltyNumber":"[masked]","customer_pin":"[masked]","sessionKey":"3","my_session_key":"[masked]","spin":"5"}"#
    );
    let pointers = r#"["/post_data/loyaltyNumber","/post_data/customer_pin","/post_data/my_session_key"]"#;
    assert_eq!(slot.unwrap(), format!(r#"{{"policy":"shop/3","pointers":{pointers}}}"#));
    assert_eq!(policy.label(), "shop/3");
}

#[test]
fn rules_of_a_table_count_only_there() {
    let policy = policy(r#"{"name":"shop","tables":{"shop.Order":{"mask":["note"],"keep":["token"]}}}"#);
    let content = r#"{"new_data":{"note":"a","token":"b"}}"#;
    for (table, expected) in [
        ("shop.order", r#"{"new_data":{"note":"[masked]","token":"b"}}"#),
        ("shop.cart", r#"{"new_data":{"note":"a","token":"[masked]"}}"#),
    ] {
        let mut event = event(&format!(r#"{{"table_name":"{table}","content":{content}}}"#));
        assert!(event.mask(&policy).is_some());
        assert_eq!(event.content.unwrap().as_str(), expected);
    }
}

#[test]
fn in_allow_mode_only_listed_names_stay_readable() {
    let policy = policy(r#"{"name":"strict","mask":"allow","tables":{"*":{"keep":["status","address"]}}}"#);
    let (text, _) = masked_by(
        &policy,
        r#"{"status":"open","n":5,"flag":true,"none":null,"empty":"","address":{"city":"Riga","password":"x"},"a":["b"]}"#,
    );
    assert_eq!(
        text,
        r#"{"status":"open","n":"[masked]","flag":"[masked]","none":null,"empty":"","address":{"city":"Riga","password":"[masked]"},"a":["[masked]"]}"#
    );
    let mut event = NewEvent::new().url("/orders/7").description("seen");
    assert_eq!(event.mask(&policy), None, "texts are not members that hold values by their names");
}

#[test]
fn the_policy_none_changes_nothing() {
    let text = r#"{"password":"x","a":"Bearer abcdefgh12345678"}"#;
    assert_eq!(masked_by(&MaskingPolicy::none(), text), (text.to_owned(), None));
    assert_eq!((MaskingPolicy::none().label(), MaskingPolicy::standard().label()), ("none", "standard/1"));
}

#[test]
fn faults_of_rules_are_named() {
    for name in ["", "standard", "none", "Shop", "a b", &"x".repeat(41)] {
        let found = MaskingPolicy::from_rules(&rules(&format!(r#"{{"name":"{name}"}}"#))).unwrap_err();
        assert_eq!(found, MaskingRulesError::Name(name.to_owned()));
    }
    assert_eq!(rules(r#"{"name":"a","version":0}"#).check(), Err(MaskingRulesError::Version));
    let listed = rules(r#"{"name":"a","tables":{"t":{"keep":["--"]}}}"#).check().unwrap_err();
    assert_eq!(listed.to_string(), r#"tables."t".keep: a name has 1 to 60 characters, with a letter or a digit (got "--")"#);
    let both = rules(r#"{"name":"a","tables":{"t":{"keep":["api_key"],"mask":["apiKey"]}}}"#).check().unwrap_err();
    assert_eq!(both.to_string(), r#"tables."t": "apiKey" is in `mask` and in `keep`; leave it in one of them"#);
    for (json, message) in [
        (r#"{"name":"a","masks":[]}"#, "unknown field `masks`, expected one of `name`, `version`, `mask`, `tables`"),
        (r#"{"name":"a","mask":"none"}"#, "unknown variant `none`, expected `deny` or `allow`"),
        (r#"{"name":"a","tables":{"*":{"remove":["x"]}}}"#, "unknown field `remove`, expected `mask` or `keep`"),
        (r#"{"version":1}"#, "missing field `name`"),
    ] {
        let error = serde_json::from_str::<MaskingRules>(json).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let _is_cheap_to_clone: JsonText = JsonText::string(MaskingPolicy::standard().clone().label());
}

#[test]
fn the_rules_of_a_table_come_before_those_of_all() {
    let policy = policy(
        r#"{"name":"shop","tables":{"*":{"mask":["pin"],"keep":["token"]},"shop.order":{"mask":["token"],"keep":["pin"]}}}"#,
    );
    for (table, expected) in
        [("shop.order", r#"{"pin":"a","token":"[masked]"}"#), ("shop.cart", r#"{"pin":"[masked]","token":"b"}"#)]
    {
        let mut event = event(&format!(r#"{{"table_name":"{table}","content":{{"pin":"a","token":"b"}}}}"#));
        assert!(event.mask(&policy).is_some());
        assert_eq!(event.content.unwrap().as_str(), expected);
    }
}

/// A name that only one table masks is found in texts, too, and not in those of other tables.
#[test]
fn names_of_one_table_are_masked_in_texts() {
    let policy = policy(r#"{"name":"shop","tables":{"shop.order":{"mask":["note"]}}}"#);
    for (table, mask) in [("shop.order", "[masked]"), ("shop.cart", "abc123456")] {
        let json = format!(r#"{{"table_name":"{table}","url":"/x?note=abc123456","description":"token=t1 note=abc123456"}}"#);
        let mut event = event(&json);
        assert!(event.mask(&policy).is_some());
        assert_eq!(event.url.unwrap().as_str(), format!("\"/x?note={mask}\""));
        assert_eq!(event.description.unwrap().as_str(), format!("\"token=[masked] note={mask}\""));
    }
}

#[test]
fn an_explanation_shows_a_name_as_it_is_listed() {
    let policy = policy(r#"{"name":"shop","tables":{"*":{"mask":["Loyalty number"]}}}"#);
    let event = NewEvent::new().post_data(JsonText::parse(r#"{"loyaltyNumbers":"a","apikey":"2"}"#).unwrap());
    let rules: Vec<String> = event.explain_masking(&policy).into_iter().map(|value| value.rule.to_string()).collect();
    assert_eq!(rules, ["name `Loyalty number`", "name `api key`"]);
}
