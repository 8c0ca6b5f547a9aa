//! An entry of which values were erased is still proven.

use audit_http::store::domain::log::{EntryStatus, Opening, ProofFile, SlotContent, leaf_hash, verify_proof_file};
use audit_http::store::domain::{Entry, Event, slot};

use super::Auditor;
use crate::common::{Ask, SigningServer, all_events, on_postgres};

/// Bytes as a literal of SQL.
pub(super) fn literal(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if on_postgres() { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") }
}

/// Erases the content of an event, as an erasure will.
fn erase_content(server: &SigningServer, event: &Event) {
    let entry: &Entry = event.as_ref();
    let mut seals = Vec::new();
    for slot in entry.slots.iter() {
        match slot.opening {
            Opening::Salt(salt) if slot.number != slot::CONTENT => seals.extend([[slot.number, 0].as_slice(), &salt].concat()),
            _ => seals.extend([[slot.number, 1].as_slice(), &slot.commitment()].concat()),
        }
    }
    let place = format!("channel_id = {} AND position = {}", entry.channel_id, entry.position);
    server.sql(&format!("UPDATE events SET content = NULL, seals = {} WHERE {place}", literal(&seals)));
}

#[test]
fn the_proof_of_an_erased_event_verifies() {
    let server = SigningServer::start();
    let event = |number: usize| format!(r#"{{"url":"/{number}","content":{{"secret":{number}}}}}"#);
    server.append_all(&(0..20).map(event).collect::<Vec<_>>());
    server.sign();
    let mut auditor = Auditor::new(&server);
    let before = auditor.bytes("/log/1/events/tile/entries/000.p/20");
    let events = all_events(&server.store, 1);
    let target = format!("/api/v1/events/{}/proof", events[7].as_ref().uuid);
    let (kept, verified) = auditor.verify("1/events", &target);
    assert_eq!(verified.status, EntryStatus::Ok);
    let slot = events[7].as_ref().slots.get(slot::CONTENT).unwrap();
    let commitment = slot.commitment();

    erase_content(&server, &events[7]);
    let (proof, verified) = auditor.verify("1/events", &target);
    assert_eq!((verified.status, proof.leaf_hash), (EntryStatus::Erased, kept.leaf_hash));
    let slots: Vec<(&str, bool)> = verified.slots.iter().map(|slot| (slot.name, slot.is_erased)).collect();
    assert_eq!(slots, [("url", false), ("content", true)]);
    let shown = proof.slots.iter().find(|slot| slot.number == slot::CONTENT).unwrap();
    assert_eq!(shown.content, SlotContent::Erased { commitment, erasure: None });
    let answer = auditor.get(&target);
    assert!(!answer.text().contains("secret"), "{}", answer.text());

    let leaf = auditor.bytes(&target.replace("/proof", "/leaf"));
    assert_eq!(leaf_hash(&leaf), kept.leaf_hash);
    let file = auditor.ask(Ask::get(&target).header("Accept", "text/plain"));
    let file: ProofFile = file.text().parse().unwrap();
    assert_eq!(verify_proof_file(&file, &leaf, &auditor.trusted["1/events"]).unwrap().status, EntryStatus::Erased);

    assert_eq!(auditor.bytes("/log/1/events/tile/entries/000.p/20"), before, "a bundle has no values");
    let (other, verified) = auditor.verify("1/events", &format!("/api/v1/events/{}/proof", events[8].as_ref().uuid));
    assert_eq!((verified.status, other.position), (EntryStatus::Ok, 8));
    server.stop();
}
