//! The pass that refuses clean members, held to the walk: what the pass calls clean, the walk leaves.

use std::io::Read;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::pointer::Pointers;
use super::policy::MaskingPolicy;
use super::prefilter::may_have_secret;
use super::rules::MaskingRules;
use super::walk::{Rules, Walk};
use crate::json::JsonText;

/// The number of replacements of the walk, and whether the pass lets the member through.
fn answers(policy: &MaskingPolicy, member: &str) -> (usize, bool) {
    let built = policy.built().unwrap();
    let names = built.names(None);
    let rules = Rules { names, needles: &built.needles, masks_unlisted: false };
    let edits = Walk::member(member, "content", rules, &mut Pointers::default());
    (edits.len(), may_have_secret(member.as_bytes(), &names, &built.needles))
}

fn check(policy: &MaskingPolicy, member: &str) {
    let (replaced, is_let_through) = answers(policy, member);
    assert!(replaced == 0 || is_let_through, "the pass calls this clean: {member}");
}

/// Parts of texts that meet in secrets, and in what only looks like one.
const PARTS: [&str; 121] = [
    "password",
    "passwd",
    "Token",
    "api",
    "key",
    "Key",
    "access",
    "card",
    "number",
    "Cookie",
    "Authorization",
    "ssn",
    "pwd",
    "otp",
    "cc",
    "num",
    "amz",
    "Signature",
    "secret",
    "csrf",
    "is",
    "has",
    "next",
    "public",
    "old",
    "value",
    "type",
    "Elevated",
    "x",
    "n",
    "t",
    "e9",
    "é",
    "_",
    "-",
    "--",
    ".",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\"",
    "'",
    "`",
    "\\",
    "\\n",
    "\\u0070",
    "\\u003d",
    "\\u0020",
    "\\u0009",
    "/",
    "=",
    ":",
    ": ",
    "==",
    "=>",
    ",",
    ";",
    "&",
    "?",
    "<",
    ">",
    "(",
    "[",
    "]",
    "{",
    "}",
    "%",
    "%20",
    "%3D",
    "%5F",
    "%5B",
    "%2570",
    "%70",
    "%22",
    "%3A",
    "%2F",
    "%40",
    "%31",
    "://",
    "u:",
    "@",
    "4111111111111111",
    "4111",
    "Basic ",
    "dXNlcjpwYXNz",
    "Bearer ",
    "a1b2c3d4e5f6g7",
    "eyJhbGciOiJ.eyJzdWIiOiI.c2ln",
    "-----BEGIN PRIVATE KEY-----",
    "AKIA0123456789ABCDEF",
    "name=",
    "\r\n\r\n",
    "\n\n",
    "form-data; ",
    "[]",
    "</password>",
    "\n  ",
    "key=\"",
    "value=\"",
    "('",
    "', '",
    "')",
    "[\"",
    "\", \"",
    "\"]",
    "Some(\"",
    "\")",
    "SecretStr('",
    "N'",
    " -> ",
    "JWT ",
    "--",
    " seed",
    " hash",
    " '",
    "[]string{\"",
    "%s",
    "Zq7Vw93kLm",
    "This field is required.",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PARTS[..]), 0..9).prop_map(|parts| parts.concat())
}

/// A JSON value with such texts as keys and strings, also JSON inside strings.
fn json() -> impl Strategy<Value = String> {
    let number = prop_oneof![Just("4111111111111111".to_owned()), Just("7".to_owned()), Just("null".to_owned())];
    let leaf = prop_oneof![4 => text().prop_map(|text| JsonText::string(&text).to_string()), 1 => number];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let key =
            prop_oneof![3 => text(), 1 => prop::sample::select(vec!["name", "field", "value", "old", "to", "password"]).prop_map(str::to_owned)];
        let member = (key, inner.clone()).prop_map(|(key, value)| format!("{}:{value}", JsonText::string(&key)));
        prop_oneof![
            prop::collection::vec(member, 0..3).prop_map(|members| format!("{{{}}}", members.join(","))),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|elements| format!("[{}]", elements.join(", "))),
            inner.prop_map(|json| JsonText::string(&json).to_string()),
        ]
    })
}

/// Writes some characters as `\u0061`, as other programs do.
fn escaped(json: &str, every: usize) -> String {
    let mut out = String::new();
    let mut is_inside = false;
    let mut chars = json.chars().enumerate();
    while let Some((at, char)) = chars.next() {
        is_inside ^= char == '"';
        match char {
            '\\' => out.extend([Some(char), chars.next().map(|(_, next)| next)].into_iter().flatten()),
            char if is_inside && char.is_alphanumeric() && at % every == 0 => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => out.push(char),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_pass_calls_clean_the_walk_leaves(json in json(), every in 3usize..40) {
        prop_assume!(JsonText::parse(&json).is_ok());
        check(&MaskingPolicy::standard(), &json);
        check(&MaskingPolicy::standard(), &escaped(&json, every));
    }

    #[test]
    fn added_names_are_seen_in_any_spelling(name in "[a-zA-Zéп]{1,3}[ _]?[a-zé]{0,3}", every in 1usize..9) {
        let rules = serde_json::json!({ "name": "own", "tables": { "*": { "mask": [&name] } } });
        let rules: MaskingRules = serde_json::from_value(rules).unwrap();
        if let Ok(policy) = MaskingPolicy::from_rules(&rules) {
            for json in [serde_json::json!({ &name: "v1" }), serde_json::json!(format!("{name}=v1"))] {
                check(&policy, &json.to_string());
                check(&policy, &escaped(&json.to_string(), every));
            }
        }
    }
}

/// Every string of the real records with a secret planted into it.
#[test]
fn secrets_planted_into_real_records_are_seen() {
    const PLANTED: [&str; 8] = [
        "password=Zq7Vw93kLm",
        "api_key: Zq7Vw93kLm",
        "https://u:Zq7Vw93kLm@host/",
        "Bearer Zq7Vw93kLmZq7Vw93kLm",
        "4111111111111111",
        "--token Zq7Vw93kLm",
        "Cookie: sid=Zq7Vw93kLm",
        "user%5Bpassword%5D=Zq7Vw93kLm",
    ];
    let policy = MaskingPolicy::standard();
    let (mut planted, mut replaced) = (0, 0);
    for name in ["events-dev.ndjson.gz", "action-log-dev.ndjson.gz"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../audit-server/tests/data").join(name);
        let mut lines = String::new();
        GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut lines).unwrap();
        for (number, line) in lines.lines().enumerate().step_by(7) {
            check(&policy, line);
            let quotes: Vec<usize> = line.match_indices(":\"").map(|(at, _)| at + 2).collect();
            let Some(at) = quotes.get(number % quotes.len().max(1)).copied() else { continue };
            let secret = format!("{}{} | {}", &line[..at], PLANTED[number / 7 % PLANTED.len()], &line[at..]);
            check(&policy, &secret);
            planted += 1;
            replaced += usize::from(answers(&policy, &secret).0 > 0);
        }
    }
    assert!(planted > 1_500 && replaced == planted, "{replaced} of {planted}");
}
