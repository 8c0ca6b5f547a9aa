//! `examples/verify_bundle.py`, which is written from `docs/log-format.md` alone, verifies exported bundles and refuses changed ones.

use std::fs;

use crate::changes::{Draw, change, said};
use crate::common::{Ended, run};
use crate::log::{EVENTS, Log, on_both_databases, repository};

/// Changes of each bundle.
const CHANGES: u64 = 150;

fn script(log: &Log, arguments: &[&str]) -> Ended {
    log.script(&repository("examples/verify_bundle.py"), arguments)
}

fn export(log: &Log, name: &str, arguments: &[&str]) {
    run(log.program().args(["export", "--bundle", "--channel", "1", "-o", name]).args(arguments)).ok();
}

/// The first and the last line of what it says.
fn ends(ended: &Ended) -> (Option<i32>, &str, &str) {
    let mut lines = ended.stdout.lines();
    (ended.code, lines.next().unwrap_or_default(), lines.next_back().unwrap_or_default())
}

#[test]
fn the_script_verifies_bundles_of_all_kinds() {
    on_both_databases(|log| {
        export(log, "whole.bundle.gz", &[]);
        export(log, "range.bundle", &["--from-position", "250", "--to-position", "520"]);
        export(log, "some.bundle", &["--filter", "position__gte=5&position__lt=17"]);
        export(log, "logs.bundle", &["--kind", "action-logs"]);
        log.save("vkeys.txt", "/log/vkey", "text/plain");
        let ended = script(log, &["whole.bundle.gz", "range.bundle", "some.bundle", "logs.bundle", "--vkey", "vkeys.txt"]);
        let expected = "ok: 4 file(s): 983 ok, 0 erased, 0 tampered, 0 missing, 0 unreadable, 0 unproven";
        assert_eq!((ended.code, ends(&ended).2), (Some(0), expected), "{ended:?}");
        let range = format!(
            "range.bundle: proven: all entries from position 250 to before 520 of {}, checkpoint of {EVENTS} entries\n",
            log.origin()
        );
        assert!(ended.stdout.contains(&range), "{ended:?}");
        // The key of another log, and no key.
        let other = log.vkey_of("/1/action-logs");
        assert_eq!(script(log, &["range.bundle", "--vkey", &other]).code, Some(2));
        assert_eq!(script(log, &["vkeys.txt", "--vkey", "vkeys.txt"]).code, Some(2), "a file of another kind");
        assert_eq!(script(log, &["range.bundle"]).code, Some(2), "a mistake on the command line");
        withheld(log);
        kept(log);
    });
}

/// A slot is shown as erased, as anybody can show it.
fn withheld(log: &Log) {
    let bundle = fs::read_to_string(log.path().join("range.bundle")).unwrap();
    let mut lines: Vec<String> = bundle.lines().map(|line| format!("{line}\n")).collect();
    let mut entry: serde_json::Value = serde_json::from_str(&lines[3]).unwrap();
    let commitment = entry["leaf_data"].as_str().unwrap()[110..174].to_owned();
    let slot = |commitment: &str, erased: serde_json::Value| {
        let name = "subject";
        serde_json::json!({"slot":0,"name":name,"commitment":commitment,"erased":erased})
    };
    let mut said = |slot: serde_json::Value| {
        entry["slots"][0] = slot;
        lines[3] = format!("{entry}\n");
        fs::write(log.path().join("withheld.bundle"), lines.concat()).unwrap();
        let ours = run(log.program().args(["verify", "withheld.bundle", "--vkey", "vkeys.txt"]));
        let script = script(log, &["withheld.bundle", "--vkey", "vkeys.txt"]);
        assert_eq!(script.code, ours.code, "{script:?} {ours:?}");
        (script.code, script.stdout)
    };
    let erased = |(code, stdout): (Option<i32>, String)| code == Some(0) && stdout.contains(" 269 ok, 1 erased, ");
    assert!(erased(said(slot(&commitment, serde_json::Value::Null))));
    assert!(erased(said(slot(&commitment, serde_json::json!({"at":"2023-11-14T22:13:20.500000Z","by_position":9})))));
    let (code, stdout) = said(slot(&commitment.replace(['0', '1'], "2"), serde_json::Value::Null));
    assert!(code == Some(1) && stdout.contains("252 tampered: slot 0 does not have the commitment"), "{stdout}");
    assert_eq!(said(slot(&commitment, serde_json::json!({"at":"2023-11-14T22:13:20.5Z","by_position":9}))).0, Some(1));
}

/// Bundles are compared with a checkpoint that somebody kept.
fn kept(log: &Log) {
    fs::write(log.path().join("kept.checkpoint"), log.checkpoint(EVENTS)).unwrap();
    let size = EVENTS + 5;
    log.append(5);
    export(log, "whole.bundle", &[]);
    export(log, "start.bundle", &["--to-position", "3"]);
    let consistency = format!("/log/1/events/consistency?from={EVENTS}&to={size}");
    log.save("consistency.json", &consistency, "application/json");
    let always = ["--vkey", "vkey.txt", "--checkpoint", "kept.checkpoint"];
    let compare = |arguments: &[&str]| script(log, &[arguments, &always].concat());
    let ended = compare(&["whole.bundle"]);
    assert!(ended.code == Some(0) && ended.stdout.contains("begins with the 700 entries of the kept"), "{ended:?}");
    let ended = compare(&["start.bundle"]);
    assert!(ended.code == Some(2) && ended.stdout.contains("the consistency proof from 700 to 705\n"), "{ended:?}");
    assert_eq!(compare(&["start.bundle", "--consistency", "consistency.json"]).code, Some(0));
    let changed = fs::read_to_string(log.path().join("consistency.json")).unwrap().replace('0', "1").replace("711", "700");
    fs::write(log.path().join("consistency.json"), changed.replace("\"to\":715", "\"to\":705")).unwrap();
    let ended = compare(&["start.bundle", "--consistency", "consistency.json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
}

#[test]
fn the_script_proves_no_changed_bundle() {
    on_both_databases(|log| {
        export(log, "range", &["--from-position", "5", "--to-position", "17"]);
        export(log, "filtered", &["--filter", "position__gte=5&position__lt=17"]);
        for (name, seed) in [("range", 1), ("filtered", 2)] {
            no_change_is_proven(log, name, seed);
        }
    });
}

fn no_change_is_proven(log: &Log, name: &str, seed: u64) {
    let (original, mut draw) = (fs::read(log.path().join(name)).unwrap(), Draw(seed));
    let (mut names, mut contents) = (Vec::new(), Vec::new());
    for number in 0..CHANGES {
        let (changed, how) = change(&original, &mut draw);
        names.push(format!("{name}-{number}"));
        fs::write(log.path().join(names.last().unwrap()), &changed).unwrap();
        contents.push((changed, how));
    }
    let files: Vec<&str> = names.iter().map(String::as_str).chain(["--vkey", "vkey.txt"]).collect();
    let script = script(log, &files).stdout;
    let ours = run(log.program().arg("verify").args(&files)).stdout;
    let mut refused = 0;
    for (name, (changed, how)) in names.iter().zip(&contents) {
        let proven = |stdout: &str| stdout.lines().any(|line| line.starts_with(&format!("{name}: proven: ")));
        let wrong = |stdout: &str| {
            let starts = |verdict: &str| stdout.lines().any(|line| line.starts_with(&format!("{name}: {verdict}: ")));
            starts("wrong") || starts("not checked")
        };
        assert!(proven(&script) != wrong(&script), "{name}, {how}");
        // What the script refuses and `verify` does not: a line without its line feed, and blanks.
        assert!(!proven(&script) || proven(&ours), "{name}, {how}: only the script proves it");
        let is_the_same = said(changed).is_some() && said(changed) == said(&original);
        assert!(!proven(&script) || is_the_same, "{name}, {how}: proven");
        refused += usize::from(wrong(&script));
    }
    assert!(refused > names.len() * 8 / 10, "only {refused} of {CHANGES} changes of {name} were refused");
}
