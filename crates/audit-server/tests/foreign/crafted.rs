//! Bundles that are changed with care: each breaks one rule of `docs/log-format.md`, and `examples/verify_bundle.py` names it.

use std::fs;

use crate::common::run;
use crate::log::{Log, on_both_databases, repository};

/// What the script says of a text as a bundle: the code, and the line with the verdict.
fn said_of(log: &Log, text: &str, arguments: &[&str]) -> (Option<i32>, String) {
    fs::write(log.path().join("crafted"), text).unwrap();
    let ended = log.script(&repository("examples/verify_bundle.py"), &[&["crafted"], arguments].concat());
    let verdict = ended.stdout.lines().rev().nth(1).unwrap_or_default();
    (ended.code, verdict.strip_prefix("crafted: ").unwrap_or_else(|| panic!("{ended:?}")).to_owned())
}

#[test]
fn the_script_names_the_rule_that_is_broken() {
    on_both_databases(|log| {
        let range = ["export", "--bundle", "--channel", "1", "--from-position", "5", "--to-position", "17", "-o", "range"];
        run(log.program().args(range)).ok();
        run(log.program().args([
            "export",
            "--bundle",
            "--channel",
            "1",
            "--from-position",
            "20",
            "--to-position",
            "21",
            "-o",
            "one",
        ]))
        .ok();
        changed_lines(log);
        longer_proof(log);
        signed_by_somebody_else(log);
        kept_checkpoints(log);
    });
}

fn changed_lines(log: &Log) {
    let range = fs::read_to_string(log.path().join("range")).unwrap();
    let lines: Vec<&str> = range.split_inclusive('\n').collect();
    let wrong = |text: &str, reason: &str| {
        let (code, verdict) = said_of(log, text, &["--vkey", "vkey.txt"]);
        assert!(code == Some(1) && verdict.starts_with("wrong: ") && verdict.contains(reason), "{reason}: {verdict}");
    };
    // The entry of another position, with the leaf hash that its line states.
    let one = fs::read_to_string(log.path().join("one")).unwrap();
    let other = one.lines().nth(1).unwrap().replace("\"position\":20,", "\"position\":13,") + "\n";
    let replaced = [&lines[..9], &[&other], &lines[10..]].concat().concat();
    wrong(&replaced, "do not make the tree that was signed");
    let footer: serde_json::Value = serde_json::from_str(lines[13]).unwrap();
    let right = footer["right"].as_array().unwrap();
    let end = |right: &[serde_json::Value], entries: u64| format!("{}\n", serde_json::json!({"entries":entries,"right":right}));
    let mut turned = right.clone();
    turned.reverse();
    wrong(&format!("{}{}", lines[..13].concat(), end(&turned, 12)), "do not make the tree that was signed");
    wrong(&format!("{}{}", lines[..13].concat(), end(&right[1..], 12)), "do not make the tree that was signed");
    wrong(&format!("{}{}", lines[..13].concat(), end(&vec![right[0].clone(); 70], 12)), "do not make the tree that was signed");
    wrong(&format!("{}{}", lines[..13].concat(), end(right, 11)), "the bundle has 12 entries, and its last line says 11");
    let fewer = format!("{}{}{}", lines[..6].concat(), lines[7..13].concat(), end(right, 11));
    wrong(&fewer, "nothing is proven: positions are missing");
    let shorter = format!("{}{}", lines[..12].concat(), end(right, 11));
    wrong(&shorter, "nothing is proven: positions are missing");
    let mut entry: serde_json::Value = serde_json::from_str(lines[4]).unwrap();
    let slots = entry["slots"].as_array().unwrap().clone();
    for slots in [&slots[1..], &slots[..slots.len() - 1], &[&slots[..], &slots[..1]].concat()] {
        entry["slots"] = slots.into();
        wrong(&[&lines[..4], &[&format!("{entry}\n")], &lines[5..]].concat().concat(), "entries are tampered");
    }
    wrong(&lines[..13].concat(), "the bundle was cut");
    wrong(range.trim_end_matches('\n'), "the bundle was cut");
    wrong(&format!("{range}{}", lines[1]), "lines cannot be read");
    let origin = format!("\"origin\":\"{}\"", log.origin());
    wrong(&range.replacen(&origin, "\"origin\":\"a/1/events\"", 1), "the origin is not that of the checkpoint");
    wrong(&range.replacen("\"from\":5,", "\"from\":18,", 1), "do not ascend");
    wrong(&range.replacen("\"to\":17,", "\"to\":701,", 1), "do not ascend");
    wrong(&range.replacen("\"from\":5,", "\"from\":7,", 1), "the left frontier has another number of hashes");
    wrong(&range.replacen("{\"format\":", "{\"signed\":true,\"format\":", 1), "the member 'signed' is not known");
    let twice = range.replacen("{\"position\":5,", "{\"position\":5,\"position\":5,", 1);
    wrong(&twice, "positions are missing");
    let upper = lines[5].split_once("\"leaf_hash\":\"").unwrap().1[..64].to_owned();
    wrong(&range.replacen(&upper, &upper.to_uppercase(), 1), "positions are missing");
    // The same signature in base64 that is not canonical: a bit that nothing is made of.
    let end = range.find("=\\n\",\"witnessed\"").unwrap();
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let next = digits.find(&range[end - 1..end]).unwrap() + 1;
    let other = format!("{}{}{}", &range[..end - 1], &digits[next..=next], &range[end..]);
    wrong(&other, "a line below the checkpoint is not a signature");
    let unsigned = range.replacen(&format!("\\n\u{2014} {}", log.origin()), "\\n\u{2014} somebody", 1);
    wrong(&unsigned, "no key of the log");
}

/// An inclusion proof has as many hashes as it needs, and no more.
fn longer_proof(log: &Log) {
    let filtered = ["export", "--bundle", "--channel", "1", "--filter", "position=9", "-o", "filtered"];
    run(log.program().args(filtered)).ok();
    let filtered = fs::read_to_string(log.path().join("filtered")).unwrap();
    assert_eq!(said_of(log, &filtered, &["--vkey", "vkey.txt"]).0, Some(0));
    let longer = filtered.replacen("\"inclusion\":[", &format!("\"inclusion\":[\"{}\",", "00".repeat(32)), 1);
    assert_eq!(said_of(log, &longer, &["--vkey", "vkey.txt"]).0, Some(1));
    let longer = filtered.replacen("\"]}", &format!("\",\"{}\"]}}", "00".repeat(32)), 1);
    assert_eq!(said_of(log, &longer, &["--vkey", "vkey.txt"]).0, Some(1));
}

/// The holder of a key can sign anything. The leaves say of which log they are.
fn signed_by_somebody_else(log: &Log) {
    let resign = repository("crates/audit-server/tests/foreign/resign.py");
    let vkey = log.script(&resign, &["range", log.origin()]).ok();
    let resigned = || fs::read_to_string(log.path().join("resigned.bundle")).unwrap();
    assert_eq!(said_of(log, &resigned(), &["--vkey", vkey.trim()]).0, Some(0), "the script trusts the key that it is given");
    let (code, verdict) = said_of(log, &resigned(), &["--vkey", "vkey.txt"]);
    assert!(code == Some(1) && verdict.contains("no key of the log"), "{verdict}");
    for origin in [log.origin().replace("/1/events", "/2/events"), log.origin().replace("/1/events", "/1/action-logs")] {
        let vkey = log.script(&resign, &["range", &origin]).ok();
        let (code, verdict) = said_of(log, &resigned(), &["--vkey", vkey.trim()]);
        assert!(code == Some(1) && verdict.contains("entries are tampered"), "{verdict}");
    }
    let (name, rest) = vkey.trim().split_once('+').unwrap();
    let (key_id, key) = rest.split_once('+').unwrap();
    let other_id = format!("{name}+{}+{key}", key_id.chars().rev().collect::<String>());
    let ended = log.script(&repository("examples/verify_bundle.py"), &["crafted", "--vkey", &other_id]);
    assert!(ended.code == Some(2) && ended.stdout.ends_with("is not the verifier key of a log\n"), "{ended:?}");
}

/// A checkpoint that was kept has to be one of the log, and the log has to begin with its entries.
fn kept_checkpoints(log: &Log) {
    let resign = repository("crates/audit-server/tests/foreign/resign.py");
    let wrong_root = "00".repeat(32);
    for (size, code) in [("9", Some(1)), ("17", Some(1)), ("700", Some(1)), ("3", Some(2))] {
        let vkey = log.script(&resign, &["range", log.origin(), size, &wrong_root]).ok();
        let resigned = fs::read_to_string(log.path().join("resigned.bundle")).unwrap();
        let (got, verdict) = said_of(log, &resigned, &["--vkey", vkey.trim(), "--checkpoint", "resigned.checkpoint"]);
        assert_eq!(got, code, "{size}: {verdict}");
    }
    // A right consistency proof, and a wrong root at one of its ends.
    log.append(5);
    for (size, from, to) in [("3", 3, 700), ("705", 700, 705)] {
        log.save("consistency.json", &format!("/log/1/events/consistency?from={from}&to={to}"), "*/*");
        let vkey = log.script(&resign, &["range", log.origin(), size, &wrong_root]).ok();
        let resigned = fs::read_to_string(log.path().join("resigned.bundle")).unwrap();
        let kept = ["--checkpoint", "resigned.checkpoint", "--consistency", "consistency.json"];
        let (code, verdict) = said_of(log, &resigned, &[&["--vkey", vkey.trim()], &kept[..]].concat());
        assert!(code == Some(1) && verdict.contains("does not lead from one checkpoint to the other"), "{size}: {verdict}");
    }
    let range = fs::read_to_string(log.path().join("range")).unwrap();
    let (code, verdict) = said_of(log, &range, &["--vkey", "vkey.txt", "--checkpoint", "resigned.checkpoint"]);
    assert!(code == Some(2) && verdict.contains("not signed by a key that was given"), "{verdict}");
}
