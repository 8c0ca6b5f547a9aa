//! JSON of any shape, which a parser in between would change.

use audit_store::domain::limits;
use proptest::prelude::*;
use proptest::sample::select;

/// Numbers, strings and keys that a parser in between would change.
const SCALARS: [&str; 22] = [
    "null",
    "true",
    "0",
    "-0",
    "1.0",
    "1E+2",
    "1e400",
    "-1e-400",
    "0.1000000000000000055511151231257827",
    "9223372036854775808",
    "123456789012345678901234567890",
    r#""""#,
    r#""a""#,
    r#""\u0061""#,
    r#""\u0000""#,
    r#""\ud800""#,
    r#""\udfff\ud800x""#,
    r#""\ud83d\ude00😀""#,
    r#""é\u00e9\/""#,
    r#""\"\\ [{""#,
    r#""   ""#,
    r#""\b\f\n\r\t""#,
];
const KEYS: [&str; 8] = [r#""""#, r#""a""#, r#""\u0061""#, r#""a b""#, r#""\u0000""#, r#""\ud800""#, r#""é""#, r#""1""#];
const BLANKS: [&str; 5] = ["", "", " ", "\n\t ", "\r\n"];
const STRINGS: [&str; 8] =
    [r#""""#, r#""a""#, r#""\u0061""#, r#""\u0000""#, r#""\ud800""#, r#""😀\/""#, r#""\ud83d\ude00""#, r#""http://x/?q=\u0026""#];

pub(super) fn blank() -> impl Strategy<Value = &'static str> {
    select(BLANKS.to_vec())
}

/// One JSON value of any shape, with blanks inside; duplicate and empty keys happen.
pub(super) fn json() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let leaf = prop_oneof![4 => select(SCALARS.to_vec()).prop_map(str::to_owned), 1 => number, 1 => deep()];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let item = (blank(), inner.clone(), blank()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        let member = (blank(), select(KEYS.to_vec()), blank(), blank(), inner, blank())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
        prop_oneof![
            (prop::collection::vec(item, 0..6), blank()).prop_map(|(items, blank)| array(&items, blank)),
            (prop::collection::vec(member, 0..6), blank()).prop_map(|(members, blank)| object(&members, blank)),
        ]
    })
}

fn array(items: &[String], blank: &str) -> String {
    if items.is_empty() { format!("[{blank}]") } else { format!("[{}]", items.join(",")) }
}

pub(super) fn object(members: &[String], blank: &str) -> String {
    if members.is_empty() { format!("{{{blank}}}") } else { format!("{{{}}}", members.join(",")) }
}

/// As deep as a value inside an event may be, less what the shapes above put around it.
fn deep() -> impl Strategy<Value = String> {
    (1..limits::NESTING_MAX - 8, any::<bool>()).prop_map(|(levels, arrays)| {
        if arrays {
            format!("{}{}", "[".repeat(levels), "]".repeat(levels))
        } else {
            format!("{}1{}", "{\"\":".repeat(levels), "}".repeat(levels))
        }
    })
}

pub(super) fn string() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(STRINGS.to_vec()).prop_map(str::to_owned), 1 => "\"[^\"\\\\\\x00-\\x1f]{0,300}\""]
}

pub(super) fn maybe<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>> {
    prop::option::weighted(0.6, strategy)
}
