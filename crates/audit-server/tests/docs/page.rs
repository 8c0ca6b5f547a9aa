//! One page, run as a reader would run it: in one shell, from top to bottom, in what looks like a clone with a built program.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::answers::ends_as_shown;
use crate::as_run::as_run;
use crate::blocks::{Block, blocks};
use crate::common::server::{KEY, Server};
use crate::common::{program, wait};
use crate::tools;

/// What is shown and never run.
const SHOWN: [&str; 6] = ["json", "text", "toml", "ini", "html", "nginx"];

/// Says which block is at work, and holds curl to its answers: alone it is content with any.
const PRELUDE: &str = r#"
set -euo pipefail
at() { line=$1 answers=$2; }
trap 'echo "the block at line $line failed" >&2' EXIT
curl() {
    local head code=0 status
    head=$(mktemp)
    command curl --max-time 50 --show-error --dump-header "$head" "$@" || code=$?
    status=$(sed -n 's,^HTTP/[0-9.]* \([0-9]*\).*,\1,p' "$head" | tail -n 1)
    rm "$head"
    case "$answers:$status" in
        :[123]??) ;;
        "$status:$status") ;;
        *) echo "curl $*: answered '$status'" >&2; return 22 ;;
    esac
    return "$code"
}
"#;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Runs all of a page, against a server of its own.
#[track_caller]
pub(crate) fn run_page(page: &str) {
    run_page_with(page, &[], &tools::python());
}

/// The same, with more settings of the server, and with the programs of a directory before all others.
#[track_caller]
pub(crate) fn run_page_with(page: &str, settings: &[(&str, &str)], programs: &Path) {
    let blocks = blocks(page, &fs::read_to_string(root().join(page)).unwrap());
    let clone = clone();
    let mut serve = program(clone.path());
    serve.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").env("AUDIT_CORS_ORIGINS", "http://localhost:5173");
    serve.envs(settings.iter().copied());
    let server = Server::run(&mut serve);
    let address = server.address.to_string();
    let script = script(page, &blocks, clone.path(), &address);
    let ended = shell(&script, clone.path(), &address, programs);
    assert!(ended.0, "{page}: {}\n{}", ended.1, server.log());
    for (asked, shown) in blocks.iter().zip(&blocks[1..]).filter(|pair| is_shown(*pair)) {
        let (line, said) = (shown.line, fs::read_to_string(clone.path().join(said_by(asked))).unwrap());
        assert!(ends_as_shown(&said, &shown.text), "{page}:{line}: this comes instead:\n{said}");
    }
    server.stop();
}

/// Whether the second block shows what the first one prints.
fn is_shown((asked, shown): (&Block, &Block)) -> bool {
    asked.language == "sh" && asked.not_run.is_none() && shown.language == "json" && asked.section == shown.section
}

fn said_by(block: &Block) -> String {
    format!("said-{}", block.line)
}

/// What a reader has who built it: the repository, and the programs where cargo puts them.
fn clone() -> tempfile::TempDir {
    let clone = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name();
        if !["target", "audit-data", "audit.toml", "audit-demo"].iter().any(|own| name == *own) {
            symlink(root().join(&name), clone.path().join(&name)).unwrap();
        }
    }
    let release = clone.path().join("target/release");
    fs::create_dir_all(&release).unwrap();
    symlink(env!("CARGO_BIN_EXE_audit-server"), release.join("audit-server")).unwrap();
    symlink(tools::examples(), release.join("examples")).unwrap();
    symlink(tools::node_modules(), clone.path().join("node_modules")).unwrap();
    clone
}

/// One script of all blocks that run.
fn script(page: &str, blocks: &[Block], directory: &Path, address: &str) -> String {
    let (mut script, mut steps) = (PRELUDE.to_owned(), 0);
    for block in blocks.iter().filter(|block| block.not_run.is_none()) {
        let place = format!("{page}:{}", block.line);
        let text = as_run(&block.text, address, KEY);
        assert!(!text.contains("cargo "), "{place}: it would compile everything again; say in the table what runs instead");
        let interpreter = match (block.language.as_str(), block.get("file")) {
            ("rust", Some(file)) => {
                let whole = fs::read_to_string(root().join(file)).unwrap();
                assert!(whole.contains(&block.text), "{place}: {file} has another text");
                continue;
            }
            (_, Some(file)) => {
                fs::write(directory.join(file), text).unwrap();
                continue;
            }
            ("sh", None) => None,
            ("python", None) => Some(("python3", "py")),
            ("js", None) => Some(("node", "mjs")),
            (language, None) if SHOWN.contains(&language) => continue,
            (language, None) => panic!("{place}: nobody knows what to do with a block of `{language}`"),
        };
        steps += 1;
        script += &format!("\nat {} '{}'\n", block.line, block.get("answers").unwrap_or_default());
        match interpreter {
            // In braces it is still the same shell.
            None => script += &format!("{{\n{text}}} > {0}\ncat {0}\n", said_by(block)),
            Some((interpreter, ending)) => {
                let file = format!("snippet-{}.{ending}", block.line);
                fs::write(directory.join(&file), text).unwrap();
                script += &format!("{interpreter} {file}\n");
            }
        }
    }
    assert!(steps > 0, "{page}: nothing in it runs");
    script + "\ntrap - EXIT\n"
}

/// Whether the script went well, and what it said. Whatever it started is ended with it.
fn shell(script: &str, directory: &Path, address: &str, programs: &Path) -> (bool, String) {
    let said = directory.join("said");
    let out = File::create(&said).unwrap();
    fs::write(directory.join("page.sh"), script).unwrap();
    let mut bash = Command::new("bash");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AUDIT_")) {
        bash.env_remove(name);
    }
    bash.env("PATH", tools::path_with(programs)).env("HOME", directory);
    bash.env("AUDIT_LISTEN", address).env("PYTHONDONTWRITEBYTECODE", "1").env("no_proxy", "*");
    bash.arg("page.sh").current_dir(directory).stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).process_group(0);
    let mut child = bash.spawn().unwrap();
    let ended = wait(&mut child);
    // The shell is gone, and what it left behind has its number as that of the group. Mostly there is nothing.
    let group = format!("kill -KILL -- -{} 2>&1 || :", child.id());
    Command::new("sh").args(["-c", &group]).stdout(Stdio::null()).status().unwrap();
    let text = String::from_utf8_lossy(&fs::read(said).unwrap()).into_owned();
    (ended.is_some_and(|status| status.success()), text)
}
