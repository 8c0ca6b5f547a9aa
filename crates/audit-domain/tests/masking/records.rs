//! Which members of a record are masked, and what slot 11 says.

use audit_domain::{MaskingPolicy, NewActionLog, NewEvent, ParseMode};

use super::{event, masked};

fn standard(event: &mut NewEvent) -> String {
    event.mask(&MaskingPolicy::standard()).unwrap().to_string()
}

fn slot(pointers: &str) -> String {
    format!(r#"{{"policy":"standard/1","pointers":[{pointers}]}}"#)
}

#[test]
fn each_member_is_masked_and_named_by_a_pointer() {
    let mut event = event(
        r#"{"uuid":"5f0c0a52-5d1e-4a4e-9c39-0c2f6f1f9a11","object_id":7,"user":{"pk":7,"username":"zoe","token":"a1"},
        "remote_addr":"http://u:pw@proxy","url":"/x?token=a2&b=1","description":"password=a3","query_params":{"api_key":"a4"},
        "post_data":{"a":[{"password":"a5"}],"b":"x"},"headers":{"Authorization":"Token a6"},
        "content":{"old_data":{"password":"a7"},"new_data":{"password":"a8"}},"extra":{"jwt":"a9"}}"#,
    );
    let pointers = [
        "/user/token",
        "/remote_addr",
        "/url",
        "/description",
        "/query_params/api_key",
        "/post_data/a/0/password",
        "/headers/Authorization",
        "/content/old_data/password",
        "/content/new_data/password",
        "/extra/jwt",
    ];
    assert_eq!(standard(&mut event), slot(&pointers.map(|pointer| format!("\"{pointer}\"")).join(",")));
    assert_eq!(event.user.unwrap().json().as_str(), r#"{"pk":7,"username":"zoe","token":"[masked]"}"#);
    assert_eq!(event.remote_addr.unwrap().as_str(), r#""http://u:[masked]@proxy""#);
    assert_eq!(event.url.unwrap().as_str(), r#""/x?token=[masked]&b=1""#);
    assert_eq!(event.content.unwrap().as_str(), r#"{"old_data":{"password":"[masked]"},"new_data":{"password":"[masked]"}}"#);
}

#[test]
fn an_action_log_is_masked_in_message_trace_and_extra() {
    let text = r#"{"level":20,"message":"token=a1","trace":"File \"x\"\n  password=a2","extra":{"a":{"secret":"a3"}}}"#;
    let mut log = NewActionLog::parse(text, ParseMode::NATIVE).unwrap();
    let value = log.mask(&MaskingPolicy::standard()).unwrap();
    assert_eq!(value.as_str(), slot(r#""/message","/trace","/extra/a/secret""#));
    assert_eq!(log.message.as_str(), r#""token=[masked]""#);
    assert_eq!(log.trace.unwrap().as_str(), r#""File \"x\"\n  password=[masked]""#);
    assert_eq!(log.extra.unwrap().as_str(), r#"{"a":{"secret":"[masked]"}}"#);
}

#[test]
fn what_is_not_masked_stays_byte_for_byte() {
    let (text, value) = masked(
        "{ \"a\" : 1.0e+5 ,\"caf\\u00e9\":[\"\\/\",{}],\n\"otp\": 0123456 , \"a\":\"\\ud800\" }"
            .replace("0123456", "123456")
            .as_str(),
    );
    assert_eq!(text, "{ \"a\" : 1.0e+5 ,\"caf\\u00e9\":[\"\\/\",{}],\n\"otp\": \"[masked]\" , \"a\":\"\\ud800\" }");
    assert_eq!(value.unwrap(), slot(r#""/post_data/otp""#));
}

#[test]
fn pointers_are_escaped_and_a_repeated_key_has_one() {
    let (text, value) = masked(r#"{"a/b~c\"d":{"password":"x"},"\u0065\/":{"password":"y"},"password":"1","password":"2"}"#);
    assert_eq!(
        text,
        r#"{"a/b~c\"d":{"password":"[masked]"},"\u0065\/":{"password":"[masked]"},"password":"[masked]","password":"[masked]"}"#
    );
    assert_eq!(value.unwrap(), slot(r#""/post_data/a~1b~0c\"d/password","/post_data/e~1/password","/post_data/password""#));
}

#[test]
fn json_inside_strings_is_masked_in_place() {
    let (text, value) = masked(r#"{"body":"{\"user\":\"bob\",\"password\":\"hun\\\"ter\",\"otp\":123456}"}"#);
    assert_eq!(text, r#"{"body":"{\"user\":\"bob\",\"password\":\"[masked]\",\"otp\":\"[masked]\"}"}"#);
    assert_eq!(value.unwrap(), slot(r#""/post_data/body""#));
    let inner = r#"{"b":"{\"pin\":{\"otp\":123456,\"secret\":\"x\"}}"}"#;
    let outer = serde_json::to_string(&serde_json::json!({ "a": inner })).unwrap();
    let (text, _) = masked(&outer);
    let outer: serde_json::Value = serde_json::from_str(&text).unwrap();
    let middle: serde_json::Value = serde_json::from_str(outer["a"].as_str().unwrap()).unwrap();
    assert_eq!(middle["b"], r#"{"pin":{"otp":"[masked]","secret":"[masked]"}}"#);
}

#[test]
fn headers_as_pairs_are_masked() {
    for (text, expected, pointer) in [
        (r#"{"h":[{"name":"Cookie","value":"a=b"}]}"#, r#"{"h":[{"name":"Cookie","value":"[masked]"}]}"#, "/post_data/h/0/value"),
        (r#"{"h":[{"value":"a=b","name":"Cookie"}]}"#, r#"{"h":[{"value":"[masked]","name":"Cookie"}]}"#, "/post_data/h/0/value"),
        (
            r#"{"h":[["Accept","*/*"],["X-Api-Key","abc"]]}"#,
            r#"{"h":[["Accept","*/*"],["X-Api-Key","[masked]"]]}"#,
            "/post_data/h/1/1",
        ),
    ] {
        assert_eq!(masked(text), (expected.to_owned(), Some(slot(&format!("\"{pointer}\"")))));
    }
    for clean in [r#"{"fields":["password","email"]}"#, r#"{"h":[["Cookie","a","b"]]}"#, r#"{"h":[{"name":"Accept","value":"x"}]}"#]
    {
        assert_eq!(masked(clean), (clean.to_owned(), None));
    }
}

#[test]
fn under_the_name_of_a_secret_only_secrets_are_masked() {
    for (text, expected) in [
        (
            r#"{"credentials":{"accessKeyId":"A1","sessionToken":"s1","expiration":"Jan 1"}}"#,
            r#"{"credentials":{"accessKeyId":"A1","sessionToken":"[masked]","expiration":"Jan 1"}}"#,
        ),
        (r#"{"password":{"old":"a","new":"b","at":"now"}}"#, r#"{"password":{"old":"[masked]","new":"[masked]","at":"now"}}"#),
        (r#"{"password":["a",null,"b"]}"#, r#"{"password":["[masked]",null,"[masked]"]}"#),
        (r#"{"tokens":{"access":"a","n":5}}"#, r#"{"tokens":{"access":"[masked]","n":5}}"#),
    ] {
        assert_eq!(masked(text).0, expected);
    }
}

#[test]
fn keys_of_authtoken_and_totp_devices_are_masked() {
    let key = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b";
    let mut token = event(&format!(
        r#"{{"table_name":"authtoken.token","object_id":"{key}","content":{{"old_data":null,"new_data":{{"key":"{key}","user":7}}}}}}"#
    ));
    assert_eq!(standard(&mut token), slot(r#""/object_id","/content/new_data/key""#));
    assert_eq!(token.object_id.unwrap().json().as_str(), "\"[masked]\"");
    assert_eq!(token.content.unwrap().as_str(), r#"{"old_data":null,"new_data":{"key":"[masked]","user":7}}"#);
    let mut device =
        event(r#"{"table_name":"otp_totp.totpdevice","object_id":7,"content":{"new_data":{"key":"abcd","digits":6}}}"#);
    assert_eq!(standard(&mut device), slot(r#""/content/new_data/key""#));
    let mut other = event(r#"{"table_name":"shop.order","object_id":"k","content":{"new_data":{"key":"abcd"}}}"#);
    assert_eq!(other.mask(&MaskingPolicy::standard()), None);
}

#[test]
fn an_explanation_names_the_rule_of_each_value() {
    let event = event(
        r#"{"user":{"token":"a1"},"url":"/x?api_key=a2&card=4111111111111111","description":"see postgres://u:p@h",
        "post_data":{"password":{"old":"a3"},"h":[{"name":"Cookie","value":"a=b"}],"otp":123456,
        "body":"{\"client_secret\":\"a4\"}"},"headers":{"x":"eyJhbGciOiJ.eyJzdWIiOiI.c2ln"}}"#,
    );
    let policy = MaskingPolicy::standard();
    let explain = |event: &NewEvent, policy: &MaskingPolicy| {
        let found = event.explain_masking(policy).into_iter();
        found.map(|value| format!("{} {}", value.pointer, value.rule)).collect::<Vec<_>>()
    };
    let expected = [
        "/user/token name `token`",
        "/url name `api key`",
        "/url form `card`",
        "/description form `url password`",
        "/post_data/password/old name `password`",
        "/post_data/h/0/value name `cookie`",
        "/post_data/otp name `otp`",
        "/post_data/body name `secret`",
        "/headers/x form `jwt`",
    ];
    assert_eq!(explain(&event, &policy), expected);
    assert_eq!(explain(&event, &MaskingPolicy::none()), [""; 0]);
    let rules = r#"{"name":"own","mask":"allow","tables":{"*":{"mask":["pin"]}}}"#;
    let allow = MaskingPolicy::from_rules(&serde_json::from_str(rules).unwrap()).unwrap();
    let event = NewEvent::new().post_data(audit_domain::JsonText::parse(r#"{"a/b":1,"user_pin":"x"}"#).unwrap());
    assert_eq!(explain(&event, &allow), ["/post_data/a~1b not in `keep`", "/post_data/user_pin name `pin`"]);
    let mut masked = event.clone();
    assert!(masked.mask(&allow).is_some(), "an explanation masks nothing");
    assert_ne!(masked, event);
}

#[test]
fn values_of_a_pair_are_masked_whatever_their_type() {
    for (text, expected, pointers) in [
        (r#"{"name":"otp","value":123456}"#, r#"{"name":"otp","value":"[masked]"}"#, r#""/post_data/value""#),
        (
            r#"{"value":["x1",null,-5],"name":"password"}"#,
            r#"{"value":["[masked]",null,"[masked]"],"name":"password"}"#,
            r#""/post_data/value/0","/post_data/value/2""#,
        ),
        (r#"{"name":"Cookie","values":["a=b"]}"#, r#"{"name":"Cookie","values":["[masked]"]}"#, r#""/post_data/values/0""#),
        (r#"[["\"Cookie \"","a"]]"#, r#"[["\"Cookie \"","[masked]"]]"#, r#""/post_data/0/1""#),
        (r#"[["Cookie",1234]]"#, r#"[["Cookie","[masked]"]]"#, r#""/post_data/0/1""#),
        (r#"[["Cookie",["a", "b"]]]"#, r#"[["Cookie",["[masked]", "[masked]"]]]"#, r#""/post_data/0/1/0","/post_data/0/1/1""#),
        (
            r#"{"changes":[{"field":"password","old":"a","new":"b"}]}"#,
            r#"{"changes":[{"field":"password","old":"[masked]","new":"[masked]"}]}"#,
            r#""/post_data/changes/0/old","/post_data/changes/0/new""#,
        ),
        (
            r#"{"from":1234,"to":null,"field":"otp","at":5,"old_value":"a"}"#,
            r#"{"from":"[masked]","to":null,"field":"otp","at":5,"old_value":"[masked]"}"#,
            r#""/post_data/from","/post_data/old_value""#,
        ),
    ] {
        assert_eq!(masked(text), (expected.to_owned(), Some(slot(pointers))));
    }
    for clean in [
        r#"{"name":"tokens","value":5}"#,
        r#"{"name":"otp","value":true,"type":"x"}"#,
        r#"{"name":"has_password","value":1}"#,
        r#"{"name":"password","value":{"length":5}}"#,
        r#"{"field":"token_type","old":"a","new":"b"}"#,
        r#"[["Cookie",1,2]]"#,
    ] {
        assert_eq!(masked(clean), (clean.to_owned(), None));
    }
}

#[test]
fn a_number_that_is_an_id_is_no_card() {
    let text = r#"{"user":{"pk":4111111111111111,"id":5500000000000004},"impersonator":5500000000000004,
        "content":{"id":4111111111111111,"order_ids":[4111111111111111],"orderId":4111111111111111}}"#;
    let mut ids = event(text);
    assert_eq!(ids.mask(&MaskingPolicy::standard()), None);
    let mut others = event(r#"{"user":{"pk":1,"card":4111111111111111},"content":{"id":"4111111111111111","n":4111111111111111}}"#);
    assert_eq!(standard(&mut others), slot(r#""/user/card","/content/id","/content/n""#));
}

#[test]
fn pwd_is_a_directory_only_outside_of_requests() {
    let mut event = event(r#"{"post_data":{"pwd":"/s3cr3t"},"content":{"pwd":"/home/bob"},"extra":{"PWD":"~","pwd":"x"}}"#);
    assert_eq!(standard(&mut event), slot(r#""/post_data/pwd","/extra/pwd""#));
}

#[test]
fn the_value_of_an_option_has_one_pointer() {
    for (list, pointer) in [
        (r#"["tool","--password","swordfish","-v"]"#, "/post_data/2"),
        (r#"[["--password","swordfish"]]"#, "/post_data/0/1"),
        (r#"["--password","--verbose"]"#, ""),
    ] {
        let (text, slot) = masked(list);
        assert!(!text.contains("swordfish"), "{text}");
        assert_eq!(slot.map(|slot| slot.matches("/post_data").count()), (!pointer.is_empty()).then_some(1), "{list}");
        assert!(pointer.is_empty() || text.contains("[masked]"), "{text}");
    }
}

/// OpenTelemetry says the type of an attribute around its value.
#[test]
fn a_value_that_says_its_type_is_masked() {
    let (text, slot) = masked(
        r#"[{"key":"db.password","value":{"stringValue":"swordfish"}},{"key":"http.request.header.authorization","value":{"arrayValue":{"values":[{"stringValue":"JWT x"}]}}},{"key":"token.type","value":{"stringValue":"x"}},{"key":"api.token","value":{"id":5,"type":"x"}}]"#,
    );
    assert_eq!(
        text,
        r#"[{"key":"db.password","value":{"stringValue":"[masked]"}},{"key":"http.request.header.authorization","value":{"arrayValue":{"values":[{"stringValue":"[masked]"}]}}},{"key":"token.type","value":{"stringValue":"x"}},{"key":"api.token","value":{"id":5,"type":"x"}}]"#
    );
    assert_eq!(slot.unwrap().matches("/post_data/").count(), 2);
}
