//! The roots that a log must have had: that of its tree, those of its checkpoints, and those of the
//! checkpoints that somebody kept.

use std::collections::BTreeMap;

use audit_domain::log::{Checkpoint, NodeHash};

use super::finding::Part;
use super::start::{CheckpointRow, Start};
use super::{NotOpened, ScrubRequest};
use crate::guard::Identity;
use crate::log_key::{LogKey, name_of};

/// The root that something says a number of entries had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) part: Part,
    pub(super) root: NodeHash,
}

/// Claims by the number of entries.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) by_size: BTreeMap<i64, Vec<Claim>>,
    /// What is wrong without a look at the entries.
    pub(super) wrong: Vec<(Part, String)>,
    /// What could not be compared.
    pub(super) not_checked: Vec<String>,
    pub(super) not_covered: Vec<String>,
}

impl Claims {
    pub(super) fn collect(start: &Start, log: LogKey, identity: &Identity, request: &ScrubRequest<'_>) -> Claims {
        let mut claims = Claims::default();
        claims.of_tree(start, identity);
        for row in &start.checkpoints {
            claims.of_checkpoint(row, start, log, identity, request);
        }
        let is_signed = start.checkpoints.iter().any(|row| row.log_name == identity.number());
        if start.leaves > 0 && !identity.keys.is_empty() && !is_signed {
            let log = name_of(log);
            claims.not_checked.push(format!("{log} tree: no checkpoint of it is stored, so nothing signed says what it was"));
        }
        claims.of_kept(start, log, identity, request);
        claims
    }

    fn wrong(&mut self, part: Part, what: String) {
        self.wrong.push((part, what));
    }

    fn add(&mut self, size: i64, part: Part, root: NodeHash) {
        self.by_size.entry(size).or_default().push(Claim { part, root });
    }

    fn of_tree(&mut self, start: &Start, identity: &Identity) {
        let Some(tree) = &start.tree else {
            if !start.extra_tiles.is_empty() {
                self.wrong(Part::Tree, "it has tiles, and its row is missing".to_owned());
            }
            return;
        };
        if tree.log_name > identity.number().max(1) {
            let what = format!("it was begun under name {}, and the database has {} name(s)", tree.log_name, identity.number());
            self.wrong(Part::Tree, what);
        }
        if tree.size < 0 || tree.size > start.size {
            return self.wrong(Part::Tree, format!("it has {} leaves, and the log {} entries", tree.size, start.size));
        }
        match tree.root.as_slice().try_into() {
            Ok(root) => self.add(tree.size, Part::Tree, NodeHash(root)),
            Err(_) => self.wrong(Part::Tree, "its root does not have 32 bytes".to_owned()),
        }
    }

    /// A checkpoint in the database. Under an earlier name the log may have had other entries: only its
    /// signature and its origin are checked then.
    fn of_checkpoint(&mut self, row: &CheckpointRow, start: &Start, log: LogKey, identity: &Identity, request: &ScrubRequest<'_>) {
        let (part, note) = (Part::Checkpoint { log_name: row.log_name }, &row.note);
        let checkpoint = match (request.open)(note) {
            Ok(checkpoint) => checkpoint,
            // A key that was retired since is in no key file any more.
            Err(NotOpened::Wrong(why)) => match identity.open(note) {
                Ok((checkpoint, _)) if row.log_name < identity.number() => checkpoint,
                _ => return self.wrong(part, why),
            },
            Err(NotOpened::NoKey(why)) => {
                self.not_checked.push(format!("{} {part}: {why}", name_of(log)));
                match unsigned(note) {
                    Some(checkpoint) => checkpoint,
                    None => return self.wrong(part, "it is not a checkpoint".to_owned()),
                }
            }
        };
        let of_log = format!("/{}", name_of(log));
        let Some(name) = checkpoint.origin().strip_suffix(&of_log) else {
            return self.wrong(part, format!("it is that of {}", checkpoint.origin()));
        };
        let named = usize::try_from(row.log_name - 1).ok().and_then(|index| identity.names.get(index));
        match named {
            None => self.wrong(part.clone(), "its name is not one of the database".to_owned()),
            Some(named) if named != name => {
                let what = format!("it is `{named}`, and the checkpoint under it is that of `{name}`");
                self.wrong(Part::LogName { number: row.log_name }, what);
            }
            Some(_) => {}
        }
        if i64::try_from(checkpoint.size()) != Ok(row.size) {
            return self.wrong(part, format!("its note has {} entries, and its row {}", checkpoint.size(), row.size));
        }
        if row.log_name < identity.number() {
            let log = name_of(log);
            return self.not_covered.push(format!("{log} {part}: the log had another name then, and may have had other entries"));
        }
        let (leaves, begun) = start.tree.as_ref().map_or((0, row.log_name), |tree| (tree.size, tree.log_name));
        // A copy of a database has its checkpoints before a server made the trees again. The root that the
        // checkpoint says is compared all the same, with that of the entries.
        if leaves < row.size || begun < row.log_name {
            let log = name_of(log);
            self.not_checked.push(format!(
                "{log} tree: it has {leaves} leaves under name {begun}, and its checkpoint {} under name {}: a server makes the rest",
                row.size, row.log_name
            ));
        }
        if row.size > start.size {
            return self.wrong(part, format!("it has {} entries, and the log {}", row.size, start.size));
        }
        self.add(row.size, part, checkpoint.root());
    }

    fn of_kept(&mut self, start: &Start, log: LogKey, identity: &Identity, request: &ScrubRequest<'_>) {
        let Some(origin) = identity.origin(log) else { return };
        for (name, kept) in request.kept.iter().filter(|(_, kept)| kept.origin() == origin) {
            let part = Part::Kept { name: name.clone() };
            match i64::try_from(kept.size()) {
                Ok(size) if size <= start.size => self.add(size, part, kept.root()),
                _ => self.wrong(part, format!("it has {} entries, and the log {}", kept.size(), start.size)),
            }
        }
    }
}

/// A checkpoint of which nobody knows whether it is signed.
fn unsigned(note: &str) -> Option<Checkpoint> {
    note.parse::<audit_domain::log::Note>().ok()?.text().parse().ok()
}
