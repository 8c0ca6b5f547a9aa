//! The pages that the server serves about itself, and the document they show.

use std::io::Read;

use audit_http::store::domain::Role;
use audit_http::{Metrics, openapi_json};
use serde_json::Value;

use crate::common::{Answer, Ask, TestServer};

fn get(server: &TestServer, path: &str) -> Answer {
    let answer = server.ask(&Ask::get(path));
    assert_eq!(answer.status, 200, "{path}");
    answer
}

#[test]
fn the_document_is_served_without_a_key() {
    let server = TestServer::start();
    assert_eq!(get(&server, "/openapi.json").text(), openapi_json());
    assert_eq!(get(&server, "/openapi.json").json()["openapi"], "3.1.0");
    for path in ["/openapi.json", "/docs", "/docs/errors", "/docs/start.js"] {
        assert_eq!(server.ask(&Ask::new("HEAD", path)).status, 200);
        assert_eq!(server.ask(&Ask::new("OPTIONS", path)).header("Allow"), Some("GET, HEAD, OPTIONS"));
        assert_eq!(server.ask(&Ask::new("POST", path)).status, 405);
    }
    server.stop();
}

/// Each address that the page names, and those that Swagger UI is told, are files of this server.
#[test]
fn the_page_needs_nothing_from_another_host() {
    let server = TestServer::start();
    let page = get(&server, "/docs");
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("http"), "{policy}");
    let text = page.text();
    let addresses: Vec<&str> = text.split(['"']).filter(|part| part.starts_with("docs/") || *part == "openapi.json").collect();
    assert_eq!(addresses, ["docs/swagger-ui.css", "openapi.json", "docs/errors", "docs/swagger-ui-bundle.js", "docs/start.js"]);
    let sizes = addresses.iter().map(|address| get(&server, &format!("/{address}")).body.len());
    assert!(sizes.sum::<usize>() > 1_000_000);
    assert!(!text.contains("//") && !get(&server, "/docs/start.js").text().replace("\n// ", "").contains("//"));
    assert!(get(&server, "/docs/start.js").text().contains("url: \"openapi.json\""));
    let moved = server.ask(&Ask::get("/docs/"));
    assert_eq!((moved.status, moved.header("Location")), (301, Some("../docs")));
    for file in ["index.html", "swagger-ui.js", "..%2f..%2fCargo.toml", "errors.md", "%00"] {
        assert_eq!(server.ask(&Ask::get(&format!("/docs/{file}"))).status, 404, "{file}");
    }
    server.stop();
}

#[test]
fn documents_are_packed_before_they_are_asked_for() {
    let server = TestServer::start();
    for path in ["/openapi.json", "/docs", "/docs/errors", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"] {
        let plain = get(&server, path);
        assert_eq!((plain.header("Content-Encoding"), plain.header("Vary")), (None, Some("accept-encoding")), "{path}");
        for (accepted, coding) in [
            ("gzip", Some("gzip")),
            ("gzip, deflate, br", Some("gzip")),
            ("deflate", Some("deflate")),
            ("gzip;q=0, deflate;q=0.5", Some("deflate")),
            ("identity", None),
            ("br", None),
            ("gzip;q=0", None),
            ("", None),
        ] {
            let answer = server.ask(&Ask::get(path).header("Accept-Encoding", accepted));
            // An answer that is packed on the way has no length.
            let length = answer.body.len().to_string();
            assert_eq!((answer.header("Content-Encoding"), answer.header("Content-Length")), (coding, Some(length.as_str())));
            assert_eq!(answer.header("Vary"), Some("accept-encoding"), "{path} {accepted}");
            let mut unpacked = Vec::new();
            match coding {
                Some("gzip") => flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut unpacked).unwrap(),
                Some(_) => flate2::read::ZlibDecoder::new(&answer.body[..]).read_to_end(&mut unpacked).unwrap(),
                None => answer.body.as_slice().read_to_end(&mut unpacked).unwrap(),
            };
            assert!(unpacked == plain.body, "{path} {accepted}");
            let head = server.ask(&Ask::new("HEAD", path).header("Accept-Encoding", accepted));
            assert_eq!((head.header("Content-Encoding"), head.header("Content-Length")), (coding, Some(length.as_str())));
        }
        let refused = server.ask(&Ask::get(path).header("Accept-Encoding", "br, identity;q=0"));
        assert_eq!(refused.status, 406, "{path}");
    }
    server.stop();
}

#[test]
fn every_type_of_a_problem_leads_to_its_section() {
    let server = TestServer::start();
    let page = get(&server, "/docs/errors");
    assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
    let document: Value = serde_json::from_str(openapi_json()).unwrap();
    let codes = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].as_array().unwrap();
    assert!(codes.len() > 10, "{codes:?}");
    for code in codes {
        assert!(page.text().contains(&format!("<h2 id={code}>")), "{code}");
    }
    let problem = server.ask(&Ask::get("/nothing")).expect(404);
    let (path, anchor) = problem["type"].as_str().unwrap().split_once('#').unwrap();
    assert!(get(&server, path).text().contains(&format!("id=\"{anchor}\"")));
    server.stop();
}

#[test]
fn metrics_show_what_the_recorder_renders() {
    let server = TestServer::start();
    assert_eq!(server.get(&server.admin, "/metrics").expect(404)["code"], "not_found");
    assert_eq!(server.get(&server.token(Role::Writer, "*"), "/metrics").expect(403)["code"], "forbidden");
    server.stop();
    let server = TestServer::with(|config| config.api.metrics = Some(Metrics::new(|| "a 1\n".to_owned())));
    let answer = server.get(&server.token(Role::Reader, "*"), "/metrics");
    assert_eq!((answer.status, answer.text().as_str()), (200, "a 1\n"));
    assert_eq!(answer.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(server.get(&server.admin, "/metrics?a=1").expect(400)["code"], "invalid_query");
    assert_eq!(server.get(&server.token(Role::Admin, "1"), "/metrics").expect(403)["code"], "forbidden");
    assert_eq!(server.ask(&Ask::get("/metrics")).expect(401)["code"], "unauthorized");
    server.stop();
}

#[test]
fn the_document_describes_what_an_append_accepts() {
    let document: Value = serde_json::from_str(openapi_json()).unwrap();
    let level = document["components"]["schemas"]["NewActionLog"].to_string();
    for name in ["[Ii][Nn][Ff][Oo]", "[Ss][Ee][Vv][Ee][Rr][Ee]", "[Nn][Oo][Tt][Ss][Ee][Tt]"] {
        assert!(level.contains(name), "{name}: {level}");
    }
    let of_events = &document["paths"]["/api/v1/events"]["post"];
    let of_logs = &document["paths"]["/api/v1/action-logs"]["post"];
    for append in [of_events, of_logs] {
        let text = append["description"].as_str().unwrap();
        assert!(text.contains("partial=true") && text.contains("gzip") && text.contains("zstd"), "{text}");
        let parameters = append["parameters"].as_array().unwrap();
        let named = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name).unwrap();
        assert!(named("Idempotency-Key")["schema"]["pattern"].as_str().unwrap().contains("{1,255}"));
        assert_eq!(named("channel_id")["schema"]["minimum"], 0);
    }
    for media_type in ["application/cloudevents+json", "application/cloudevents-batch+json"] {
        let accepts = |append: &Value| append["requestBody"]["content"].get(media_type).is_some();
        assert!(accepts(of_events) && !accepts(of_logs), "{media_type}");
    }
}
