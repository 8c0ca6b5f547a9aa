//! The walk through one log: its entries in blocks of a tile, and the tree over them.

use std::cell::RefCell;

use audit_domain::log::{Frontier, LeafHash, NodeHash};

use super::entries::{self, Facts, Read};
use super::erasure::Covers;
use super::finding::{EntryFault, EntryState, Part};
use super::roots::{Claim, Claims};
use super::start::{self, Start};
use super::tiles::{self, Fault, Pair, Tiles, WIDTH};
use super::{Run, ScrubbedEntry};
use crate::connection::DbConnection;
use crate::dialect;
use crate::error::StoreError;
use crate::guard::Identity;
use crate::log_key::{LogKey, name_of};
use crate::query::in_fetches;
use crate::tree::{TileKey, read_tile};

pub(super) fn scrub(run: &mut Run<'_>, log: LogKey, identity: &Identity) -> Result<(), StoreError> {
    let Some(start) = run.read(|conn| Start::read(conn, log))? else { return Ok(()) };
    let claims = Claims::collect(&start, log, identity, run.request);
    let (tree, tiles) = (Frontier::new(), Tiles::default());
    let covers = RefCell::new(run.read(|conn| Covers::read(conn, log))?);
    Walk { run, log, start, claims, covers, tree, tiles, recorded_at: 0, knows_last: true, gaps: 0 }.whole()
}

struct Walk<'w, 'a> {
    run: &'w mut Run<'a>,
    log: LogKey,
    start: Start,
    claims: Claims,
    covers: RefCell<Covers>,
    /// The tree of the entries until now.
    tree: Frontier,
    tiles: Tiles,
    /// The time of the last entry.
    recorded_at: i64,
    /// Whether the last entry is what was appended, so that its time is known.
    knows_last: bool,
    /// Entries of which not even a leaf hash is known: from then on no root can be compared.
    gaps: u64,
}

/// A position, and what was found at it.
struct Place {
    position: i64,
    row: Option<Read>,
    /// The hash of the tile, if it has one.
    in_tile: Option<NodeHash>,
    fault: Option<(EntryFault, String)>,
    /// The leaf that the tree is computed with.
    leaf: NodeHash,
}

impl Walk<'_, '_> {
    fn whole(mut self) -> Result<(), StoreError> {
        let Walk { log, ref start, .. } = self;
        let (size, beyond, extra) = (start.size, start.beyond.clone(), start.extra_tiles.clone());
        for (part, what) in std::mem::take(&mut self.claims.wrong) {
            self.run.find_in(log, part, what)?;
        }
        for position in beyond {
            let part = Part::Entry { position, uuid: None, fault: EntryFault::BeyondHead };
            self.run.find_in(log, part, format!("the log has the positions from 0 to before {size}"))?;
        }
        for (level, tile) in extra {
            let part = Part::Tile { level, tile, index: None };
            self.run.find_in(log, part, "a tree of this size does not have it")?;
        }
        for (part, what) in self.run.read(|conn| self.covers.borrow_mut().wrong(conn))? {
            self.run.find_in(log, part, what)?;
        }
        self.compare_roots()?;
        let mut from = 0;
        while from < size {
            let to = size.min(from + WIDTH as i64);
            self.block(from, to)?;
            self.run.worked()?;
            from = to;
        }
        self.finish()
    }

    /// Compares the entries of a tile.
    fn block(&mut self, from: i64, to: i64) -> Result<(), StoreError> {
        let log = self.log;
        let (rows, moved) = self.run.read(|conn| rows(conn, log, from, to))?;
        let number = from / WIDTH as i64;
        let stored = if from < self.start.leaves { self.tile((0, number))? } else { None };
        let in_tile = stored.as_deref().map(tiles::hashes).unwrap_or_default();
        let mut rows = rows.into_iter().peekable();
        let mut places = Vec::with_capacity(WIDTH);
        for position in from..to {
            let in_tile = in_tile.get((position - from) as usize).filter(|_| position < self.start.leaves).copied();
            places.push(self.place(position, rows.next_if(|row| row.position == position), in_tile));
        }
        self.decide_whose_fault(&mut places, &in_tile)?;
        for place in &places {
            self.append(place)?;
        }
        self.push_tiles(&places, stored)?;
        for place in places {
            let uuid_leads_to = moved.iter().find(|(position, _)| *position == place.position).map(|(_, other)| *other);
            self.say(place, uuid_leads_to)?;
        }
        Ok(())
    }

    /// Compares a row with its leaf hash, and both with the tile.
    fn place(&mut self, position: i64, row: Option<Read>, in_tile: Option<NodeHash>) -> Place {
        let place = |row, fault, leaf| Place { position, row, in_tile, fault, leaf };
        let Some(read) = row else {
            self.gaps += u64::from(in_tile.is_none());
            let fault = (EntryFault::Missing, "no row has this position".to_owned());
            return place(None, Some(fault), in_tile.unwrap_or_else(NodeHash::of_empty_tree));
        };
        let stored = read.stored.map(NodeHash::from);
        let (facts, stored_leaf) = match &read.entry {
            Ok(facts) => (facts, stored.unwrap_or(NodeHash::of_empty_tree())),
            Err(why) => {
                let (fault, leaf) = ((EntryFault::Unreadable, why.clone()), in_tile.or(stored));
                self.gaps += u64::from(leaf.is_none());
                return place(Some(read), Some(fault), leaf.unwrap_or_else(NodeHash::of_empty_tree));
            }
        };
        let computed = NodeHash::from(facts.computed);
        if computed == stored_leaf {
            return place(Some(read), None, computed);
        }
        if in_tile == Some(computed) {
            let fault = (EntryFault::LeafHash, "its leaf hash is not that of its contents, which are in the tree".to_owned());
            return place(Some(read), Some(fault), computed);
        }
        let what = "its slots, salts or columns do not match its leaf hash".to_owned();
        place(Some(read), Some((EntryFault::Contents, what)), in_tile.unwrap_or(stored_leaf))
    }

    /// Where a complete entry and its tile differ, what is above the tile shows which of them was changed.
    fn decide_whose_fault(&mut self, places: &mut [Place], in_tile: &[NodeHash]) -> Result<(), StoreError> {
        let differs = |place: &Place| place.fault.is_none() && place.in_tile.is_some_and(|hash| hash != place.leaf);
        if !places.iter().any(differs) || !self.tile_leads_up(places, in_tile)? {
            return Ok(());
        }
        for place in places.iter_mut().filter(|place| differs(place)) {
            let what = "it is complete in itself, and another entry is in the tree at this position".to_owned();
            place.fault = Some((EntryFault::Replaced, what));
            place.leaf = place.in_tile.unwrap_or(place.leaf);
        }
        Ok(())
    }

    /// Whether the hashes of a tile lead to the tile above it, or to the root.
    fn tile_leads_up(&mut self, places: &[Place], in_tile: &[NodeHash]) -> Result<bool, StoreError> {
        let first = places.first().map_or(0, |place| place.position);
        if first + WIDTH as i64 <= self.start.leaves {
            let number = first / WIDTH as i64;
            let above = self.tile((1, number / WIDTH as i64))?.map(|stored| tiles::hashes(&stored)).unwrap_or_default();
            let stored = above.get((number % WIDTH as i64) as usize).copied();
            return Ok(in_tile.len() == WIDTH && stored.is_some() && stored == NodeHash::of_parts(in_tile));
        }
        let mut tree = self.tree.clone();
        let of_tree = places.iter().filter(|place| place.position < self.start.leaves);
        for (place, hash) in of_tree.zip(in_tile) {
            append(&mut tree, place.position, *hash, self.log)?;
        }
        let root = self.start.tree.as_ref().map(|tree| tree.root.as_slice());
        Ok(tree.size() == self.start.leaves.unsigned_abs() && root == Some(&tree.root().0))
    }

    fn append(&mut self, place: &Place) -> Result<(), StoreError> {
        append(&mut self.tree, place.position, place.leaf, self.log)?;
        self.compare_roots()
    }

    /// Compares the root of the entries until now with what should have it.
    fn compare_roots(&mut self) -> Result<(), StoreError> {
        let size = self.tree.size() as i64;
        for Claim { part, root } in self.claims.by_size.remove(&size).unwrap_or_default() {
            if self.gaps > 0 {
                let place = format!("{} {part}", name_of(self.log));
                let why = "entries before its end are missing, and no tile has their leaf hashes";
                self.run.summary.not_checked.push(format!("{place}: {why}"));
            } else if root != self.tree.root() {
                let what = format!("the root of the first {size} entries is {}, and not {root}", self.tree.root());
                self.run.find_in(self.log, part, what)?;
            }
        }
        Ok(())
    }

    fn push_tiles(&mut self, places: &[Place], stored: Option<Vec<u8>>) -> Result<(), StoreError> {
        let Walk { run, log, start, tiles, .. } = self;
        let mut faults = Vec::new();
        let mut read = |key: TileKey| if key.0 == 0 { Ok(stored.clone()) } else { tile(run, *log, start, key) };
        for place in places.iter().filter(|place| place.position < start.leaves) {
            // What is said about the entry is not said about its tile again.
            let of_tile = place.in_tile.filter(|_| place.fault.is_some()).unwrap_or(place.leaf);
            tiles.push(0, Pair { of_entries: place.leaf, of_tile }, &mut faults, &mut read)?;
        }
        self.say_faults(faults)
    }

    fn say_faults(&mut self, faults: Vec<Fault>) -> Result<(), StoreError> {
        let begun = self.start.tree.as_ref().map(|tree| tree.log_name);
        if !faults.is_empty() && self.run.read(|conn| start::log_name(conn, self.log))? != begun {
            let place = format!("{} tree", name_of(self.log));
            self.run.summary.not_checked.push(format!("{place}: it was begun again under a new name meanwhile"));
            return Ok(());
        }
        for Fault { key: (level, tile), index, what } in faults {
            let what = match index {
                Some(index) if level == 0 => format!("{what} at position {}", tile * WIDTH as i64 + i64::from(index)),
                _ => what,
            };
            self.run.find_in(self.log, Part::Tile { level, tile, index }, what)?;
        }
        Ok(())
    }

    /// Reports what was found at a position.
    fn say(&mut self, place: Place, uuid_leads_to: Option<Option<i64>>) -> Result<(), StoreError> {
        let Place { position, row, fault, .. } = place;
        let uuid = row.as_ref().and_then(|row| row.uuid);
        let facts: Option<Facts> = row.and_then(|row| row.entry.ok());
        let is_itself = fault.is_none() && facts.is_some();
        self.knows_last = is_itself;
        let mut faults: Vec<(EntryFault, String)> = fault.into_iter().collect();
        if let Some(facts) = &facts {
            if let Some(column) = facts.column {
                faults.push((EntryFault::FilterColumn(column), format!("the filter column {column} does not match its slot")));
            }
            // The time of an entry that was changed says nothing about the others.
            if is_itself && facts.recorded_at < self.recorded_at {
                faults.push((EntryFault::Order, "it was recorded before the entry before it".to_owned()));
            }
            if is_itself {
                self.recorded_at = self.recorded_at.max(facts.recorded_at);
            }
            if !facts.erased.is_empty() || self.covers.borrow().name(position) {
                let fault = |conn: &mut DbConnection| self.covers.borrow_mut().fault(conn, position, &facts.erased, &facts.open);
                faults.extend(self.run.read(fault)?.map(|what| (EntryFault::Erasure, what.to_owned())));
            }
        }
        match uuid_leads_to {
            Some(Some(other)) => faults.push((EntryFault::Uuid, format!("the entry at position {other} has the same uuid"))),
            Some(None) => faults.push((EntryFault::Uuid, "its uuid does not lead to it".to_owned())),
            None => {}
        }
        let state = match faults.first() {
            Some((EntryFault::Missing, _)) => EntryState::Missing,
            Some(_) => EntryState::Tampered,
            None if facts.is_some_and(|facts| !facts.erased.is_empty()) => EntryState::Erased,
            None => EntryState::Ok,
        };
        for (fault, what) in faults {
            self.run.find_in(self.log, Part::Entry { position, uuid, fault }, what)?;
        }
        let (channel_id, stream) = self.log;
        self.run.entry(ScrubbedEntry { channel_id, stream, position, uuid, state })
    }

    fn finish(mut self) -> Result<(), StoreError> {
        let Walk { run, log, start, tiles, claims, recorded_at, knows_last, .. } = &mut self;
        let mut faults = Vec::new();
        std::mem::take(tiles).finish(&mut faults, &mut |key| tile(run, *log, start, key))?;
        if start.size < 0 || *knows_last && *recorded_at != start.recorded_at {
            let what = format!("it says that the last entry was recorded at {}, and that one has {recorded_at}", start.recorded_at);
            run.find_in(*log, Part::Head, what)?;
        }
        run.summary.not_checked.append(&mut claims.not_checked);
        run.summary.not_covered.append(&mut claims.not_covered);
        self.say_faults(faults)
    }

    fn tile(&mut self, key: TileKey) -> Result<Option<Vec<u8>>, StoreError> {
        tile(self.run, self.log, &self.start, key)
    }
}

/// Reads a tile: as it was at the start, if it may have grown since.
fn tile(run: &Run<'_>, log: LogKey, start: &Start, key: TileKey) -> Result<Option<Vec<u8>>, StoreError> {
    match start.edge.get(&key) {
        Some(stored) => Ok(stored.clone()),
        None => run.read(|conn| read_tile(conn, log, key)),
    }
}

/// Reads the rows of a block. The uuid of each should lead to it: returns those that do not, and where
/// they lead.
#[expect(clippy::type_complexity, reason = "the rows, and a list beside them")]
fn rows(conn: &mut DbConnection, log: LogKey, from: i64, to: i64) -> Result<(Vec<Read>, Vec<(i64, Option<i64>)>), StoreError> {
    let mut rows: Vec<Read> = Vec::with_capacity(WIDTH);
    in_fetches(from..to, |positions| {
        let read = entries::read(conn, log, positions)?;
        let bytes = read.iter().map(|row| row.bytes).sum();
        rows.extend(read);
        Ok::<_, StoreError>(bytes)
    })?;
    let uuids: Vec<_> = rows.iter().filter_map(|row| row.uuid).collect();
    let held = dialect::held(conn, log.0, log.1, &uuids)?;
    let with_uuid = rows.iter().filter_map(|row| Some((row.position, row.uuid?)));
    let leads = with_uuid.map(|(position, uuid)| (position, held.get(&uuid).copied()));
    let moved = leads.filter(|(position, leads_to)| *leads_to != Some(*position)).collect();
    Ok((rows, moved))
}

fn append(tree: &mut Frontier, position: i64, leaf: NodeHash, (channel_id, stream): LogKey) -> Result<(), StoreError> {
    let unfit = |error: audit_domain::log::FrontierError| StoreError::UnfitTree {
        stream,
        channel_id,
        what: format!("at position {position}: {error}"),
    };
    tree.append(LeafHash(leaf.0), |_, _| {}).map_err(unfit)
}
