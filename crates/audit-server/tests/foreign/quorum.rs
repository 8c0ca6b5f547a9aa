//! A quorum of two witnesses cosigns the checkpoint in a proof, and `proofbundle`, the script for bundles and `verify` count them.
//!
//! Both witnesses are `aics-witness`. They cosign the log of the channel itself, and a root log that `aics-tlog` makes.

use std::fs;

use crate::common::{Ended, run};
use crate::log::{EVENTS, Log, on_both_databases, repository};
use crate::witness::Witness;

/// Two witnesses of a log.
fn witnesses(log: &Log, vkey: &str) -> [Witness; 2] {
    ["witness.example.org/w1", "witness.example.org/w2"].map(|name| {
        let directory = log.path().join(name.rsplit_once('/').unwrap().1);
        Witness::start(&directory, name, &[vkey])
    })
}

/// What the witnesses answer to the first checkpoint of a log.
fn cosign(both: &[Witness; 2], checkpoint: &str) -> [String; 2] {
    both.each_ref().map(|witness| {
        let (status, line) = witness.offer(0, &[], checkpoint);
        assert_eq!(status, 200, "{line}");
        line
    })
}

/// Text as a string of JSON.
fn in_json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The hashes of a consistency proof of the server, in base64.
fn consistency(log: &Log, from: u64, to: u64) -> Vec<String> {
    let (_, proof) = log.get(&format!("/log/1/events/consistency?from={from}&to={to}"), "application/json");
    let proof: serde_json::Value = serde_json::from_slice(&proof).unwrap();
    proof["consistency"].as_array().unwrap().iter().map(|hash| base64(hash.as_str().unwrap())).collect()
}

/// Hex as base64.
fn base64(hex: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let byte = |at: usize| u32::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    let mut out = String::new();
    for start in (0..hex.len() / 2).step_by(3) {
        let end = (start + 3).min(hex.len() / 2);
        let bits = (start..start + 3).fold(0, |bits, at| bits << 8 | if at < end { byte(at) } else { 0 });
        let digits = (0..4).map(|digit| char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
        out.extend(digits.take(end - start + 1));
        out.extend(std::iter::repeat_n('=', 3 - (end - start)));
    }
    out
}

fn verify(log: &Log, proof: &str, threshold: &str, keys: &[&str]) -> Ended {
    fs::write(log.path().join("cosigned.tlog-proof"), proof).unwrap();
    let always = ["verify-proof", "cosigned.tlog-proof", "--payload-file", "entry.leaf", "--log-vkey", &log.vkey];
    let keys = keys.iter().flat_map(|key| ["--witness-vkey", *key]);
    log.foreign("proofbundle", &always.into_iter().chain(["--threshold", threshold]).chain(keys).collect::<Vec<_>>())
}

#[test]
fn a_quorum_of_two_witnesses_is_counted_by_all() {
    assert_eq!([base64("00"), base64("0000ff"), base64("ffeedd00")], ["AA==", "AAD/", "/+7dAA=="]);
    on_both_databases(|log| {
        let both = witnesses(log, &log.vkey);
        let keys = both.each_ref().map(|witness| witness.vkey.as_str());
        let proof = String::from_utf8(log.save("entry.tlog-proof", &format!("{}/proof", log.event(300)), "text/plain")).unwrap();
        log.save("entry.leaf", &format!("{}/leaf", log.event(300)), "*/*");
        let checkpoint = log.checkpoint(EVENTS);
        assert!(proof.ends_with(&checkpoint));
        let lines = cosign(&both, &checkpoint);
        let cosigned = format!("{proof}{}", lines.concat());
        let ended = verify(log, &cosigned, "2", &keys);
        assert!(ended.code == Some(0) && ended.stdout.contains("[PASS] witness-quorum: 2 valid of 2"), "{ended:?}");
        assert_eq!(verify(log, &format!("{proof}{}", lines[1]), "2", &keys).code, Some(1), "a cosignature is missing");
        assert_eq!(verify(log, &format!("{proof}{}{}", lines[1], lines[1]), "2", &keys).code, Some(1), "the same twice");
        assert_eq!(verify(log, &cosigned, "2", &[keys[0], keys[0]]).code, Some(1), "one witness under two names");
        policies(log, &checkpoint, &lines, keys);
        bad_policies(log, keys);
        grown(log, &both, &checkpoint);
    });
}

/// What the script for bundles and `verify` say of a bundle with a cosigned checkpoint.
fn policies(log: &Log, checkpoint: &str, lines: &[String; 2], keys: [&str; 2]) {
    run(log.program().args(["export", "--bundle", "--channel", "1", "--to-position", "9", "-o", "plain.bundle"])).ok();
    let bundle = fs::read_to_string(log.path().join("plain.bundle")).unwrap();
    let (one, other) = (keys[0], keys[1]);
    let policy = format!("log {}\nwitness one {one}\nwitness two {other}\ngroup both all one two\nquorum both\n", log.vkey);
    fs::write(log.path().join("policy.txt"), &policy).unwrap();
    let said = |note: &str| {
        let cosigned = bundle.replacen(&in_json(checkpoint), &in_json(note), 1);
        fs::write(log.path().join("cosigned.bundle"), cosigned).unwrap();
        let ours = run(log.program().args(["verify", "cosigned.bundle", "--policy", "policy.txt"]));
        let script = log.script(&repository("examples/verify_bundle.py"), &["cosigned.bundle", "--policy", "policy.txt"]);
        assert_eq!(script.code, ours.code, "{script:?} {ours:?}");
        (script.code, script.stdout)
    };
    let (code, stdout) = said(&format!("{checkpoint}{}", lines.concat()));
    assert!(code == Some(0) && stdout.contains(", cosigned by 'one', 'two'\n"), "{stdout}");
    let (code, stdout) = said(&format!("{checkpoint}{}", lines[0]));
    assert!(code == Some(1) && stdout.contains("the quorum both of witnesses is not met"), "{stdout}");
    // With the end of the signature of the other witness.
    let (start, signature) = (lines[0].split_at(lines[0].len() - 20).0, lines[1].split_at(lines[1].len() - 20).1);
    let mixed = format!("{start}{signature}");
    let (code, stdout) = said(&format!("{checkpoint}{mixed}{}", lines[1]));
    assert!(code == Some(1) && stdout.contains("the signature of witness.example.org/w1 is not one of this text"), "{stdout}");
}

/// Policies that would count somebody twice, or nobody.
fn bad_policies(log: &Log, keys: [&str; 2]) {
    let (start, one, other) = (format!("log {}\n", log.vkey), keys[0], keys[1]);
    for rest in [
        format!("witness one {one}\nwitness two {one}\ngroup both all one two\nquorum both\n"),
        format!("witness one {one}\nwitness one {other}\nquorum one\n"),
        format!("witness one {one}\ngroup both 2 one one\nquorum both\n"),
        format!("witness one {one}\ngroup a any one\ngroup b any one\ngroup c all a b\nquorum c\n"),
        format!("group both any one\nwitness one {one}\nquorum both\n"),
        format!("witness one {one}\ngroup both 0 one\nquorum both\n"),
        format!("witness one {one}\nwitness two {other}\ngroup both 3 one two\nquorum both\n"),
        format!("witness one {}\nquorum one\n", log.vkey),
        format!("log {}\nquorum none\n", log.vkey),
        "quorum none\nquorum none\n".to_owned(),
        "quorum one\n".to_owned(),
        "quorum\n".to_owned(),
        String::new(),
    ] {
        fs::write(log.path().join("policy.txt"), format!("{start}{rest}")).unwrap();
        let script = log.script(&repository("examples/verify_bundle.py"), &["plain.bundle", "--policy", "policy.txt"]);
        let ours = run(log.program().args(["verify", "plain.bundle", "--policy", "policy.txt"]));
        // `verify` says it as a failure of the program.
        assert!(script.code == Some(2) && ours.code != Some(0), "{rest}: {script:?} {ours:?}");
    }
}

/// A witness follows the log with consistency proofs of the server, and nothing else.
fn grown(log: &Log, both: &[Witness; 2], older: &str) {
    let (newer, size) = (log.append(300), EVENTS + 300);
    let right = consistency(log, EVENTS, size);
    assert_eq!(both[0].offer(0, &[], &newer), (409, format!("{EVENTS}\n")), "the witness teaches the size that it has");
    assert_eq!(both[0].offer(EVENTS, &right[1..], &newer).0, 422, "a proof with a hash too few");
    assert_eq!(both[0].offer(EVENTS, &right, &newer).0, 200);
    assert_eq!(both[0].offer(EVENTS, &[], older), (409, format!("{size}\n")), "it never goes back");
    let unsigned = newer.replace(&format!("\n{size}\n"), &format!("\n{}\n", size + 1));
    assert_eq!(both[1].offer(EVENTS, &right, &unsigned).0, 403);
}

#[test]
fn an_event_is_witnessed_through_a_root_log() {
    let page = fs::read_to_string(repository("docs/verify-with-other-tools.md")).unwrap();
    let two_proofs = page.split_once("```python file=two_proofs.py\n").unwrap().1.split_once("```").unwrap().0;
    on_both_databases(|log| {
        fs::write(log.path().join("two_proofs.py"), two_proofs).unwrap();
        fs::write(log.path().join("checkpoint"), log.checkpoint(EVENTS)).unwrap();
        let origin = format!("{}/root", log.origin().rsplitn(3, '/').nth(2).unwrap());
        let made = log.script(&repository("crates/audit-server/tests/foreign/root_log.py"), &["checkpoint", &origin]).ok();
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        let (vkey, mut witnessed) = (made["vkey"].as_str().unwrap(), made["witnessed"].clone());
        let both = witnesses(log, vkey);
        let keys = both.each_ref().map(|witness| witness.vkey.as_str());
        let plain = witnessed["checkpoint"].as_str().unwrap().to_owned();
        let lines = cosign(&both, &plain);
        let document = String::from_utf8(log.save("proof.json", &format!("{}/proof", log.event(300)), "*/*")).unwrap();
        let mut of = |cosignatures: &str| {
            witnessed["checkpoint"] = format!("{plain}{cosignatures}").into();
            // The server's own root log may have the checkpoint already.
            let (before, _) = document.split_once("\"witnessed\":").unwrap();
            let with = format!("{before}\"witnessed\":{witnessed}}}");
            fs::write(log.path().join("proof.json"), with).unwrap();
            through_the_root_log(log, vkey, keys, &witnessed)
        };
        assert_eq!(of(&lines.concat()), [Some(0); 4]);
        let [first, others @ ..] = of(&lines[1]);
        assert_eq!((first, others), (Some(0), [Some(1); 3]), "a cosignature is missing");
        other_ways_to_the_root_log(log, &origin, vkey, &made["witnessed"]);
    });
}

/// Changes of `witnessed` in a bundle: the policy has the root log of this database and that of another one, and needs no witness.
fn other_ways_to_the_root_log(log: &Log, origin: &str, vkey: &str, witnessed: &serde_json::Value) {
    let bundle = fs::read_to_string(log.path().join("plain")).unwrap();
    let script = repository("crates/audit-server/tests/foreign/root_log.py");
    let other: serde_json::Value = serde_json::from_str(&log.script(&script, &["checkpoint", "other/root"]).ok()).unwrap();
    let policy = format!("log {vkey}\nlog {}\nquorum none\n", other["vkey"].as_str().unwrap());
    fs::write(log.path().join("policy.txt"), policy).unwrap();
    let code = |witnessed: &serde_json::Value| {
        let changed = bundle.replacen("\"witnessed\":null", &format!("\"witnessed\":{witnessed}"), 1);
        fs::write(log.path().join("witnessed.bundle"), changed).unwrap();
        let arguments = ["witnessed.bundle", "--policy", "policy.txt"];
        let script = log.script(&repository("examples/verify_bundle.py"), &arguments);
        let ours = run(log.program().arg("verify").args(arguments));
        assert_eq!(script.code == Some(0), ours.code == Some(0), "{script:?} {ours:?}");
        script.code
    };
    assert_eq!(code(witnessed), Some(0));
    let with = |member: &str, value: serde_json::Value| {
        let mut changed = witnessed.clone();
        changed[member] = value;
        code(&changed)
    };
    assert_eq!(with("index", 4.into()), Some(1));
    assert_eq!(with("inclusion", witnessed["inclusion"].as_array().unwrap()[1..].into()), Some(1));
    assert_eq!(with("origin", "other/root".into()), Some(1));
    assert_eq!(code(&other["witnessed"]), Some(1), "the root log of another database");
    let mut mixed = other["witnessed"].clone();
    mixed["origin"] = origin.into();
    assert_eq!(code(&mixed), Some(1), "the checkpoint of the root log of another database");
    assert_eq!(code(&serde_json::Value::Null), Some(2));
}

/// What is said of the proof of an event in its log; of the checkpoint in the root log; and of both together, of the event and of a bundle.
fn through_the_root_log(log: &Log, vkey: &str, keys: [&str; 2], witnessed: &serde_json::Value) -> [Option<i32>; 4] {
    log.foreign("python3", &["two_proofs.py", "proof.json"]).ok();
    let proofbundle = |proof: &str, payload: &str, key: &str, more: &[&str]| {
        let always = ["verify-proof", proof, "--payload-file", payload, "--log-vkey", key];
        log.foreign("proofbundle", &[&always, more].concat()).code
    };
    let both = ["--witness-vkey", keys[0], "--witness-vkey", keys[1], "--threshold", "2"];
    let policy = format!("log {vkey}\nwitness a {}\nwitness b {}\ngroup both 2 a b\nquorum both\n", keys[0], keys[1]);
    fs::write(log.path().join("policy.txt"), policy).unwrap();
    run(log.program().args(["export", "--bundle", "--channel", "1", "--to-position", "9", "-o", "plain"])).ok();
    let bundle = fs::read_to_string(log.path().join("plain")).unwrap();
    let bundle = bundle.replacen("\"witnessed\":null", &format!("\"witnessed\":{witnessed}"), 1);
    fs::write(log.path().join("witnessed.bundle"), bundle).unwrap();
    let policy = ["witnessed.bundle", "--policy", "policy.txt"];
    [
        proofbundle("entry.tlog-proof", "entry.leaf", &log.vkey, &[]),
        proofbundle("witnessed.tlog-proof", "checkpoint.text", vkey, &both),
        run(log.program().args(["verify", "proof.json"]).args(policy)).code,
        log.script(&repository("examples/verify_bundle.py"), &policy).code,
    ]
}
