//! Tiles and entry bundles, byte for byte as C2SP tlog-tiles has them: the test computes each from the leaves in the database.

use std::collections::BTreeMap;

use audit_http::store::Store;
use audit_http::store::domain::log::{Frontier, NodeHash, Tile, TileKind, leaf_hash};

use super::{Auditor, BYTES, append_many, assert_problem};
use crate::common::{Ask, Fixture, SigningFiles, SigningServer, TestDatabase, TestServer, action_log_lines, all_events};

const LOG: &str = "1/events";

/// The tiles of a log, computed from its leaves and nothing else.
struct Expected {
    leaves: Vec<Vec<u8>>,
    /// The hashes of each level of tiles, from left to right.
    levels: Vec<Vec<NodeHash>>,
    root: NodeHash,
}

impl Expected {
    fn of(leaves: Vec<Vec<u8>>) -> Expected {
        let (mut frontier, mut nodes) = (Frontier::new(), BTreeMap::new());
        for leaf in &leaves {
            frontier.append(leaf_hash(leaf), |node, hash| nodes.extend([((node.level, node.index), hash)])).unwrap();
        }
        let level = |level: u8| nodes.range((level, 0)..=(level, u64::MAX)).map(|(_, hash)| *hash).collect::<Vec<_>>();
        let levels = (0..8).map(|number| level(8 * number)).take_while(|hashes| !hashes.is_empty()).collect();
        Expected { leaves, levels, root: frontier.root() }
    }

    /// The real events of channel 1.
    fn of_channel(store: &Store, channel: i64) -> Expected {
        Expected::of(all_events(store, channel).iter().map(|event| event.leaf_data()).collect())
    }

    /// The contents of a tile of some width, which the tree has.
    fn contents(&self, tile: Tile) -> Vec<u8> {
        let range = tile.index() as usize * 256..tile.index() as usize * 256 + usize::from(tile.width());
        match tile.kind() {
            TileKind::Hashes { level } => self.levels[usize::from(level)][range].iter().flat_map(|hash| hash.0).collect(),
            TileKind::Entries => {
                let entry = |leaf: &Vec<u8>| [(leaf.len() as u16).to_be_bytes().to_vec(), leaf.clone()].concat();
                self.leaves[range].iter().flat_map(entry).collect()
            }
        }
    }

    fn kinds(&self) -> impl Iterator<Item = (TileKind, usize)> + use<'_> {
        let levels = self.levels.iter().enumerate();
        let hashes = levels.map(|(level, hashes)| (TileKind::Hashes { level: level as u8 }, hashes.len()));
        hashes.chain([(TileKind::Entries, self.leaves.len())])
    }
}

fn real_events() -> SigningServer {
    SigningServer::over(Fixture::get().copy(), |_| {})
}

fn tile(kind: TileKind, index: usize, width: usize) -> Tile {
    Tile::new(kind, index as u64, width as u16).unwrap()
}

#[test]
fn every_tile_of_real_logs_is_byte_exact() {
    let server = real_events();
    let mut auditor = Auditor::new(&server);
    for channel in [1, 2, 3, 5] {
        let expected = Expected::of_channel(&server.store, channel);
        let log = format!("{channel}/events");
        let checkpoint = auditor.checkpoint(&log);
        assert_eq!((checkpoint.size(), checkpoint.root()), (expected.leaves.len() as u64, expected.root));
        for (kind, count) in expected.kinds() {
            for index in 0..count.div_ceil(256) {
                let tile = tile(kind, index, (count - index * 256).min(256));
                assert_eq!(auditor.bytes(&format!("/log/{log}/{tile}")), expected.contents(tile), "{tile}");
            }
        }
    }
    server.stop();
}

/// Those of every earlier size stay, although only some sizes had a checkpoint.
#[test]
fn partial_tiles_of_every_width_are_served() {
    let server = real_events();
    let mut auditor = Auditor::new(&server);
    let expected = Expected::of_channel(&server.store, 1);
    for (kind, count) in expected.kinds() {
        let last = count.div_ceil(256) - 1;
        // Entries are read one by one.
        let step = if kind == TileKind::Entries { 5 } else { 1 };
        for index in [0, last / 2, last] {
            let width = (count - index * 256).min(256);
            for width in (1..=width).rev().step_by(step) {
                let tile = tile(kind, index, width);
                assert_eq!(auditor.bytes(&format!("/log/{LOG}/{tile}")), expected.contents(tile), "{tile}");
            }
            for width in width + 1..=256 {
                let tile = tile(kind, index, width);
                assert_problem(&auditor.get(&format!("/log/{LOG}/{tile}")), 404, "not_found");
            }
        }
        for missing in [tile(kind, last + 1, 256), tile(kind, last + 1, 1), tile(kind, 1000, 1), tile(kind, usize::MAX, 1)] {
            assert_problem(&auditor.get(&format!("/log/{LOG}/{missing}")), 404, "not_found");
        }
    }
    for level in 2..64 {
        for missing in [tile(TileKind::Hashes { level }, 0, 1), tile(TileKind::Hashes { level }, 0, 256)] {
            assert_problem(&auditor.get(&format!("/log/{LOG}/{missing}")), 404, "not_found");
        }
    }
    server.stop();
}

/// What a monitor does: it has the key and nothing else, and reads all entries.
#[test]
fn entry_bundles_alone_make_the_root_of_the_checkpoint() {
    let server = real_events();
    let logs = action_log_lines()[..777].join("\n");
    let ask = Ask::post_lines("/api/v1/action-logs?channel_id=4", logs).key(&server.admin);
    server.ask(&ask).expect(201);
    server.sign();
    let mut auditor = Auditor::new(&server);
    let logs: Vec<String> = auditor.trusted.keys().cloned().collect();
    assert_eq!(logs.len(), 7, "{logs:?}");
    for log in logs {
        let checkpoint = auditor.checkpoint(&log);
        let mut tree = Frontier::new();
        while tree.size() < checkpoint.size() {
            let tile = Tile::of_size(TileKind::Entries, tree.size() / 256, checkpoint.size()).unwrap();
            let bundle = auditor.bytes(&format!("/log/{log}/{tile}"));
            for entry in tile.entries(&bundle).unwrap() {
                tree.append(leaf_hash(entry), |_, _| {}).unwrap();
            }
        }
        tree.verify(checkpoint.size(), checkpoint.root()).unwrap();
    }
    server.stop();
}

/// A tile has only what is signed: the log may be longer.
#[test]
fn tiles_end_with_the_checkpoint() {
    let (server, files) = (TestServer::start(), SigningFiles::new());
    append_many(&server, 5);
    files.sign(&server);
    append_many(&server, 3);
    server.store.seal().unwrap();
    let mut auditor = Auditor::new(&server);
    assert_eq!(auditor.checkpoint(LOG).size(), 5);
    for kind in ["0", "entries"] {
        for (width, status) in [(5, 200), (6, 404), (8, 404)] {
            assert_eq!(auditor.get(&format!("/log/{LOG}/tile/{kind}/000.p/{width}")).status, status, "{kind} {width}");
        }
    }
    let answer = auditor.get(&format!("/log/{LOG}/consistency?from=1&to=6"));
    assert_problem(&answer, 400, "invalid_query");
    files.sign(&server);
    assert_eq!(auditor.get(&format!("/log/{LOG}/tile/0/000.p/8")).status, 200);
    assert_eq!(auditor.get(&format!("/log/{LOG}/consistency?from=1&to=6")).status, 200);
    server.stop();
}

#[test]
fn tiles_are_kept_for_ever_and_shared_if_public() {
    for (is_public, shared) in [(false, "private"), (true, "public")] {
        let caching = format!("{shared}, max-age=31536000, immutable");
        let server = SigningServer::over(TestDatabase::new(), |config| config.api.public_log = is_public);
        append_many(&server, 257);
        server.sign();
        let mut auditor = Auditor::new(&server);
        for path in ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/1"] {
            let answer = auditor.get(&format!("/log/{LOG}/{path}"));
            assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(BYTES)));
            assert_eq!(answer.header("Cache-Control"), Some(&*caching), "{path}");
        }
        for path in ["tile/0/002", "tile/0/0", "tile/entries/001.p/2", "tile/2/000.p/1"] {
            assert_problem(&auditor.get(&format!("/log/{LOG}/{path}")), 404, "not_found");
        }
        server.stop();
    }
}

/// C2SP tlog-tiles asks for compression, and the leaves of a log have much in common.
#[test]
fn a_bundle_is_compressed_for_those_who_ask() {
    let server = SigningServer::start();
    append_many(&server, 256);
    server.sign();
    let mut auditor = Auditor::new(&server);
    let path = format!("/log/{LOG}/tile/entries/000");
    let plain = auditor.bytes(&path);
    let answer = auditor.ask(Ask::get(&path).header("Accept-Encoding", "gzip, identity"));
    assert_eq!((answer.status, answer.header("Content-Encoding")), (200, Some("gzip")));
    assert!(answer.header("Vary").is_some_and(|vary| vary.eq_ignore_ascii_case("accept-encoding")));
    let mut contents = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*answer.body), &mut contents).unwrap();
    assert!(contents == plain && answer.body.len() < plain.len(), "{} {}", answer.body.len(), plain.len());
    server.stop();
}
