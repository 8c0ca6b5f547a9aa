//! The checksum-database library of Go opens the notes, and checks inclusion, consistency and all tiles, where it is installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Ended, run};
use crate::log::{EVENTS, Log, on_both_databases, repository};

/// Where Debian's package golang-golang-x-mod-dev puts the library.
const SOURCES: &str = "/usr/share/gocode";

/// The compiled `check.go`; `None` where Go or the library is not installed.
fn compiled() -> Option<std::path::PathBuf> {
    let is_go = Command::new("go").arg("version").output().is_ok_and(|output| output.status.success());
    if !is_go || !Path::new(SOURCES).join("src/golang.org/x/mod/sumdb").exists() {
        return None;
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../clients/go");
    fs::create_dir_all(&home).unwrap();
    let (home, program) = (home.canonicalize().unwrap(), home.canonicalize().unwrap().join("check"));
    let mut build = Command::new("timeout");
    build.args(["600", "go", "build", "-o"]).arg(&program).arg(repository("crates/audit-server/tests/foreign/check.go"));
    // Nothing is fetched: the library is a folder of this machine, and the rest comes with Go.
    build.env("GO111MODULE", "off").env("GOPATH", SOURCES).env("GOPROXY", "off").env("GOFLAGS", "").env("CGO_ENABLED", "0");
    let built = build.env("GOCACHE", home.join("cache")).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

fn check(log: &Log, program: &Path, vkey: &str) -> Ended {
    let files = ["kept.checkpoint", "consistency.json", "proof.json", "entry.leaf"];
    run(Command::new(program).current_dir(log.path()).args([&log.prefix(), vkey]).args(files))
}

#[test]
fn the_library_of_gos_checksum_database_verifies_the_log() {
    let Some(program) = compiled() else {
        eprintln!("not run: Go, or its library in {SOURCES} (on Debian: golang-go golang-golang-x-mod-dev), is not installed");
        return;
    };
    on_both_databases(|log| {
        fs::write(log.path().join("kept.checkpoint"), log.checkpoint(EVENTS)).unwrap();
        let event = log.event(300);
        log.save("proof.json", &format!("{event}/proof"), "application/json");
        let leaf = log.save("entry.leaf", &format!("{event}/leaf"), "*/*");
        let size = EVENTS + 400;
        log.append(400);
        let consistency = log.save("consistency.json", &format!("/log/1/events/consistency?from={EVENTS}&to={size}"), "*/*");
        let said = format!(
            "the proof of the server: entry 300 of {EVENTS}\nthe proof from tiles: entry 300 of {size}\n\
             the log grew from {EVENTS} to {size}\nall {size} entries are in the tree\n"
        );
        assert_eq!(check(log, &program, &log.vkey).ok(), said);

        let refused = |ended: Ended| assert!(ended.code == Some(1) && ended.stdout.contains("refused: "), "{ended:?}");
        refused(check(log, &program, &log.vkey_of("/1/action-logs")));
        let mut changed = leaf.clone();
        changed[60] ^= 1;
        fs::write(log.path().join("entry.leaf"), changed).unwrap();
        refused(check(log, &program, &log.vkey));
        fs::write(log.path().join("entry.leaf"), leaf).unwrap();
        let changed = String::from_utf8(consistency).unwrap().replace('a', "b");
        fs::write(log.path().join("consistency.json"), changed).unwrap();
        refused(check(log, &program, &log.vkey));
    });
}
