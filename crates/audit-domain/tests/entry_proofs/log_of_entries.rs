//! A small log of events, whose url is erased in every fourth entry.

use std::collections::HashMap;

use audit_domain::log::{
    Checkpoint, Commitment, EntryProof, Frontier, LeafInput, Node, NodeHash, Note, ProofPlan, SignerKey, Slots, commitment,
    leaf_data, leaf_hash,
};
use audit_domain::uuid::Uuid;
use audit_domain::{ChannelId, JsonText, Stream, Timestamp};

/// The origin of a log of channel 1.
pub(crate) const ORIGIN: &str = "audit.example.com/1/events";

pub(crate) struct LogOfEntries {
    pub(crate) key: SignerKey,
    pub(crate) size: u64,
    nodes: HashMap<Node, NodeHash>,
    root: NodeHash,
}

impl LogOfEntries {
    pub(crate) fn new(origin: &str, size: u64) -> LogOfEntries {
        let key = SignerKey::new(origin, &[7; 32]).unwrap();
        let mut log = LogOfEntries { key, size, nodes: HashMap::new(), root: NodeHash::of_empty_tree() };
        let mut tree = Frontier::new();
        for position in 0..size {
            let leaf = leaf_hash(&log.leaf_data(position));
            tree.append(leaf, |node, hash| log.nodes.extend([(node, hash)])).unwrap();
        }
        log.root = tree.root();
        log
    }

    pub(crate) fn uuid(&self, position: u64) -> Uuid {
        Uuid::from_u128(0x0190_0000_0000_0000_0000_0000_0000_0000 + u128::from(position))
    }

    pub(crate) fn is_erased(&self, position: u64) -> bool {
        position % 4 == 1
    }

    fn values(&self, position: u64) -> [(u8, String); 3] {
        let subject = format!(r#"{{"action":"UPDATE","object_id":"{position}"}}"#);
        [(0, subject), (3, r#""https://example.com/""#.to_owned()), (7, format!(r#"{{"n":{position}.0,"n":"\ud800"}}"#))]
    }

    fn salt(&self, position: u64, slot: u8) -> [u8; 16] {
        let mut salt = [slot; 16];
        salt[..8].copy_from_slice(&position.to_be_bytes());
        salt
    }

    pub(crate) fn commitments(&self, position: u64) -> Vec<(u8, Commitment)> {
        let of = |(slot, value): (u8, String)| (slot, commitment(slot, &self.salt(position, slot), value.as_bytes()));
        self.values(position).into_iter().map(of).collect()
    }

    pub(crate) fn slots(&self, position: u64) -> Slots {
        let mut stored = Vec::new();
        for (slot, commitment) in self.commitments(position) {
            if slot == 3 && self.is_erased(position) {
                stored.extend_from_slice(&[slot, 1]);
                stored.extend_from_slice(&commitment);
            } else {
                stored.extend_from_slice(&[slot, 0]);
                stored.extend_from_slice(&self.salt(position, slot));
            }
        }
        let value = |number: u8| self.values(position).into_iter().find(|(slot, _)| *slot == number).map(|(_, value)| value);
        let is_open = |number: u8| number != 3 || !self.is_erased(position);
        Slots::from_stored(&stored, |number| value(number).filter(|_| is_open(number)).map(JsonText::from_trusted)).unwrap()
    }

    pub(crate) fn leaf_data(&self, position: u64) -> Vec<u8> {
        leaf_data(&LeafInput {
            stream: Stream::Events,
            uuid: self.uuid(position),
            channel_id: ChannelId::DEFAULT,
            producer_id: 3,
            timestamp: Timestamp::from_micros(1_690_000_000_000_000).unwrap(),
            recorded_at: Timestamp::from_micros(1_700_000_000_000_000 + position as i64).unwrap(),
            commitments: &self.commitments(position),
        })
    }

    /// The signed checkpoint of the whole log.
    pub(crate) fn note(&self) -> Note {
        let text = Checkpoint::new(self.key.verifier().name(), self.size, self.root).unwrap().to_string();
        Note::new(text.clone(), vec![self.key.sign(&text)]).unwrap()
    }

    pub(crate) fn path(&self, position: u64) -> Vec<NodeHash> {
        let plan = ProofPlan::inclusion(position, self.size).unwrap();
        plan.path(|node| self.nodes.get(&node).copied().ok_or(())).unwrap()
    }

    pub(crate) fn cover(&self, from: u64, to: u64) -> Vec<NodeHash> {
        Node::cover(from, to).iter().map(|node| self.nodes[node]).collect()
    }

    pub(crate) fn proof(&self, position: u64) -> EntryProof {
        let (path, leaf) = (self.path(position), self.leaf_data(position));
        EntryProof::new(self.key.verifier(), &self.note(), position, path, leaf, &self.slots(position)).unwrap()
    }
}
