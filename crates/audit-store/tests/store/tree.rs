//! The tree of a log is the one that RFC 6962 makes of its leaf hashes, whatever happened on the way; and its proofs are those that
//! the verifiers of audit-domain accept.

use std::time::{Duration, Instant};

use audit_store::domain::Stream;
use audit_store::domain::log::{Frontier, LeafHash, NodeHash, Tile, TileKind, verify_consistency, verify_inclusion};
use audit_store::{Log, LogTree, Prepared, Receipt, Store, StoreError};

use crate::common::{ActionLogs, Events, Kind, Raw, Scratch, append, event, of_database, on_postgres};

const PATIENCE: Duration = Duration::from_secs(60);

fn events(store: &Store) -> Log<Events> {
    store.channel(1).unwrap().events()
}

fn many(count: usize) -> Vec<Prepared> {
    (0..count).map(|_| event("{}")).collect()
}

fn leaves(receipts: &[Receipt]) -> Vec<LeafHash> {
    receipts.iter().map(|receipt| receipt.leaf_hash).collect()
}

/// The root of these leaves.
fn root(leaves: &[LeafHash]) -> NodeHash {
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.append(*leaf, |_, _| {}).unwrap());
    frontier.root()
}

/// Seals, and compares the tree and each of its tiles with the leaves alone.
fn assert_is_tree_of<S: Kind>(log: &Log<S>, store: &Store, leaves: &[LeafHash]) -> LogTree<S> {
    store.seal().unwrap();
    let tree = log.tree().unwrap();
    assert_eq!((tree.size(), tree.root()), (leaves.len() as u64, root(leaves)));
    let (mut level, mut row) = (0, leaves.iter().copied().map(NodeHash::from).collect::<Vec<_>>());
    while !row.is_empty() {
        for (number, hashes) in row.chunks(256).enumerate() {
            let tile = Tile::new(TileKind::Hashes { level }, number as u64, hashes.len() as u16).unwrap();
            assert_eq!(tree.tile(tile).unwrap(), Some(hashes.iter().flat_map(|hash| hash.0).collect()), "{tile}");
        }
        row = row.chunks_exact(256).map(|hashes| NodeHash::of_parts(hashes).unwrap()).collect();
        level += 1;
    }
    tree
}

/// The rows of trees and tiles.
fn dump(raw: &Raw) -> Vec<Vec<Vec<Option<String>>>> {
    raw.snapshot(|| ["trees", "tiles"].map(|table| raw.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3, 4"))).into())
}

#[test]
fn the_tree_is_the_same_however_the_entries_came() {
    let scratch = Scratch::new();
    let mut receipts = Vec::new();
    for count in [1, 1, 2, 60, 191, 1, 1, 255, 256, 257, 1_000] {
        receipts.extend(scratch.append(many(count)));
        drop(assert_is_tree_of(&events(&scratch.store), &scratch.store, &leaves(&receipts)));
    }
    let log = scratch.store.channel(1).unwrap().action_logs();
    assert_eq!((log.tree().unwrap().size(), log.tree().unwrap().root()), (0, NodeHash::of_empty_tree()));
    let other = scratch.append((0..300).map(|_| ActionLogs::entry("")).collect());
    drop(assert_is_tree_of(&log, &scratch.store, &leaves(&other)));
    drop(assert_is_tree_of(&events(&scratch.store), &scratch.store, &leaves(&receipts)));
}

#[test]
fn a_log_that_waited_is_sealed_in_several_steps() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    let mut receipts = Vec::new();
    fail_after(&raw, 0);
    // More than four steps, and a tile of the third level.
    for _ in 0..67 {
        receipts.extend(scratch.append(many(1_000)));
    }
    assert_eq!(events(&scratch.store).tree().unwrap().size(), 0);
    fail_no_more(&raw);
    let tree = assert_is_tree_of(&events(&scratch.store), &scratch.store, &leaves(&receipts));
    let whole = |level| Tile::of_size(TileKind::Hashes { level }, 0, tree.size()).unwrap();
    assert_eq!((whole(2).width(), tree.tile(whole(2)).unwrap().unwrap().len()), (1, 32));
}

#[test]
fn proofs_of_every_entry_and_every_older_tree_are_accepted() {
    let scratch = Scratch::new();
    let receipts = scratch.append(many(700));
    let leaves = leaves(&receipts);
    let tree = assert_is_tree_of(&events(&scratch.store), &scratch.store, &leaves);
    scratch.append(many(100));
    scratch.store.seal().unwrap();
    for (position, leaf) in leaves.iter().enumerate() {
        let proof = tree.inclusion(position as u64).unwrap().unwrap();
        verify_inclusion(*leaf, position as u64, 700, &proof, tree.root()).unwrap();
    }
    for old in (0..=700).step_by(7).chain([1, 255, 256, 257, 511, 512, 513, 699]) {
        let proof = tree.consistency(old).unwrap().unwrap();
        verify_consistency((old, root(&leaves[..old as usize])), (700, tree.root()), &proof).unwrap();
    }
    assert_eq!((tree.inclusion(700).unwrap(), tree.consistency(701).unwrap()), (None, None), "it stays as it was");
    let tile = |index, width| tree.tile(Tile::new(TileKind::Hashes { level: 0 }, index, width).unwrap()).unwrap();
    assert_eq!((tile(2, 188).map(|hashes| hashes.len()), tile(2, 189), tile(3, 1)), (Some(32 * 188), None, None));
    assert_eq!(tree.tile(Tile::new(TileKind::Entries, 0, 1).unwrap()).unwrap(), None);
}

#[test]
fn the_frontiers_of_any_range_lead_to_the_root() {
    let scratch = Scratch::new();
    let receipts = scratch.append(many(700));
    let leaves = leaves(&receipts);
    let tree = assert_is_tree_of(&events(&scratch.store), &scratch.store, &leaves);
    scratch.append(many(100));
    scratch.store.seal().unwrap();
    for (from, to) in [(0, 0), (0, 700), (1, 2), (255, 257), (256, 512), (300, 301), (511, 700), (699, 700), (700, 700)] {
        let mut frontier = tree.frontier(from).unwrap().unwrap();
        assert_eq!((frontier.size(), frontier.root()), (from, root(&leaves[..from as usize])));
        leaves[from as usize..to as usize].iter().for_each(|leaf| frontier.append(*leaf, |_, _| {}).unwrap());
        frontier.append_frontier(700, &tree.subtrees(to..700).unwrap().unwrap()).unwrap();
        frontier.verify(700, tree.root()).unwrap();
    }
    assert_eq!((tree.frontier(701).unwrap(), tree.subtrees(0..701).unwrap()), (None, None), "it stays as it was");
    #[expect(clippy::reversed_empty_ranges, reason = "a caller may ask for it")]
    let reversed = tree.subtrees(3..2).unwrap();
    assert_eq!(reversed, None);
}

#[test]
fn an_open_store_seals_by_itself_and_after_a_start() {
    let scratch = Scratch::new();
    let wait_until_sealed = |store: &Store, size| {
        let end = Instant::now() + PATIENCE;
        while store.tree_lags(Stream::Events).unwrap().iter().any(|lag| lag.entries > 0) {
            assert!(Instant::now() < end, "the tree has {} of {size} leaves", events(store).tree().unwrap().size());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(events(store).tree().unwrap().size(), size);
    };
    scratch.append(many(3));
    wait_until_sealed(&scratch.store, 3);
    // Closed at once: the next start does the rest.
    let store = scratch.open_again();
    append(&store, many(300));
    drop(store);
    wait_until_sealed(&scratch.open_again(), 303);
}

/// Several stores on one database append and seal at once, as servers do.
#[test]
fn several_stores_make_one_tree() {
    let scratch = Scratch::new();
    let stores: Vec<Store> = (0..3).map(|_| scratch.open_again()).collect();
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| {
                for count in [1, 30, 300, 7, 500] {
                    append(store, many(count));
                    store.seal().unwrap();
                }
            });
        }
    });
    let log = crate::common::log_of::<Events>(&scratch.store, 1);
    let leaves: Vec<LeafHash> = log.iter().map(|event| event.entry.leaf_hash).collect();
    assert_eq!(leaves.len(), 3 * 838);
    drop(assert_is_tree_of(&events(&scratch.store), &scratch.store, &leaves));
}

/// Lets a write of trees and tiles fail: the one after so many others.
fn fail_after(raw: &Raw, writes: usize) {
    let make = of_database(
        "CREATE TABLE fault (countdown INTEGER); \
         CREATE TRIGGER fault_1 BEFORE INSERT ON tiles BEGIN FAULT END; CREATE TRIGGER fault_2 BEFORE UPDATE ON tiles BEGIN FAULT END; \
         CREATE TRIGGER fault_3 BEFORE INSERT ON trees BEGIN FAULT END; CREATE TRIGGER fault_4 BEFORE UPDATE ON trees BEGIN FAULT END",
        "CREATE TABLE fault (countdown INTEGER); \
         CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             UPDATE fault SET countdown = countdown - 1; \
             IF (SELECT countdown < 0 FROM fault) THEN RAISE EXCEPTION 'a fault'; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON tiles FOR EACH ROW EXECUTE FUNCTION fault(); \
         CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON trees FOR EACH ROW EXECUTE FUNCTION fault()",
    );
    let fault = "UPDATE fault SET countdown = countdown - 1; SELECT RAISE(ABORT, 'a fault') FROM fault WHERE countdown < 0;";
    raw.execute(&make.replace("FAULT", fault));
    raw.execute(&format!("INSERT INTO fault VALUES ({writes})"));
}

fn fail_no_more(raw: &Raw) {
    raw.execute(of_database(
        "DROP TRIGGER fault_1; DROP TRIGGER fault_2; DROP TRIGGER fault_3; DROP TRIGGER fault_4; DROP TABLE fault",
        "DROP TRIGGER fault ON tiles; DROP TRIGGER fault ON trees; DROP FUNCTION fault; DROP TABLE fault",
    ));
}

#[test]
fn a_step_that_fails_at_any_write_leaves_the_tree_as_it_was() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    let mut receipts = Vec::new();
    for entries in [300, 700] {
        // The thread of this store must not seal in between.
        scratch.store.seal().unwrap();
        let before = dump(&raw);
        let mut failures = 0;
        fail_after(&raw, 0);
        receipts.extend(scratch.append(many(entries)));
        while let Err(error) = scratch.store.seal() {
            assert!(error.to_string().contains("a fault"), "{error}");
            assert_eq!(dump(&raw), before);
            failures += 1;
            raw.execute(&format!("UPDATE fault SET countdown = {failures}"));
        }
        // Tiles of leaves, the tile above, and the tree; the first step also makes the tree.
        assert!(failures >= 5, "{failures}");
        fail_no_more(&raw);
        drop(assert_is_tree_of(&events(&scratch.store), &scratch.store, &leaves(&receipts)));
    }
    let once = Scratch::new();
    let copied = once.raw();
    append(&once.store, many(1_000));
    once.store.seal().unwrap();
    let sizes = |raw: &Raw| {
        raw.strings(&format!("SELECT {}(hashes) FROM tiles ORDER BY level, tile", of_database("length", "octet_length")))
    };
    assert_eq!(sizes(&raw), sizes(&copied));
}

#[test]
fn changed_tiles_and_entries_are_found_and_tiles_made_again() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    let receipts = scratch.append(many(600));
    drop(assert_is_tree_of(&events(&scratch.store), &scratch.store, &leaves(&receipts)));
    let sound = dump(&raw);
    assert_eq!(scratch.store.rebuild_trees().unwrap(), 0);
    // A guard of SQLite refuses this from a program; a person at a prompt drops it.
    if !on_postgres() {
        let changed = raw.try_execute("UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND tile = 0").unwrap_err();
        assert!(changed.contains("tiles: a tile only grows"), "{changed}");
        raw.execute("DROP TRIGGER tiles_only_grow");
    }
    let zeros = |count: usize| raw.blob(&vec![0; count]);
    for (change, tiles) in [
        ("DELETE FROM tiles".to_owned(), 4),
        ("DELETE FROM tiles WHERE level = 1".to_owned(), 1),
        (format!("UPDATE tiles SET hashes = {} WHERE level = 0 AND tile = 0", zeros(8_192)), 1),
        (format!("UPDATE tiles SET hashes = {} WHERE level = 0 AND tile = 2", zeros(32 * 88)), 1),
        (format!("UPDATE tiles SET hashes = {} WHERE level = 0 AND tile = 2", zeros(32)), 1),
        (
            format!(
                "INSERT INTO tiles VALUES (1, 1, 0, 3, {0}), (1, 1, 1, 1, {0}), (1, 1, 2, 0, {0}), (1, 1, 7, 9, {0})",
                zeros(32)
            ),
            4,
        ),
    ] {
        raw.execute(&change);
        assert_eq!(scratch.store.rebuild_trees().unwrap(), tiles, "{change}");
        assert_eq!(dump(&raw), sound, "{change}");
    }
    raw.execute(&format!("UPDATE tiles SET hashes = {} WHERE level = 0 AND tile = 2", zeros(32 * 88)));
    scratch.append(many(1));
    let Err(StoreError::UnfitTree { stream: Stream::Events, channel_id: 1, what }) = scratch.store.seal() else { panic!("sealed") };
    assert!(what.contains("`audit-server rebuild`"), "{what}");
    assert_eq!(scratch.store.rebuild_trees().unwrap(), 1);
    assert_eq!(events(&scratch.store).tree().unwrap().size(), 601);

    // An entry that was changed has another leaf: the tiles stay, because they say which it was.
    raw.execute(of_database("DROP TRIGGER events_only_erase; DROP TRIGGER events_keep_rows", "SELECT 1"));
    let sound = dump(&raw);
    raw.execute(&format!("UPDATE events SET leaf_hash = {} WHERE position = 5", zeros(32)));
    let error = scratch.store.rebuild_trees().unwrap_err().to_string();
    assert!(error.contains("the tree of the log 1/events does not fit its entries: its 601 entries have another root"), "{error}");
    assert_eq!(dump(&raw), sound);
    raw.execute("DELETE FROM events WHERE position = 7");
    let error = scratch.store.rebuild_trees().unwrap_err().to_string();
    assert!(error.contains("the entry at position 7 is missing"), "{error}");
    assert_eq!(dump(&raw), sound);
}

/// The role of a program on PostgreSQL may change this row, and a person at a prompt of SQLite may drop the guard.
#[test]
fn a_changed_row_of_a_tree_is_found_and_said_to_be_possible() {
    let scratch = Scratch::new();
    scratch.append(many(300));
    scratch.store.seal().unwrap();
    let raw = scratch.raw();
    raw.execute(of_database("DROP TRIGGER trees_only_grow", "SELECT 1"));
    let [size, root] = ["size = 0".to_owned(), format!("size = 300, root = {}", raw.blob(&[7; 32]))];
    for change in [size, root] {
        raw.execute(&format!("UPDATE trees SET {change}"));
        let error = scratch.store.rebuild_trees().unwrap_err().to_string();
        assert!(error.contains("one of them was changed, or the row of the tree"), "{change}: {error}");
    }
    scratch.append(many(1));
    let error = scratch.store.seal().unwrap_err().to_string();
    assert!(error.contains("the last tiles of 300 leaves do not lead to its root"), "{error}");
}

/// As after a restore of an older copy in which the trees were kept.
#[test]
fn a_log_that_is_smaller_than_its_tree_is_not_sealed() {
    let scratch = Scratch::new();
    scratch.append(many(3));
    scratch.store.seal().unwrap();
    let raw = scratch.raw();
    raw.execute(of_database("DROP TRIGGER logs_only_advance", "SELECT 1"));
    raw.execute("UPDATE logs SET next_position = 2");
    let error = scratch.store.seal().unwrap_err().to_string();
    assert!(error.contains("it has 3 leaves, and the log 2 entries"), "{error}");
    assert_eq!(scratch.store.tree_lags(Stream::Events).unwrap()[0].entries, -1);
}

#[test]
fn the_guards_of_sqlite_let_a_tree_only_grow() {
    if on_postgres() {
        // There, privileges are the guard: `server_postgres` has their tests.
        return;
    }
    let scratch = Scratch::new();
    scratch.append(many(3));
    scratch.store.seal().unwrap();
    let raw = scratch.raw();
    for (sql, refusal) in [
        ("UPDATE trees SET size = 2", "a tree only grows"),
        ("UPDATE trees SET root = zeroblob(32)", "a tree only grows"),
        ("UPDATE trees SET stream = 2, size = 4", "a tree only grows"),
        ("UPDATE trees SET log_name = 2", "starts again under a new name"),
        ("UPDATE trees SET log_name = 0, size = 4", "starts again under a new name"),
        ("DELETE FROM trees", "a tree is never deleted"),
        ("INSERT OR REPLACE INTO trees SELECT channel_id, stream, 0, root, log_name FROM trees", "a tree is never replaced"),
        ("INSERT INTO trees SELECT 9, stream, 1, root, log_name FROM trees", "a tree starts empty"),
        ("UPDATE tiles SET hashes = substr(hashes, 1, 32)", "a tile only grows"),
        ("UPDATE tiles SET hashes = zeroblob(128)", "a tile only grows"),
        ("UPDATE tiles SET tile = 1, hashes = CAST(hashes || zeroblob(32) AS BLOB)", "a tile only grows"),
    ] {
        let error = raw.try_execute(sql).unwrap_err();
        assert!(error.contains(refusal), "{sql}: {error}");
    }
}

/// The steps of several logs are stored together. The fault of one must not keep the others.
#[test]
fn a_fault_of_one_log_does_not_stop_the_trees_of_others() {
    let scratch = Scratch::new();
    let raw = scratch.raw();
    raw.execute(of_database(
        "CREATE TRIGGER fault BEFORE INSERT ON tiles WHEN NEW.channel_id = 5 BEGIN SELECT RAISE(ABORT, 'a fault'); END",
        "ALTER TABLE tiles ADD CONSTRAINT fault CHECK (channel_id <> 5)",
    ));
    let in_channel = |channel| event(&format!(r#"{{"channel_id":{channel}}}"#));
    // On PostgreSQL there are four writers, and these channels have the same one.
    scratch.append((0..9).map(|number| in_channel(1 + number % 3 * 4)).collect());
    let size = |channel| scratch.store.channel(channel).unwrap().events().tree().unwrap().size();
    let wait_for = |sizes: [u64; 3]| {
        let end = Instant::now() + PATIENCE;
        while [1, 5, 9].map(size) != sizes {
            assert!(Instant::now() < end, "{:?}", [1, 5, 9].map(size));
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    wait_for([3, 0, 3]);
    raw.execute(of_database("DROP TRIGGER fault", "ALTER TABLE tiles DROP CONSTRAINT fault"));
    wait_for([3; 3]);
}

/// A server that ends leaves entries without a tree, and no append says so to the others.
#[test]
fn what_another_store_left_is_sealed_without_an_append() {
    let scratch = Scratch::new();
    let other = scratch.open_again();
    append(&other, many(10));
    drop(other);
    let end = Instant::now() + PATIENCE;
    while events(&scratch.store).tree().unwrap().size() < 10 {
        assert!(Instant::now() < end, "it waits for an append");
        std::thread::sleep(Duration::from_millis(10));
    }
}
