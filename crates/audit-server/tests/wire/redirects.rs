//! A POST without the slash at the end of its path: it is stored, or the client gets an error. It never looks stored and is not.

use std::path::Path;

use crate::common::http::Client;
use crate::common::server::{KEY, Server};
use crate::tools::{finish, python_with, tool};

fn actions(server: &Server) -> Vec<String> {
    let mut client = Client::connect(server.address, KEY).unwrap();
    let page = client.get("/api/v1/events?limit=100").unwrap().json();
    let events = page["results"].as_array().unwrap().iter();
    events.map(|event| event["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_post_without_the_slash_is_stored_or_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/post_without_slash.py");
    let mut python = python_with("http-clients", &["requests==2.*", "httpx==0.28.*", "aiohttp==3.*"]);
    python.arg(script).arg(format!("http://{}", server.address)).arg(KEY);
    let said = finish(&python).ok();
    // urllib follows no 308 of a POST, and says so.
    let ends = [
        "requests 201 POST",
        "session 201 POST",
        "httpx 308 POST",
        "httpx-follows 201 POST",
        "urllib 308 POST",
        "aiohttp 201 POST",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), ends);
    let mut stored = actions(&server);
    stored.sort_unstable();
    assert_eq!(stored, ["aiohttp", "httpx-follows", "requests", "session"]);
    server.stop();
}

#[test]
fn curl_and_node_store_a_post_without_the_slash() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let url = format!("http://{}/api/v1/data-warehouse/audit-events", server.address);
    let mut curl = tool("curl");
    curl.args(["-sS", "-L", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/json"]);
    curl.args(["-H", &format!("Authorization: Token {KEY}"), "-d", r#"{"action":"curl"}"#, &url]);
    assert_eq!(finish(&curl).ok(), "201");
    let mut node = tool("node");
    let script = "const [url, key] = process.argv.slice(1);
        const headers = { Authorization: `Token ${key}`, 'Content-Type': 'application/json' };
        fetch(url, { method: 'POST', headers, body: JSON.stringify({ action: 'node' }) }).then((a) => console.log(a.status));";
    node.args(["-e", script, "--", &url, KEY]);
    assert_eq!(finish(&node).ok(), "201\n");
    assert_eq!(actions(&server).len(), 2);
    server.stop();
}
