//! A proof is JSON, unless the client prefers text.

use super::{Auditor, EVENT, TEXT};
use crate::common::{Ask, SigningServer};

const JSON: &str = "application/json";

#[test]
fn a_proof_has_the_type_that_its_client_prefers() {
    let server = SigningServer::start();
    let receipt = server.append(EVENT);
    server.sign();
    let mut auditor = Auditor::new(&server);
    let path = format!("/api/v1/events/{}/proof", receipt["uuid"].as_str().unwrap());
    for (accept, wanted) in [
        (None, JSON),
        (Some(""), JSON),
        (Some("*/*"), JSON),
        (Some("application/json"), JSON),
        (Some("application/*"), JSON),
        (Some("text/plain"), TEXT),
        (Some("TEXT/Plain"), TEXT),
        (Some("text/plain; charset=utf-8"), TEXT),
        (Some("text/*"), TEXT),
        (Some("text/html"), JSON),
        (Some("image/png"), JSON),
        (Some("application/json, text/plain, */*"), JSON),
        (Some("text/plain, application/json"), TEXT),
        (Some("*/*, text/plain"), TEXT),
        (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), JSON),
        (Some("text/plain;q=0.5, application/json"), JSON),
        (Some("application/json;q=0.5, text/plain"), TEXT),
        (Some("application/json;q=0.5, text/plain;q=0.4"), JSON),
        (Some("application/json;q=0.4, text/plain;q=0.5"), TEXT),
        (Some("application/*;q=0.2, text/*;q=0.3"), TEXT),
        (Some("text/plain;q=0"), JSON),
        (Some("text/plain;q=0, image/png"), JSON),
        (Some("application/json;q=0, text/plain;q=0.001"), TEXT),
        (Some("text/plain;q=2"), JSON),
        (Some("nonsense"), JSON),
        (Some("nonsense, text/plain"), TEXT),
    ] {
        let ask = Ask::get(&path);
        let answer = auditor.ask(match accept {
            Some(accept) => ask.header("Accept", accept),
            None => ask,
        });
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(wanted)), "{accept:?}");
        assert_eq!(answer.header("Vary"), Some("Accept"), "{accept:?}");
        assert_eq!(answer.header("Content-Disposition").is_some(), wanted == TEXT, "{accept:?}");
    }
    let several = Ask::get(&path).header("Accept", "application/json;q=0.1").header("Accept", "text/plain;q=0.2");
    assert_eq!(auditor.ask(several).header("Content-Type"), Some(TEXT));
    server.stop();
}

/// A shared cache must not give the proof of one type, or of one encoding, to who asks for another.
#[test]
fn a_compressed_proof_varies_by_type_and_encoding() {
    let server = SigningServer::start();
    let receipt = server.append(EVENT);
    server.sign();
    let mut auditor = Auditor::new(&server);
    let path = format!("/api/v1/events/{}/proof", receipt["uuid"].as_str().unwrap());
    let answer = auditor.ask(Ask::get(&path).header("Accept-Encoding", "gzip"));
    assert_eq!((answer.status, answer.header("Content-Encoding")), (200, Some("gzip")));
    let vary: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("vary"))
        .map(|(_, value)| value.to_lowercase())
        .collect();
    assert!(
        vary.join(",").contains("accept-encoding") && vary.join(",").split(',').any(|name| name.trim() == "accept"),
        "{vary:?}"
    );
    server.stop();
}
