//! Texts that are made to cost much: deep, long, odd and full of names.

use audit_domain::limits::{EVENT_BYTES_MAX, NESTING_MAX};
use audit_domain::{JsonText, MaskingPolicy, NewEvent};

use super::masked;

#[test]
fn deep_nesting_is_walked_without_recursion() {
    let deep = format!("{}{{\"password\":\"x\"}}{}", "[".repeat(NESTING_MAX - 1), "]".repeat(NESTING_MAX - 1));
    let (text, slot) = masked(&deep);
    assert!(text.contains("\"[masked]\""));
    assert!(slot.unwrap().contains(&format!("/post_data{}/password", "/0".repeat(NESTING_MAX - 1))));
    // A string has no limit of its own, and its text is not read as JSON beyond the limit.
    let inside = JsonText::string(&format!("{}{{\"password\":\"x\"}}{}", "[".repeat(100_000), "]".repeat(100_000)));
    assert!(masked(inside.as_str()).0.contains("[masked]"));
}

/// A path of half a MiB and a hundred thousand secrets at its end would make 50 GiB of pointers.
#[test]
fn the_list_of_pointers_is_bounded() {
    let (path, values) = ("k".repeat(EVENT_BYTES_MAX / 2), vec!["\"x\""; 100_000].join(","));
    let (text, slot) = masked(&format!("{{\"{path}\":{{\"password\":[{values}]}}}}"));
    assert_eq!(text, "\"[masked]\"");
    assert_eq!(slot.as_deref(), Some(r#"{"policy":"standard/1","pointers":["/post_data"]}"#));
    let (text, _) = masked(&format!("{{\"password\":[{values}]}}"));
    assert_eq!(text, "\"[masked]\"");
    let mut event = NewEvent::new().extra(JsonText::parse(&format!("{{\"password\":[{values}]}}")).unwrap()).unwrap();
    let slot = event.mask(&MaskingPolicy::standard()).unwrap();
    assert_eq!(event.extra.unwrap().as_str(), r#"{"[masked]":"[masked]"}"#);
    assert_eq!(slot.as_str(), r#"{"policy":"standard/1","pointers":["/extra/[masked]"]}"#);
}

#[test]
fn a_masked_member_grows_by_a_bounded_length() {
    let text = JsonText::string(&"otp=1&".repeat(100_000));
    assert!(masked(text.as_str()).0.len() < text.as_str().len() + 130 * 1024);
}

/// Each of these took the square of its length in some version of the search, which is minutes here.
#[test]
fn texts_of_a_mib_that_repeat_a_part_are_masked() {
    for part in [
        "password",
        "token:",
        "token: ",
        "cookie: ",
        "cookie:cookie",
        "authorization: a ",
        "password=(",
        "tokens:",
        "eyJ",
        "eyJa.",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "://a:",
        "@",
        "://a:b@",
        "4111 ",
        "41111111111111111 ",
        "\\u0070",
        "%70",
        "\"",
        "\\\"",
        "<password>",
        "name=\"password\"",
        "password=\"",
        "password=,",
        "{\"",
        "[",
        "basic a",
        "{\"password\":",
        "api key ",
    ] {
        let text = JsonText::string(&part.repeat(EVENT_BYTES_MAX / part.len()));
        let (text, _) = masked(text.as_str());
        assert!(JsonText::parse(&text).is_ok(), "{part}");
    }
}

#[test]
fn odd_strings_do_not_panic() {
    for odd in [
        r#""password=\ud800""#,
        r#""\ud800password=x""#,
        r#""token=\"""#,
        r#""password=""#,
        r#""password:""#,
        r#""@""#,
        r#""%""#,
        r#""%7""#,
        r#""--password ""#,
        r#""<password""#,
        r#""-----BEGIN ""#,
        r#""Bearer ""#,
        r#""password=\\""#,
        r#""é@é""#,
        r#"{"\ud800":{"password":"x"}}"#,
        r#"{"":{"":{"password":"x"}}}"#,
        "4111111111111111",
        "-4111111111111111",
        "\"\"",
        "{}",
        "[]",
    ] {
        let (text, _) = masked(odd);
        assert!(JsonText::parse(&text).is_ok(), "{odd}: {text}");
    }
    assert_eq!(masked("4111111111111111").0, "\"[masked]\"");
    assert_eq!(masked(r#""password=\ud800""#).0, r#""password=[masked]""#);
}
