//! Bodies of new tokens.

use super::{Bench, at, row};
use crate::common::Ask;

#[test]
fn a_faulty_token_gets_400_and_is_not_made() {
    let bench = Bench::start();
    let token = |name: &str, role: &str, channels: &str| format!(r#"{{"name":{name},"role":{role},"channels":{channels}}}"#);
    let (name, role) = (r#""n""#, r#""reader""#);
    let mut rows = Vec::new();
    let post = |body: String| Ask::post("/api/v1/tokens", body).key(&bench.admin);
    for bad in ["null", r#""""#, "5", "[]", &format!("\"{}\"", "x".repeat(101))] {
        rows.push(row(post(token(bad, role, "[1]")), 400, at("/name", "name must have 1 to 100 characters")));
    }
    for bad in ["null", r#""""#, r#""root""#, r#""Admin""#, "5", r#"["admin"]"#] {
        rows.push(row(post(token(name, bad, "[1]")), 400, at("/role", "role must be given, as admin, writer or reader")));
    }
    for bad in
        ["null", "[]", "1", r#""1""#, r#""all""#, "[-1]", "[1.0]", r#"["1"]"#, "[9223372036854775808]", "[[1]]", r#"["*"]"#, "{}"]
    {
        rows.push(row(post(token(name, role, bad)), 400, at("/channels", "channels must be given, as a list such as [1,2]")));
    }
    let with = |more: &str| post(format!(r#"{{"name":"n","role":"reader","channels":[1],{more}}}"#));
    for bad in [r#""tomorrow""#, r#""2023-02-30""#, "true"] {
        rows.push(row(with(&format!(r#""expires_at":{bad}"#)), 400, at("/expires_at", "expires_at must be a date-time such as")));
    }
    rows.push(row(with(r#""expires_at":"2020-01-01""#), 400, at("/expires_at", "expires_at must be in the future")));
    rows.push(row(with(r#""id":5"#), 400, at("/id", "id is not known; known are name, role, channels, expires_at")));
    rows.push(row(with(r#""key":"0123456789abcdef0123""#), 400, at("/key", "key is not known")));
    rows.push(row(with(r#""a/b~":1"#), 400, at("/a~1b~0", "a/b~ is not known")));
    rows.push(row(with(r#""role":"admin""#), 400, at("/role", "role is given more than once")));
    rows.push(row(with(r#""channels":[1,2]"#), 400, at("/channels", "channels is given more than once")));
    rows.push(row(post("{}".to_owned()), 400, "name must have 1 to 100 characters"));
    rows.push(row(post("[]".to_owned()), 400, at("", "expected a JSON object, got an array")));
    rows.push(row(post("{".to_owned()), 400, at("", "EOF while parsing")));
    rows.push(row(post(String::new()), 400, at("", "EOF while parsing")));
    let many: String = (0..5000).map(|n| format!(",\"m{n}\":1")).collect();
    rows.push(row(with(&many[1..]), 400, "m99 is not known; known are name, role, channels, expires_at\"}]"));
    let ask = |method: &str, path: &str| Ask::new(method, path).key(&bench.admin);
    for path in
        ["/api/v1/tokens/999", "/api/v1/tokens/x", "/api/v1/tokens/-1", "/api/v1/tokens/9223372036854775808", "/api/v1/tokens/1.0"]
    {
        rows.push(row(ask("DELETE", path), 404, "There is no such token, or it is revoked already."));
    }
    rows.push(row(ask("GET", "/api/v1/tokens/1"), 405, "\"code\":\"method_not_allowed\""));
    rows.push(row(ask("PUT", "/api/v1/tokens"), 405, "PUT is not allowed here; allowed: GET, POST, HEAD, OPTIONS."));
    rows.push(row(ask("GET", "/api/v1/tokens?limit=1"), 400, "limit is not known here; there are no parameters"));
    bench.run(rows);
}
