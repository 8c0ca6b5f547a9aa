//! The pages that tell how to do something, done: their sh, python, js and rust blocks run as they are, in order, against the
//! program, with its address and key put where the page says.
//!
//! A block below a line `<!-- not run: REASON -->` is left out. Rust that embeds our crates is a doctest of the crate instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::run;
use crate::common::server::{KEY, Server};
use crate::tools::{clients, node_with_express, python_with, tool};

const SHOWN_ADDRESS: &str = "http://127.0.0.1:8080";
const SHOWN_KEY: &str = "paste-the-key-here";

/// curl that takes an answer of 400 and above for the failure that it is, where the page leaves that to the reader's eyes.
const CURL: &str = "#!/bin/sh\nPATH=${PATH#*:} exec curl --fail-with-body --show-error \"$@\"\n";

struct Block {
    language: String,
    text: String,
}

fn page(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::read_to_string(docs.join(name)).unwrap()
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut block, mut before) = (Vec::new(), None::<(bool, Block)>, "");
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut block) {
            (Some(""), Some(_)) => blocks.extend(block.take().filter(|(runs, _)| *runs).map(|(_, block)| block)),
            (Some(language), None) => {
                let runs = !before.starts_with("<!-- not run: ");
                block = Some((runs, Block { language: language.to_owned(), text: String::new() }));
            }
            (_, Some((_, block))) => block.text.extend([line, "\n"]),
            _ => {}
        }
        before = line;
    }
    assert!(block.is_none(), "a block has no end");
    blocks
}

/// Where a reader would try things out: the clients are there, and what the shell exported stays.
struct Desk {
    directory: tempfile::TempDir,
    server: Server,
}

impl Desk {
    fn new() -> Desk {
        let directory = tempfile::tempdir().unwrap();
        for client in ["audit_logging.py", "audit_django.py", "audit_express.js"] {
            fs::copy(clients().join(client), directory.path().join(client)).unwrap();
        }
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let curl = bin.join("curl");
        fs::write(&curl, CURL).unwrap();
        run(Command::new("chmod").arg("+x").arg(curl)).ok();
        let server = Server::start(directory.path());
        Desk { directory, server }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    fn do_page(&self, name: &str) {
        let page = blocks(&page(name));
        assert!(!page.is_empty(), "{name} has no blocks");
        // Blocks of a shell build on each other.
        let mut shell = String::from("set -eu\n");
        for (number, block) in page.iter().enumerate() {
            println!("{name}, block {} ({})", number + 1, block.language);
            let text = block.text.replace(SHOWN_ADDRESS, &self.url()).replace(SHOWN_KEY, KEY);
            match block.language.as_str() {
                "sh" => shell.push_str(&text),
                "python" => self.run(python_with("requests", &["requests>=2.31,<3"]).arg("-c").arg(text)),
                "js" => self.run(node_with_express("^5").arg("-e").arg(text)),
                "rust" => self.run_rust(&text),
                other => panic!("nobody knows how to run {other}"),
            }
        }
        self.run(tool("bash").arg("-c").arg(shell));
    }

    fn run_rust(&self, text: &str) {
        let (source, program) = (self.path("snippet.rs"), self.path("snippet"));
        fs::write(&source, text).unwrap();
        self.run(tool("rustc").args(["--edition", "2024", "-D", "warnings", "-o"]).arg(&program).arg(source));
        self.run(&mut Command::new(program));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    #[track_caller]
    fn run(&self, command: &mut Command) {
        let program = Path::new(env!("CARGO_BIN_EXE_audit-server")).parent().unwrap();
        let path = format!("{}:{}:{}", self.path("bin").display(), program.display(), std::env::var("PATH").unwrap());
        command.current_dir(self.directory.path()).env("PATH", path);
        command.env("AUDIT_URL", self.url()).env("AUDIT_KEY", KEY).env("KEY", KEY);
        let ended = run(command);
        assert_eq!(ended.code, Some(0), "{command:?}\n{}\n{}", ended.stdout, ended.stderr);
    }

    /// How many entries the channel's logs have: events and action logs.
    fn entries(&self) -> (u64, u64) {
        let mut client = crate::common::http::Client::connect(self.server.address, KEY).unwrap();
        let page = client.get("/api/v1/channels").unwrap().json();
        let channel = &page["results"][0];
        (channel["events"].as_u64().unwrap_or(0), channel["action_logs"].as_u64().unwrap_or(0))
    }
}

#[test]
fn the_quickstart_and_the_operations_page_work_as_they_are() {
    let desk = Desk::new();
    desk.do_page("quickstart.md");
    assert_eq!(desk.entries(), (1, 0));
    desk.do_page("operations.md");
    assert!(desk.path("audit-backup.db").exists() && desk.path("events.ndjson.gz").exists());
    desk.server.stop();
}

#[test]
fn the_guides_for_sending_send_what_they_say() {
    for (page, entries) in
        [("guides/curl.md", (4, 1)), ("guides/python.md", (1, 3)), ("guides/node.md", (2, 0)), ("guides/rust.md", (1, 0))]
    {
        let desk = Desk::new();
        desk.do_page(page);
        assert_eq!(desk.entries(), entries, "{page}");
        desk.server.stop();
    }
}

#[test]
fn the_guide_for_reading_reads() {
    let desk = Desk::new();
    desk.do_page("guides/curl.md");
    desk.do_page("guides/read.md");
    desk.server.stop();
}

#[test]
fn a_block_is_run_unless_its_page_says_why_not() {
    let text = "```sh\na\n```\n\n<!-- not run: it needs root -->\n```sh\nb\n```\ntext\n```python\nc\n```\n";
    let found = blocks(text).into_iter().map(|block| (block.language, block.text)).collect::<Vec<_>>();
    assert_eq!(found, [("sh".into(), "a\n".into()), ("python".into(), "c\n".into())]);
}
