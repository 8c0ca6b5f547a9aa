//! Proofs as files, and the policies that say which checkpoints are good enough.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use audit_domain::log::{
    Checkpoint, CheckpointError, CosignerKey, Frontier, KeyError, LeafHash, Note, NoteSignature, Opened, Policy, PolicyFault,
    PolicyUnmet, ProofError, ProofFile, ProofFileError, ProofFileInvalid, ProofPlan, SignatureError, SignerKey, leaf_hash,
};

fn leaf(index: u64) -> LeafHash {
    leaf_hash(&index.to_be_bytes())
}

fn key(name: &str, byte: u8) -> SignerKey {
    SignerKey::new(name, &[byte; 32]).unwrap()
}

fn log_key() -> SignerKey {
    key("audit.example.com/root", 1)
}

fn witness(number: u8) -> CosignerKey {
    CosignerKey::new(&format!("witness{number}.example"), &[10 + number; 32]).unwrap()
}

/// The proof that a leaf is in a log of this size, whose checkpoint these witnesses cosigned.
fn proof(index: u64, size: u64, witnesses: &[CosignerKey]) -> ProofFile {
    let (mut tree, mut nodes) = (Frontier::new(), std::collections::HashMap::new());
    for index in 0..size {
        tree.append(leaf(index), |node, hash| nodes.extend([(node, hash)])).unwrap();
    }
    let path = ProofPlan::inclusion(index, size).unwrap().path(|node| nodes.get(&node).copied().ok_or(())).unwrap();
    let key = log_key();
    let text = Checkpoint::new(key.verifier().name(), size, tree.root()).unwrap().to_string();
    let cosignatures = witnesses.iter().map(|witness| witness.cosign(&text, 1_700_000_000).unwrap());
    let signatures = std::iter::once(key.sign(&text)).chain(cosignatures).collect();
    let checkpoint = Note::new(text, signatures).unwrap().to_string();
    ProofFile { extra: Some(b"[{\"slot\":0}]".to_vec()), index, path, checkpoint }
}

#[test]
fn a_proof_comes_back_from_its_file_and_proves_one_leaf() {
    for (index, size) in [(0, 1), (3, 7), (6, 7), (255, 256), (256, 257), (100, 300)] {
        let made = proof(index, size, &[witness(1)]);
        let text = made.to_string();
        let read: ProofFile = text.parse().unwrap();
        assert_eq!(read, made);
        let (checkpoint, _) = read.verify(leaf(index), log_key().verifier()).unwrap();
        assert_eq!(checkpoint.size(), size);
        let refused = read.verify(leaf(index + 1), log_key().verifier()).unwrap_err();
        assert!(matches!(refused, ProofFileInvalid::Proof(ProofError::Root { .. })), "{refused}");
        let beyond = ProofFile { index: size, ..read.clone() }.verify(leaf(index), log_key().verifier());
        assert_eq!(beyond, Err(ProofFileInvalid::Proof(ProofError::NoSuchLeaf { index: size, size })));
        let other_log = key("audit.example.com/other", 1);
        assert!(matches!(
            read.verify(leaf(index), other_log.verifier()),
            Err(ProofFileInvalid::Checkpoint(CheckpointError::Signature(_)))
        ));
    }
    let without = ProofFile { extra: None, ..proof(0, 1, &[]) };
    assert!(without.to_string().starts_with("c2sp.org/tlog-proof@v1\nindex 0\n\naudit.example.com/root\n1\n"));
    let empty = ProofFile { extra: Some(Vec::new()), ..without.clone() };
    assert_eq!((without.to_string().parse(), empty.to_string().parse()), (Ok(without.clone()), Ok(without)));
}

#[test]
fn each_changed_byte_of_a_proof_is_noticed() {
    let text = ProofFile { extra: None, ..proof(3, 7, &[]) }.to_string();
    for at in 0..text.len() {
        for changed in [text.as_bytes()[at] ^ 1, b'\n', b' '].into_iter().filter(|byte| *byte != text.as_bytes()[at]) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = changed;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let verified = changed.parse::<ProofFile>().map(|proof| proof.verify(leaf(3), log_key().verifier()));
            assert!(!matches!(verified, Ok(Ok(_))), "byte {at}: {changed}");
        }
    }
}

#[test]
fn texts_that_are_not_proofs_are_refused() {
    let good = proof(3, 7, &[]).to_string();
    let (head, rest) = good.split_once("index 3\n").unwrap();
    let (hash, after) = rest.split_once('\n').unwrap();
    for (text, error) in [
        (format!("{good}{}", "x".repeat(8 * 1024 * 1024)), ProofFileError::TooLarge),
        (String::new(), ProofFileError::FirstLine),
        (good.replace("@v1", "@v2"), ProofFileError::FirstLine),
        (good.replace('\n', "\r\n"), ProofFileError::FirstLine),
        (good.replace("extra W", "extra =W"), ProofFileError::Extra),
        (good.replace("\nextra ", "\nextra \nextra "), ProofFileError::Extra),
        (good.replace("\nextra ", "\nExtra "), ProofFileError::Index),
        (good.replace("index 3", "index 03"), ProofFileError::Index),
        (good.replace("index 3", "index +3"), ProofFileError::Index),
        (good.replace("index 3", "index -3"), ProofFileError::Index),
        (good.replace("index 3", "index  3"), ProofFileError::Index),
        (good.replace("index 3", "index 18446744073709551616"), ProofFileError::Index),
        (head.to_owned(), ProofFileError::Index),
        (format!("{head}index 3\n{hash} \n{after}"), ProofFileError::Path),
        (format!("{head}index 3\n{}\n{after}", &hash[..hash.len() - 1]), ProofFileError::Path),
        (format!("{head}index 3\nAAAA\n{after}"), ProofFileError::Path),
        (format!("{head}index 3\n{hash}"), ProofFileError::Path),
        (format!("{head}index 3\n{}\n{after}", vec![hash; 63].join("\n")), ProofFileError::Path),
    ] {
        assert_eq!(text.parse::<ProofFile>(), Err(error), "{}", &text[..text.len().min(500)]);
    }
}

fn policy(lines: &[String]) -> Policy {
    lines.join("\n").parse().unwrap()
}

fn log_line() -> String {
    format!("log {} https://audit.example.com/log/", log_key().verifier())
}

fn witness_line(number: u8) -> String {
    format!("witness W{number} {}", witness(number).verifier())
}

#[test]
fn a_quorum_counts_the_witnesses_that_cosigned() {
    let mut lines: Vec<String> = vec!["# who is trusted".to_owned(), String::new(), log_line()];
    lines.extend((1..=6).map(witness_line));
    let groups = ["group X 2 W1 W2 W3", "\tgroup  Y any W4 W5 W6 ", "group both all X Y", "quorum both"];
    lines.extend(groups.map(str::to_owned));
    let policy = policy(&lines);
    let open = |numbers: &[u8]| {
        let witnesses: Vec<CosignerKey> = numbers.iter().map(|number| witness(*number)).collect();
        let file = proof(0, 5, &witnesses);
        let opened = policy.open(&file.checkpoint);
        // A file is verified in the same way.
        assert_eq!(file.verify_by(leaf(0), &policy), opened.clone().map_err(ProofFileInvalid::Policy));
        let of_another = file.verify_by(leaf(1), &policy);
        assert!(matches!(of_another, Err(ProofFileInvalid::Proof(_) | ProofFileInvalid::Policy(_))), "{of_another:?}");
        opened.map(|Opened { witnesses, .. }| witnesses.into_iter().map(|seen| (seen.name, seen.time)).collect::<Vec<_>>())
    };
    let seen = |names: &[&str]| Ok(names.iter().map(|name| ((*name).to_owned(), 1_700_000_000)).collect::<Vec<_>>());
    assert_eq!(open(&[1, 3, 5]), seen(&["W1", "W3", "W5"]));
    assert_eq!(open(&[1, 2, 3, 4, 5, 6, 9]), seen(&["W1", "W2", "W3", "W4", "W5", "W6"]));
    for (numbers, names) in [(&[][..], vec![]), (&[1, 4, 5], vec!["W1", "W4", "W5"]), (&[1, 2, 3], vec!["W1", "W2", "W3"])] {
        let witnesses = names.into_iter().map(str::to_owned).collect();
        assert_eq!(open(numbers), Err(PolicyUnmet::Quorum { quorum: "both".to_owned(), witnesses }));
    }
    // A wrong cosignature is an error even if there are enough without it.
    let mut note: Note = proof(0, 5, &[witness(1), witness(2), witness(4)]).checkpoint.parse().unwrap();
    note.add(witness(3).cosign("another text\n", 5).unwrap()).unwrap();
    assert!(matches!(policy.open(&note.to_string()), Err(PolicyUnmet::Cosignature(SignatureError::Wrong(_)))));
}

#[test]
fn a_checkpoint_of_another_log_meets_no_policy() {
    let checkpoint = proof(0, 5, &[witness(1)]).checkpoint;
    let other = key("audit.example.com/other", 2);
    let (other_line, quorum) = (format!("log {}", other.verifier()), "quorum none".to_owned());
    let both = policy(&[other_line.clone(), log_line(), quorum.clone()]);
    assert!(both.open(&checkpoint).is_ok());
    assert_eq!(policy(&[other_line.clone(), quorum.clone()]).open(&checkpoint), Err(PolicyUnmet::NoLog));
    assert_eq!(policy(std::slice::from_ref(&quorum)).open(&checkpoint), Err(PolicyUnmet::NoLog));
    let signature = |policy: &Policy, note: &str| match policy.open(note) {
        Err(PolicyUnmet::Checkpoint(CheckpointError::Signature(error))) => error,
        opened => panic!("{opened:?}"),
    };
    let forged = checkpoint.replace("\n5\n", "\n6\n");
    assert_eq!(signature(&both, &forged), SignatureError::Wrong("audit.example.com/root".to_owned()));
    // Another log may sign the checkpoint too, but not alone, and not wrongly.
    let mut note: Note = checkpoint.parse().unwrap();
    note.add(other.sign(note.text())).unwrap();
    assert!(both.open(&note.to_string()).is_ok());
    let alone = policy(&[other_line, quorum]).open(&note.to_string());
    assert!(matches!(alone, Err(PolicyUnmet::Checkpoint(CheckpointError::Origin { .. }))), "{alone:?}");
    note.add(other.sign("another text\n")).unwrap();
    assert_eq!(signature(&both, &note.to_string()), SignatureError::Wrong("audit.example.com/other".to_owned()));
}

/// After a rotation, a log has two keys with one name.
#[test]
fn a_wrong_signature_of_any_key_of_the_log_is_refused() {
    let (old, new) = (log_key(), key("audit.example.com/root", 9));
    let lines = [old.verifier(), new.verifier()].map(|key| format!("log {key}"));
    let policy = policy(&[lines[0].clone(), lines[1].clone(), "quorum none".to_owned()]);
    let mut note: Note = proof(0, 5, &[]).checkpoint.parse().unwrap();
    note.add(new.sign(note.text())).unwrap();
    assert!(policy.open(&note.to_string()).is_ok());
    for (wrong, right) in [(&old, &new), (&new, &old)] {
        let signatures = vec![wrong.sign("another text\n"), right.sign(note.text())];
        let forged = Note::new(note.text().to_owned(), signatures).unwrap().to_string();
        assert!(matches!(policy.open(&forged), Err(PolicyUnmet::Checkpoint(CheckpointError::Signature(SignatureError::Wrong(_))))));
    }
}

#[test]
fn keys_of_other_kinds_are_read_and_never_count() {
    // ML-DSA-44, as a log and as a witness.
    let other =
        |name: &str| format!("{name}+00000000+{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [6; 33]));
    let lines =
        [log_line(), format!("log {}", other("other.example")), witness_line(1), format!("witness PQ {}", other("pq.example"))];
    let with = |quorum: &str| {
        let quorum = quorum.split('\n').map(str::to_owned);
        policy(&lines.iter().cloned().chain(quorum).collect::<Vec<_>>())
    };
    let checkpoint = proof(0, 5, &[witness(1)]).checkpoint;
    assert_eq!(with("quorum W1").unsupported(), ["other.example", "PQ"]);
    assert!(with("group G any W1 PQ\nquorum G").open(&checkpoint).is_ok());
    for quorum in ["quorum PQ", "group G all W1 PQ\nquorum G"] {
        assert!(matches!(with(quorum).open(&checkpoint), Err(PolicyUnmet::Quorum { .. })), "{quorum}");
    }
    // The note keeps the line of such a witness.
    let mut note: Note = checkpoint.parse().unwrap();
    note.add("\u{2014} pq.example AAAAAAAA".parse::<NoteSignature>().unwrap()).unwrap();
    assert!(with("quorum W1").open(&note.to_string()).is_ok());
}

#[test]
fn a_policy_may_have_dozens_of_members() {
    let logs = (0..40u8).map(|number| format!("log {}", key(&format!("log{number}"), 100 + number).verifier()));
    let witnesses =
        (0..40u8).map(|number| format!("witness W{number} {} https://witness{number}.example/", witness(number).verifier()));
    let groups = (0..40u8).map(|number| {
        let below = if number == 0 { String::new() } else { format!(" G{}", number - 1) };
        format!("group G{number} any W{number}{below}")
    });
    let lines: Vec<String> = logs.chain([log_line()]).chain(witnesses).chain(groups).chain(["quorum G39".to_owned()]).collect();
    assert!(policy(&lines).open(&proof(0, 5, &[witness(0)]).checkpoint).is_ok());
    let large = format!("quorum none\n#{}", "x".repeat(64 * 1024));
    assert_eq!(large.parse::<Policy>().unwrap_err().fault, PolicyFault::TooLarge);
}

#[test]
fn a_policy_with_a_mistake_names_the_line() {
    let (w1, w2, log) = (witness_line(1), witness_line(2), log_line());
    let vkey = witness(1).verifier().to_string();
    let again = |name: &str| name.to_owned();
    for (lines, line, fault) in [
        (vec![w1.clone()], 1, PolicyFault::Quorum),
        (vec!["quorum none".to_owned(), "quorum none".to_owned()], 2, PolicyFault::Quorum),
        (vec![w1.clone(), "quorum W2".to_owned()], 2, PolicyFault::Undefined(again("W2"))),
        (vec!["quorum W1".to_owned(), w1.clone()], 1, PolicyFault::Undefined(again("W1"))),
        (vec![w1.clone(), w1.replace("W1", "W9")], 2, PolicyFault::RepeatedKey(again("W9"))),
        (vec![log.clone(), log.clone()], 2, PolicyFault::RepeatedKey(again("audit.example.com/root"))),
        (vec![w1.clone(), w2.replace("W2", "W1")], 2, PolicyFault::RepeatedName(again("W1"))),
        (vec![w2.replace("W2", "none")], 1, PolicyFault::RepeatedName(again("none"))),
        (vec![w1.clone(), "group G all none".to_owned()], 2, PolicyFault::Undefined(again("none"))),
        (vec![w1.clone(), "group G all G".to_owned()], 2, PolicyFault::Undefined(again("G"))),
        (vec![w1.clone(), "group G all W1 W1".to_owned()], 2, PolicyFault::RepeatedMember(again("W1"))),
        (vec![w1.clone(), "group G any W1".to_owned(), "group H any W1".to_owned()], 3, PolicyFault::RepeatedMember(again("W1"))),
        (vec![w1.clone(), "group G 2 W1".to_owned()], 2, PolicyFault::Threshold(again("2"))),
        (vec![w1.clone(), "group G 0 W1".to_owned()], 2, PolicyFault::Threshold(again("0"))),
        (vec![w1.clone(), "group G +1 W1".to_owned()], 2, PolicyFault::Threshold(again("+1"))),
        (vec![w1.clone(), "group G all".to_owned()], 2, PolicyFault::Form),
        (vec!["quorum none # comment".to_owned()], 1, PolicyFault::Form),
        (vec!["witnesses W1 x".to_owned()], 1, PolicyFault::Form),
        (vec!["quorum none\r".to_owned()], 1, PolicyFault::ControlCharacter),
        (vec![format!("log {vkey}")], 1, PolicyFault::OtherKey(again("witness1.example"), "a log")),
    ] {
        let error = lines.join("\n").parse::<Policy>().unwrap_err();
        assert_eq!((error.line, error.fault), (line, fault), "{lines:?}");
    }
    let fault = |line: String| line.parse::<Policy>().unwrap_err().fault;
    assert!(matches!(fault("witness W1 nonsense".to_owned()), PolicyFault::Key(KeyError::Form(_), "a witness")));
    assert!(matches!(fault(format!("witness W1 {}", vkey.replace("witness1", "witness2"))), PolicyFault::Key(KeyError::Id(_), _)));
    let secret = fault(format!("log {}", log_key().to_secret_text())).to_string();
    assert!(!secret.contains("PRIVATE+KEY+audit"), "{secret}");
    assert_eq!(policy(&[log, "quorum none".to_owned(), String::new()]).logs(), std::slice::from_ref(log_key().verifier()));
}
