//! Consistency proofs between any two sizes of a log.

use audit_http::store::domain::log::{Checkpoint, Frontier, NodeHash, leaf_hash, verify_consistency};

use super::{Auditor, append_many, assert_problem, hashes_of};
use crate::common::{Fixture, SigningServer, all_events};

const LOG: &str = "3/events";

/// Reads a proof, with the sizes that the answer states.
fn proof(auditor: &mut Auditor, log: &str, query: &str) -> (u64, u64, Vec<NodeHash>) {
    let answer = auditor.get(&format!("/log/{log}/consistency?{query}")).expect(200);
    (answer["from"].as_u64().unwrap(), answer["to"].as_u64().unwrap(), hashes_of(&answer))
}

/// The root of every size of a log, computed from its entries.
fn roots(server: &SigningServer, channel: i64) -> Vec<NodeHash> {
    let mut tree = Frontier::new();
    let mut roots = vec![tree.root()];
    for event in all_events(&server.store, channel) {
        tree.append(leaf_hash(&event.leaf_data()), |_, _| {}).unwrap();
        roots.push(tree.root());
    }
    roots
}

#[test]
fn proofs_between_sizes_of_a_real_log_verify() {
    let server = SigningServer::over(Fixture::get().copy(), |_| {});
    let (mut auditor, roots) = (Auditor::new(&server), roots(&server, 3));
    let size = auditor.checkpoint(LOG).size();
    assert_eq!((size, roots.len()), (3443, 3444));
    let near = [0, 1, 2, 3, 7, 8, 9, 255, 256, 257, 511, 512, 1000, 1279, 1280, 2047, 2048, 2049, 3327, 3328, 3442, 3443];
    let far = (0..300).map(|at| (at * 7919 % 3444, at * 104_729 % 3444)).map(|(a, b)| (a.min(b), a.max(b)));
    let pairs = near.iter().flat_map(|from| near.iter().map(move |to| (*from, *to))).filter(|(from, to)| from <= to);
    for (from, to) in pairs.chain(far) {
        let (stated_from, stated_to, hashes) = proof(&mut auditor, LOG, &format!("from={from}&to={to}"));
        assert_eq!((stated_from, stated_to), (from, to));
        verify_consistency((from, roots[from as usize]), (to, roots[to as usize]), &hashes).unwrap();
        if to == size {
            assert_eq!(proof(&mut auditor, LOG, &format!("from={from}")), (from, to, hashes), "the newest checkpoint by default");
        }
    }
    server.stop();
}

/// What a monitor does that kept its checkpoints.
#[test]
fn each_checkpoint_follows_those_before_it() {
    let server = SigningServer::start();
    let mut kept: Vec<Checkpoint> = Vec::new();
    let mut auditor: Option<Auditor> = None;
    for count in [1, 1, 5, 249, 1, 200, 60] {
        append_many(&server, count);
        server.sign();
        let auditor = auditor.get_or_insert_with(|| Auditor::new(&server));
        let checkpoint = auditor.checkpoint("1/events");
        for older in &kept {
            let (_, to, hashes) = proof(auditor, "1/events", &format!("from={}", older.size()));
            assert_eq!(to, checkpoint.size());
            checkpoint.verify_follows(older, &hashes).unwrap();
        }
        kept.push(checkpoint);
    }
    server.stop();
}

#[test]
fn sizes_that_cannot_be_proven_are_named() {
    let server = SigningServer::start();
    append_many(&server, 10);
    server.sign();
    let mut auditor = Auditor::new(&server);
    for (query, parameter) in [
        ("", "from"),
        ("?to=3", "from"),
        ("?from=", "from"),
        ("?from=5&to=4", "from"),
        ("?from=11", "from"),
        ("?from=1&to=11", "to"),
        ("?from=11&to=12", "to"),
        ("?from=01", "from"),
        ("?from=-1", "from"),
        ("?from=%2B1", "from"),
        ("?from=1.0", "from"),
        ("?from=%201", "from"),
        ("?from=x", "from"),
        ("?from=1&to=", "to"),
        ("?from=1&to=05", "to"),
        ("?from=1&to=-1", "to"),
        ("?from=1&to=x", "to"),
        ("?from=1&to=18446744073709551615", "to"),
        ("?from=18446744073709551616", "from"),
        ("?from=1&to=2&until=3", "until"),
        ("?from=1&From=2", "From"),
        ("?from=1&from=2", "from"),
    ] {
        let answer = auditor.get(&format!("/log/1/events/consistency{query}"));
        assert_problem(&answer, 400, "invalid_query");
        let errors = answer.json()["errors"].clone();
        assert_eq!((errors.as_array().unwrap().len(), &errors[0]["parameter"]), (1, &parameter.into()), "{query} {errors}");
    }
    let answer = auditor.get("/log/1/events/consistency?from=x&to=05");
    assert_problem(&answer, 400, "invalid_query");
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 2, "{}", answer.text());
    let answer = auditor.get("/log/1/events/consistency?from=1&to=11").json();
    assert!(answer["errors"][0]["detail"].as_str().unwrap().contains("(10)"), "it says the size: {answer}");
    server.stop();
}
