//! A real browser: a page of another origin that asks what a web client of the inventory API asks.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use super::LOGS;
use crate::common::TestServer;

const ID: &str = "66666666-0000-4000-8000-000000000001";

/// Serves one page to every client, at an origin of its own.
struct PageServer {
    origin: String,
    listener: TcpListener,
    stopped: Arc<AtomicBool>,
}

impl PageServer {
    fn bind() -> PageServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        PageServer { origin, listener, stopped: Arc::default() }
    }

    fn serve(&self, page: &str) -> JoinHandle<()> {
        let (listener, stopped) = (self.listener.try_clone().unwrap(), self.stopped.clone());
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n";
        let answer: Arc<str> = format!("{head}Content-Length: {}\r\n\r\n{page}", page.len()).into();
        std::thread::spawn(move || {
            let mut connections = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                let (stream, _) = listener.accept().unwrap();
                let answer = answer.clone();
                // A browser opens connections that it then does not use, so none may keep the others waiting.
                connections.push(std::thread::spawn(move || answer_one(stream, &answer)));
            }
            connections.into_iter().for_each(|connection| connection.join().unwrap());
        })
    }

    fn stop(self, running: JoinHandle<()>) {
        self.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.listener.local_addr().unwrap()).unwrap());
        running.join().unwrap();
    }
}

fn answer_one(mut stream: TcpStream, answer: &str) {
    let mut head = [0; 16 * 1024];
    if stream.read(&mut head).is_ok_and(|read| read > 0) {
        // A browser that is gone by now has no use for it.
        drop(stream.write_all(answer.as_bytes()));
    }
}

/// What the page shows once its script is through.
fn shown_by_a_browser(url: &str) -> Value {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]);
    command.args(["--disable-component-update", "--disable-sync", "--virtual-time-budget=20000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", profile.path().display())).arg(url);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut browser = command.spawn().unwrap_or_else(|error| panic!("chromium is needed, see .ci/test: {error}"));
    let (mut stdout, mut stderr) = (browser.stdout.take().unwrap(), browser.stderr.take().unwrap());
    let log = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    let dom = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let mut patience = 1200;
    while browser.try_wait().unwrap().is_none() {
        patience -= 1;
        if patience == 0 {
            browser.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let (dom, log) = (dom.join().unwrap().unwrap(), log.join().unwrap().unwrap());
    let said = dom.split_once("<pre id=\"said\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (said, _) = said.unwrap_or_else(|| panic!("the browser shows no page:\n{dom}\n{log}"));
    let said = said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}\n{log}"))
}

fn page(server: &TestServer) -> String {
    let settings = json!([format!("http://{}", server.address), server.admin, ID]).to_string();
    include_str!("page.html").replace("SETTINGS", &settings)
}

fn add_two(server: &TestServer) {
    for log in [
        format!(
            r#"{{"uuid":"{ID}","user_id":"7","user_name":"zoë & co","action":"UPDATE","table_name":"products","record_id":"1","old_values":{{"quantity":1}},"new_values":{{"quantity":2}},"timestamp":"2023-10-16T09:00:00Z"}}"#
        ),
        r#"{"user_id":"8","action":"READ","table_name":"users","record_id":"<2>","timestamp":"2023-10-17T23:59:59.999999Z"}"#
            .to_owned(),
    ] {
        assert_eq!(server.post(&server.admin, LOGS, log).status, 201);
    }
}

#[test]
fn a_page_of_an_allowed_origin_reads_answers_and_errors() {
    let pages = PageServer::bind();
    let server = TestServer::with(|config| config.cors_origins = pages.origin.parse().unwrap());
    add_two(&server);
    let running = pages.serve(&page(&server));
    let said = shown_by_a_browser(&pages.origin);
    pages.stop(running);

    let update = json!({"id": ID, "user_id": "7", "user_name": "zoë & co", "action": "UPDATE", "table_name": "products",
        "record_id": "1", "old_values": {"quantity": 1}, "new_values": {"quantity": 2}, "description": null,
        "timestamp": "2023-10-16T09:00:00Z"});
    let summary = json!({"status": "success", "total_logs": 2, "by_table": {"products": 1, "users": 1},
        "by_user": {"zoë & co": 1, "8": 1}, "by_action": {"UPDATE": 1, "READ": 1}});
    let answered = |name: &str, status: u16| {
        assert_eq!((&said[name]["status"], &said[name]["id"]), (&json!(status), &json!(true)), "{name}: {said}");
        &said[name]["body"]
    };
    assert_eq!(*answered("summary", 200), summary);
    let records: Vec<&Value> = answered("list", 200)["logs"].as_array().unwrap().iter().map(|log| &log["record_id"]).collect();
    assert_eq!(records, ["<2>", "1"]);
    assert_eq!(*answered("filtered", 200), json!({"status": "success", "count": 1, "logs": [update]}));
    let mut detail = update;
    detail["ip_address"] = Value::Null;
    assert_eq!(*answered("detail", 200), json!({"status": "success", "log": detail}));
    assert_eq!(*answered("created", 200), json!({"status": "success", "id": ID}), "what is there already is not created again");
    assert_eq!(answered("unauthorized", 401)["message"], "Authentication credentials were not provided.");
    assert_eq!(answered("missing", 404)["error"], "Audit log not found");
    assert_eq!(answered("invalid", 400)["error"], "Invalid date format");
    assert_eq!(answered("wrong_method", 405)["error"], "Method Not Allowed");
    server.stop();
}

#[test]
fn a_page_of_another_origin_reads_nothing() {
    let pages = PageServer::bind();
    let server = TestServer::with(|config| config.cors_origins = "http://localhost:5173".parse().unwrap());
    add_two(&server);
    let running = pages.serve(&page(&server));
    let said = shown_by_a_browser(&pages.origin);
    pages.stop(running);
    for (name, answer) in said.as_object().unwrap() {
        assert_eq!(*answer, json!({"error": "TypeError"}), "{name}");
    }
    assert_eq!(said.as_object().unwrap().len(), 9);
    server.stop();
}
