//! `import` of lines without a uuid: what they are known by, and what is said where that is not enough; and of files that do not start
//! as text does.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::{Ended, program, run, run_with_input};

/// An import that runs in `directory`, into the log of `home`.
fn import_in(home: &Path, directory: &Path, arguments: &[&str]) -> Command {
    let mut command = program(home);
    command.current_dir(directory).env("AUDIT_DATABASE_URL", format!("sqlite://{}/audit.db", home.display()));
    command.arg("import").args(arguments);
    command
}

fn import(home: &Path, arguments: &[&str]) -> Ended {
    run(&mut import_in(home, home, arguments))
}

fn write(directory: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn actions(home: &Path) -> Vec<String> {
    let mut export = program(home);
    export.env("AUDIT_DATABASE_URL", format!("sqlite://{}/audit.db", home.display())).arg("export");
    let exported = run(&mut export).ok();
    let action = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["action"].as_str().unwrap().to_owned();
    exported.lines().map(action).collect()
}

const LINE: &str = "{\"action\":\"LOGOUT\",\"user\":7}\n";

#[test]
fn equal_file_names_of_two_hosts_are_two_sources() {
    let home = tempfile::tempdir().unwrap();
    for host in ["web1", "web2"] {
        write(home.path(), &format!("{host}/audit.ndjson"), LINE);
    }
    for host in ["web1", "web2"] {
        let counts = import(home.path(), &[&format!("{host}/audit.ndjson")]).ok();
        assert_eq!(counts, "1 imported, 0 duplicates, 0 skipped\n", "{host}");
    }
    assert_eq!(actions(home.path()), ["LOGOUT", "LOGOUT"]);
    // Both at once are known too.
    let again = import(home.path(), &["web1/audit.ndjson", "web2/audit.ndjson"]).ok();
    assert_eq!(again, "0 imported, 2 duplicates, 0 skipped\n");
}

#[test]
fn a_file_is_the_same_from_every_directory_packed_or_not() {
    let home = tempfile::tempdir().unwrap();
    let lines = [r#"{"action":"A"}"#, r#"{"action":"A"}"#, r#"{"timestamp":"2023-01-01","action":"B"}"#];
    write(home.path(), "logs/events.ndjson", lines.join("\n"));
    assert_eq!(import(home.path(), &["logs/events.ndjson"]).ok(), "3 imported, 0 duplicates, 0 skipped\n");
    let absolute = home.path().join("logs/events.ndjson");
    std::os::unix::fs::symlink(home.path().join("logs"), home.path().join("link")).unwrap();
    // Packed in its place, and with other line ends.
    let mut packed = GzEncoder::new(fs::File::create(home.path().join("logs/events.ndjson.gz")).unwrap(), Compression::fast());
    packed.write_all(lines.join("\r\n").as_bytes()).unwrap();
    packed.finish().unwrap();
    let logs = home.path().join("logs");
    for (directory, path) in [
        (home.path(), absolute.to_str().unwrap()),
        (logs.as_path(), "events.ndjson"),
        (logs.as_path(), "../logs/./events.ndjson"),
        (logs.as_path(), "events.ndjson.gz"),
        (home.path(), "link/events.ndjson"),
    ] {
        let ended = run(&mut import_in(home.path(), directory, &[path]));
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("0 imported, 3 duplicates, 0 skipped\n", ""), "{path}");
    }
}

#[test]
fn a_named_source_may_move_and_stdin_can_be_read_again() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "here/audit.ndjson", LINE);
    write(home.path(), "there/audit.ndjson", LINE);
    let of = |source: &str, path: &str| import(home.path(), &["--source", source, path]).ok();
    assert_eq!(of("web1", "here/audit.ndjson"), "1 imported, 0 duplicates, 0 skipped\n");
    assert_eq!(of("web1", "there/audit.ndjson"), "0 imported, 1 duplicates, 0 skipped\n");
    assert_eq!(of("web2", "there/audit.ndjson"), "1 imported, 0 duplicates, 0 skipped\n");
    assert_eq!(import(home.path(), &["there/audit.ndjson"]).ok(), "1 imported, 0 duplicates, 0 skipped\n");
    let mut counts = Vec::new();
    for arguments in [&["--source", "web3", "-"][..], &["--source", "web3", "-"], &["-"], &["-"]] {
        counts.push(run_with_input(&mut import_in(home.path(), home.path(), arguments), LINE.as_bytes()).ok());
    }
    let (new, known) = ("1 imported, 0 duplicates, 0 skipped\n", "0 imported, 1 duplicates, 0 skipped\n");
    assert_eq!(counts, [new, known, new, new]);
}

#[test]
fn known_lines_behind_new_ones_are_warned_about() {
    let home = tempfile::tempdir().unwrap();
    let lines = |lines: &[&str]| lines.iter().map(|action| format!("{{\"action\":\"{action}\"}}\n")).collect::<String>();
    let again = |text: String| {
        write(home.path(), "audit.ndjson", text);
        import(home.path(), &["audit.ndjson"])
    };
    // A file that grows, and one that is imported again, say nothing.
    assert_eq!(again(lines(&["A", "B"])).stderr, "");
    assert_eq!(again(lines(&["A", "B", "C", "D"])).stderr, "");
    assert_eq!(again(lines(&["A", "B", "C", "D"])).stderr, "");
    // Another file at the same path, as after a rotation.
    let rotated = again(lines(&["X", "B", "Y", "D"]));
    assert_eq!(rotated.stdout, "2 imported, 2 duplicates, 0 skipped\n");
    let warning =
        "warning: audit.ndjson: 2 line(s) without a uuid were duplicates, from line 2 on, although line 1 before them was not";
    assert!(rotated.stderr.starts_with(warning) && rotated.stderr.contains("--source NAME"), "{}", rotated.stderr);
    // What has a uuid of its own is a client's retry.
    let own = r#"{"uuid":"018c0000-0000-7000-8000-000000000001","action":"OWN"}"#;
    write(home.path(), "own.ndjson", format!("{own}\n"));
    write(home.path(), "mixed.ndjson", format!("{{\"action\":\"N\"}}\n{own}\n"));
    assert_eq!(import(home.path(), &["own.ndjson", "mixed.ndjson"]).stderr, "");
}

#[test]
fn a_byte_order_mark_in_front_of_a_file_is_no_part_of_it() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "bom.ndjson", "\u{feff}{\"action\":\"BOM\"}\n");
    assert_eq!(import(home.path(), &["bom.ndjson"]).ok(), "1 imported, 0 duplicates, 0 skipped\n");
    write(home.path(), "bom.ndjson", "{\"action\":\"BOM\"}\n");
    assert_eq!(import(home.path(), &["bom.ndjson"]).ok(), "0 imported, 1 duplicates, 0 skipped\n");
    write(home.path(), "inside.ndjson", "{\"action\":\"A\"}\n\u{feff}{\"action\":\"B\"}\n");
    let inside = import(home.path(), &["inside.ndjson"]);
    let named = "inside.ndjson line 2: starts with a byte order mark (U+FEFF): send UTF-8 without it\n";
    assert!(inside.code == Some(1) && inside.stderr.starts_with(named), "{}", inside.stderr);
    let utf16: Vec<u8> = "\u{feff}{\"action\":\"A\"}\n".repeat(30).encode_utf16().flat_map(u16::to_le_bytes).collect();
    write(home.path(), "utf16.ndjson", utf16);
    let refused = import(home.path(), &["--skip-invalid", "utf16.ndjson"]);
    assert_eq!(refused.stdout, "0 imported, 0 duplicates, 1 skipped\n");
    let named = "utf16.ndjson line 1: is UTF-16, according to its byte order mark: convert the file, for example with `iconv -f UTF-16 -t UTF-8`\n";
    assert!(refused.stderr.starts_with(named), "{}", refused.stderr);
    let types = "\u{feff}[{\"id\":1,\"app_label\":\"a\",\"model\":\"b\"}]";
    write(home.path(), "types.json", types);
    let mut command = program(home.path());
    command.args(["content-types", "import", "types.json"]);
    assert_eq!(run(&mut command).ok(), "1 new, 0 changed, 0 unchanged\n");
}

#[test]
fn values_of_other_programs_are_read_as_over_http() {
    let home = tempfile::tempdir().unwrap();
    write(
        home.path(),
        "pg.ndjson",
        "{\"action\":\"TS\",\"timestamp\":\"2023-10-16 09:00:00.929094+00\"}\n{\"action\":null,\"what\":\"kept\"}\n",
    );
    assert_eq!(import(home.path(), &["pg.ndjson"]).ok(), "2 imported, 0 duplicates, 0 skipped\n");
    let nil = "{\"uuid\":\"00000000-0000-0000-0000-000000000000\",\"action\":\"LOGIN\"}\n";
    write(home.path(), "nil.ndjson", nil);
    let refused = import(home.path(), &["nil.ndjson"]);
    let named = "nil.ndjson line 1: uuid must not be the nil UUID 00000000-0000-0000-0000-000000000000: give one";
    assert!(refused.code == Some(1) && refused.stderr.starts_with(named), "{}", refused.stderr);
    let pino = "{\"level\":30,\"time\":1531171074631,\"pid\":657,\"hostname\":\"h\",\"msg\":\"hello\"}\n";
    write(home.path(), "pino.ndjson", pino);
    let meant = import(home.path(), &["pino.ndjson"]);
    assert!(meant.stderr.starts_with("pino.ndjson line 1: is not an event: give --kind action-logs\n"), "{}", meant.stderr);
    assert_eq!(import(home.path(), &["--kind", "action-logs", "pino.ndjson"]).ok(), "1 imported, 0 duplicates, 0 skipped\n");
}
