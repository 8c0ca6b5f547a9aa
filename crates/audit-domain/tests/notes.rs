//! Notes, keys and checkpoints: the bytes of the test vectors, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use audit_domain::log::{
    Checkpoint, CheckpointError, CheckpointTextError, CosignerKey, Frontier, KeyError, Note, NoteError, NoteSignature,
    SignatureError, SignerKey, VerifierKey, leaf_hash,
};
use serde_json::Value;

struct Vector {
    seed: [u8; 32],
    origin: String,
    vkey: String,
    checkpoint: String,
}

fn vector() -> Vector {
    let vector: Value = serde_json::from_str(include_str!("vectors/checkpoint.json")).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap().to_owned();
    let seed = hex::decode(text("seed")).unwrap().try_into().unwrap();
    Vector { seed, origin: text("origin"), vkey: text("vkey"), checkpoint: text("checkpoint") }
}

fn key(name: &str, byte: u8) -> SignerKey {
    SignerKey::new(name, &[byte; 32]).unwrap()
}

fn witness() -> CosignerKey {
    CosignerKey::new("witness", &[2; 32]).unwrap()
}

fn note(text: &str, signatures: Vec<NoteSignature>) -> Note {
    let note = Note::new(text.to_owned(), signatures).unwrap();
    assert_eq!(note.to_string().parse(), Ok(note.clone()), "what is written is read");
    note
}

#[test]
fn a_signed_checkpoint_is_these_bytes() {
    let Vector { seed, origin, vkey, checkpoint } = vector();
    let mut tree = Frontier::new();
    for index in 0..600u64 {
        tree.append(leaf_hash(&[(index % 256) as u8, (index / 256) as u8]), |_, _| {}).unwrap();
    }
    let signer = SignerKey::new(&origin, &seed).unwrap();
    assert_eq!(signer.verifier().to_string(), vkey);
    let made = Checkpoint::new(&origin, 600, tree.root()).unwrap();
    let text = made.to_string();
    let signed = note(&text, vec![signer.sign(&text)]);
    assert_eq!(signed.to_string(), checkpoint);
    let (opened, read) = Checkpoint::open(&checkpoint, &vkey.parse().unwrap()).unwrap();
    assert_eq!((opened, read), (made, signed));
    // The text of the key file, and the same key under the name of another log.
    let text = signer.to_secret_text();
    assert!(text.starts_with(&format!("PRIVATE+KEY+{origin}+b31f9126+")), "{text}");
    assert_eq!(text.parse::<SignerKey>().unwrap().verifier(), signer.verifier());
    let other = signer.named("audit.example.com/2/events").unwrap();
    assert!(other.verifier().id() != signer.verifier().id() && other.verifier().has_same_key(signer.verifier()));
    let shown = format!("{signer:?}");
    assert!(shown.contains(&vkey) && !shown.contains(&text[text.len() - 44..]), "the secret is not shown: {shown}");
}

#[test]
fn each_changed_byte_of_a_checkpoint_is_noticed() {
    let Vector { vkey, checkpoint, .. } = vector();
    let key: VerifierKey = vkey.parse().unwrap();
    for at in 0..checkpoint.len() {
        let mut changed = checkpoint.clone().into_bytes();
        changed[at] ^= 1;
        let Ok(changed) = String::from_utf8(changed) else { continue };
        assert!(Checkpoint::open(&changed, &key).is_err(), "byte {at}: {changed}");
    }
    for at in 0..checkpoint.len() {
        let cut = checkpoint.get(..at).unwrap_or_default();
        assert!(Checkpoint::open(cut, &key).is_err(), "{cut}");
    }
}

#[test]
fn signatures_of_others_are_kept_and_ignored() {
    let (log, witness) = (key("log", 1), witness());
    let text = "log\n5\n\nwith a blank line\n";
    let mut signed = note(text, vec![log.sign(text), witness.cosign(text, 7).unwrap()]);
    // Bytes from U+007F to U+009F may be in a name.
    for unknown in ["\u{2014} somebody/else qqqqqqqqqqqq", "\u{2014} some\u{80}body qqqqqqqqqqqq"] {
        signed.add(unknown.parse().unwrap()).unwrap();
        assert!(signed.to_string().ends_with(&format!("{unknown}\n")));
    }
    signed.add(log.sign(text)).unwrap();
    assert_eq!(signed.signatures().len(), 4, "a key signs once");
    let read: Note = signed.to_string().parse().unwrap();
    assert_eq!((&read, read.text()), (&signed, text));
    assert_eq!((read.verify(log.verifier()), read.verify(witness.verifier())), (Ok(None), Ok(Some(7))));
    let missing = |name: &str| Err(SignatureError::Missing(name.to_owned()));
    assert_eq!(read.verify(key("other", 1).verifier()), missing("other"));
    assert_eq!(read.verify(CosignerKey::new("log", &[1; 32]).unwrap().verifier()), missing("log"), "the kind is part of the id");
    assert_eq!(read.verify(key("log", 3).verifier()), missing("log"), "a key after a rotation");
    // All signatures of a key have to be right, wherever they are.
    let forged: NoteSignature = log.sign("another text\n").to_string().parse().unwrap();
    for signatures in [vec![log.sign(text), forged.clone()], vec![forged, log.sign(text)]] {
        assert_eq!(note(text, signatures).verify(log.verifier()), Err(SignatureError::Wrong("log".to_owned())));
    }
}

#[test]
fn a_cosignature_signs_its_time() {
    let (witness, text) = (witness(), "log\n5\n");
    let cosigned = |time: u64| witness.cosign(text, time).unwrap();
    assert_eq!((cosigned(7).bytes().len(), &cosigned(7).bytes()[..8]), (72, &7u64.to_be_bytes()[..]));
    // The same bytes with another time.
    let line = |time: u64| {
        let id = witness.verifier().id().0;
        let bytes = [&id[..], &time.to_be_bytes(), &cosigned(7).bytes()[8..]].concat();
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
        format!("\u{2014} witness {encoded}").parse::<NoteSignature>().unwrap()
    };
    assert_eq!(line(7), cosigned(7));
    let wrong = Err(SignatureError::Wrong("witness".to_owned()));
    assert_eq!(
        (note(text, vec![line(7)]).verify(witness.verifier()), note(text, vec![line(8)]).verify(witness.verifier())),
        (Ok(Some(7)), wrong.clone())
    );
    // The latest of several times, in whatever order.
    for times in [[5, 9, 7], [9, 7, 5]] {
        assert_eq!(note(text, times.map(cosigned).to_vec()).verify(witness.verifier()), Ok(Some(9)));
    }
    let latest = i64::MAX as u64;
    assert_eq!(note(text, vec![cosigned(latest)]).verify(witness.verifier()), Ok(Some(latest)));
    assert_eq!(witness.cosign(text, latest + 1).unwrap_err(), KeyError::Time);
    assert_eq!(note(text, vec![line(latest + 1)]).verify(witness.verifier()), wrong);
}

#[test]
fn a_witness_that_cosigns_again_replaces_its_signature() {
    let (log, text) = (key("log", 1), "log\n5\n");
    let mut signed = note(text, vec![log.sign(text)]);
    for time in 0..200 {
        signed.add(witness().cosign(text, time).unwrap()).unwrap();
    }
    assert_eq!((signed.signatures().len(), signed.verify(witness().verifier())), (2, Ok(Some(199))));
    assert_eq!(signed.to_string().parse(), Ok(signed.clone()));
    // A hundred signatures are read, also long ones, and no more are added.
    let others = |count: usize| (0..count).map(|number| key(&format!("log{number}"), 1).sign(text)).collect::<Vec<_>>();
    let mut full = note(text, others(100));
    let before = full.clone();
    assert_eq!(full.add(log.sign(text)), Err(NoteError::TooLarge));
    assert_eq!((full, Note::new(text.to_owned(), others(101))), (before, Err(NoteError::TooLarge)));
    let long = format!("{text}\n{}", format!("\u{2014} post-quantum {}\n", "AAAA".repeat(1_700)).repeat(16));
    assert_eq!(long.parse::<Note>().unwrap().signatures().len(), 16);
}

#[test]
fn texts_that_are_not_notes_are_refused() {
    let log = key("log", 1);
    let line = log.sign("log\n5\n").to_string();
    let base64 = line.rsplit(' ').next().unwrap().to_owned();
    let not_a_signature = NoteError::NotASignature { line: 1 };
    for (text, error) in [
        (String::new(), NoteError::NoSignatures),
        ("log\n5\n".to_owned(), NoteError::NoSignatures),
        ("log\n5\n\n".to_owned(), NoteError::NoSignatures),
        (format!("log\n5\n\n{line}"), NoteError::NoSignatures),
        (format!("log\n5\n{line}\n"), NoteError::NoSignatures),
        (format!("log\r\n5\n\n{line}\n"), NoteError::ControlCharacter),
        (format!("log\n5\n\n{line}\r\n"), NoteError::ControlCharacter),
        (format!("log\n5\n\n- log {base64}\n"), not_a_signature),
        (format!("log\n5\n\n\u{2014} log {base64} x\n"), not_a_signature),
        (format!("log\n5\n\n\u{2014} lo+g {base64}\n"), not_a_signature),
        (format!("log\n5\n\n\u{2014}  {base64}\n"), not_a_signature),
        (format!("log\n5\n\n\u{2014} log {}\n", base64.trim_end_matches('=')), not_a_signature),
        ("log\n5\n\n\u{2014} log AAAAAA==\n".to_owned(), not_a_signature),
        (format!("log\n5\n\n{line}\nx\n"), NoteError::NotASignature { line: 2 }),
        (format!("log\n5\n\n{}", format!("{line}\n").repeat(101)), NoteError::TooLarge),
        (format!("{}\n\n{line}\n", "x".repeat(1_000_000)), NoteError::TooLarge),
    ] {
        assert_eq!(text.parse::<Note>(), Err(error), "{:?}", &text[..text.len().min(200)]);
    }
    assert_eq!(Note::new("no line feed".to_owned(), vec![log.sign("x")]), Err(NoteError::NotALine));
    assert_eq!(Note::new("x\n".to_owned(), Vec::new()), Err(NoteError::NoSignatures));
}

#[test]
fn texts_that_are_not_checkpoints_are_refused() {
    let root = "0T4ShNnO56MCU/79Th8JEpv5WD6oLS0MXPx9iqS2arM=";
    for (text, error) in [
        (String::new(), CheckpointTextError::Lines),
        (format!("log\n5\n{root}"), CheckpointTextError::Lines),
        ("log\n5\n".to_owned(), CheckpointTextError::Lines),
        (format!("\n5\n{root}\n"), CheckpointTextError::Lines),
        (format!("log\n5\n{root}\n\n"), CheckpointTextError::Lines),
        (format!("log\n5\n{root}\na\n\nb\n"), CheckpointTextError::Lines),
        (format!("log\n05\n{root}\n"), CheckpointTextError::Size),
        (format!("log\n+5\n{root}\n"), CheckpointTextError::Size),
        (format!("log\n00\n{root}\n"), CheckpointTextError::Size),
        (format!("log\n-1\n{root}\n"), CheckpointTextError::Size),
        (format!("log\n18446744073709551616\n{root}\n"), CheckpointTextError::Size),
        (format!("log\n5\n{}\n", root.trim_end_matches('=')), CheckpointTextError::Root),
        (format!("log\n5\n{}\n", root.replace("arM=", "arN=")), CheckpointTextError::Root),
        ("log\n5\nAAAA\n".to_owned(), CheckpointTextError::Root),
    ] {
        assert_eq!(text.parse::<Checkpoint>(), Err(error), "{text:?}");
    }
    let extended = format!("log\n0\n{root}\none\ntwo words\n");
    let checkpoint: Checkpoint = extended.parse().unwrap();
    assert_eq!((checkpoint.to_string(), checkpoint.extensions().len(), checkpoint.size()), (extended.clone(), 2, 0));
    for origin in ["", "log\n9\nx"] {
        assert_eq!(
            Checkpoint::new(origin, 5, checkpoint.root()),
            Err(CheckpointTextError::Lines),
            "it would be another checkpoint"
        );
    }
    // A key signs only the log of its name.
    let (log, other) = (key("log", 1), key("other", 1));
    let by_another = note(&extended, vec![other.sign(&extended)]).to_string();
    let expected = CheckpointError::Origin { expected: "other".to_owned(), got: "log".to_owned() };
    assert_eq!(Checkpoint::open(&by_another, other.verifier()), Err(expected));
    assert!(matches!(Checkpoint::open(&by_another, log.verifier()), Err(CheckpointError::Signature(SignatureError::Missing(_)))));
    let by_witness = CosignerKey::new("log", &[1; 32]).unwrap();
    let cosigned = note(&extended, vec![by_witness.cosign(&extended, 7).unwrap()]).to_string();
    assert_eq!(Checkpoint::open(&cosigned, by_witness.verifier()), Err(CheckpointError::Kind("log".to_owned())));
}

#[test]
fn keys_that_were_changed_are_refused() {
    let Vector { vkey, .. } = vector();
    let error = |text: &str| text.parse::<VerifierKey>().unwrap_err();
    assert!(matches!(error(&vkey.replace("example", "sample")), KeyError::Id(_)), "the name is part of the id");
    assert!(matches!(error(&vkey.replace("b31f9126", "b31f9127")), KeyError::Id(_)));
    assert!(matches!(error(&vkey.replace("b31f9126", "B31F9126")), KeyError::Form(_)), "the id is in lowercase");
    for other in ["", "a", "a+b", "a+00000000+AAAA", "a+zz+AS7nbX4kRMrTmVeXgbin+UwUl9c0NjitYWPT1uWvZs9Z", &vkey[..vkey.len() - 4]] {
        assert!(matches!(error(other), KeyError::Form(_) | KeyError::Kind { .. }), "{other}: {:?}", error(other));
    }
    assert!(matches!(error(&vkey.replace("+AS7n", "+Ay7n")), KeyError::Kind { got: 3, .. }));
    assert_eq!(error(&vkey.replace("audit.", "audit ")), KeyError::Name);
    assert_eq!(SignerKey::new("a b", &[0; 32]).unwrap_err(), KeyError::Name);
    let secret = key("log", 1).to_secret_text();
    assert!(matches!(vkey.parse::<SignerKey>(), Err(KeyError::Form(_))));
    assert!(matches!(secret.replace("+log+", "+lag+").parse::<SignerKey>(), Err(KeyError::Id(_))));
    assert!(matches!(secret.parse::<CosignerKey>(), Err(KeyError::Kind { got: 1, .. })));
    let again: CosignerKey = witness().to_secret_text().parse().unwrap();
    assert_eq!(again.verifier(), witness().verifier());
    // A message never has the text, which may be a secret.
    let message = secret.parse::<VerifierKey>().unwrap_err().to_string();
    assert!(!message.contains(&secret[secret.len() - 44..]), "{message}");
}

#[test]
fn the_example_of_the_specification_is_verified() {
    let key: VerifierKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().unwrap();
    let text = "This is an example message.\n\n\u{2014} example.com/foo \
                Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note: Note = text.parse().unwrap();
    assert_eq!((note.verify(&key), note.text(), note.to_string().as_str()), (Ok(None), "This is an example message.\n", text));
}
