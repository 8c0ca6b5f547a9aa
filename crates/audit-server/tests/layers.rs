//! The layers: which crate may depend on which, against a table that people change deliberately.

#![expect(clippy::unwrap_used, reason = "a test without cargo's answer can only fail")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// The workspace, from the bottom, and the crates of ours that each depends on: the one directly below, and no other.
const LAYERS: [(&str, &[&str]); 4] = [
    ("audit-domain", &[]),
    ("audit-store", &["audit-domain"]),
    ("audit-http", &["audit-store"]),
    ("audit-server", &["audit-http"]),
];

/// Crates that are what a layer is about (names that start so), and the only ones of ours that may name them.
const SENSITIVE: [(&str, &[&str]); 10] = [
    ("ed25519", &["audit-domain"]),
    ("diesel", &["audit-store"]),
    ("r2d2", &["audit-store"]),
    ("libsqlite3-sys", &["audit-store"]),
    ("pq-sys", &["audit-store"]),
    ("actix", &["audit-http"]),
    ("tokio", &["audit-http", "audit-server"]),
    ("clap", &["audit-server"]),
    ("toml", &["audit-server"]),
    ("tracing-subscriber", &["audit-server"]),
];

/// What may be nowhere below a crate, however deep.
const ABSENT: [(&str, &[&str]); 2] = [
    (
        "audit-domain",
        &["diesel", "r2d2", "libsqlite3-sys", "pq-sys", "rusqlite", "actix", "tokio", "futures", "hyper", "tracing", "clap"],
    ),
    ("audit-store", &["actix", "tokio", "hyper", "clap"]),
];

/// Locked, so that the test changes nothing, and of this platform only: the rest may not even have been downloaded.
fn metadata() -> Metadata {
    let rustc = std::process::Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(rustc.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let options = ["--locked", "--filter-platform", host].map(str::to_owned);
    MetadataCommand::new().manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).other_options(options).exec().unwrap()
}

fn normal_or_build(kind: DependencyKind) -> bool {
    kind != DependencyKind::Development
}

#[test]
fn four_crates_each_depend_on_the_one_below() {
    let metadata = metadata();
    let ours: BTreeSet<String> = metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let actual: BTreeMap<String, Vec<String>> = metadata
        .workspace_packages()
        .iter()
        .map(|package| {
            let names = package.dependencies.iter().map(|dependency| dependency.name.clone());
            (package.name.to_string(), names.filter(|name| ours.contains(name)).collect())
        })
        .collect();
    let wanted = LAYERS.map(|(name, below)| (name.to_owned(), below.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()));
    assert_eq!(actual, BTreeMap::from(wanted));
}

#[test]
fn what_a_layer_is_about_is_named_by_no_other_layer() {
    let metadata = metadata();
    for (prefix, allowed) in SENSITIVE {
        let users: BTreeSet<String> = metadata
            .workspace_packages()
            .iter()
            .filter(|package| package.dependencies.iter().any(|d| d.name.starts_with(prefix) && normal_or_build(d.kind)))
            .map(|package| package.name.to_string())
            .collect();
        assert_eq!(users, allowed.iter().map(|name| (*name).to_owned()).collect(), "{prefix}");
    }
}

#[test]
fn lower_layers_depend_on_no_runtime_or_database() {
    let metadata = metadata();
    for (name, absent) in ABSENT {
        let below = below(&metadata, name);
        assert!(below.contains("serde"), "the tree of {name} is not seen at all");
        let found: Vec<&String> = below.iter().filter(|below| absent.iter().any(|prefix| below.starts_with(prefix))).collect();
        assert!(found.is_empty(), "{name} depends on {found:?}");
    }
}

/// The names of everything a crate is built from.
fn below(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let nodes: BTreeMap<&PackageId, _> = metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    let root = metadata.workspace_packages().into_iter().find(|package| *package.name == name).unwrap();
    let (mut names, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![&root.id]);
    while let Some(id) = open.pop() {
        for dependency in &nodes[id].deps {
            if dependency.dep_kinds.iter().any(|kind| normal_or_build(kind.kind)) && seen.insert(&dependency.pkg) {
                names.insert(metadata[&dependency.pkg].name.to_string());
                open.push(&dependency.pkg);
            }
        }
    }
    names
}

/// Everything else in audit-store is written for any database.
#[test]
fn only_the_dialect_names_a_database() {
    let names = ["SqliteConnection", "::Sqlite", "PRAGMA", "sqlite_", "PgConnection", "::Postgres", "pg_"];
    let elsewhere =
        sources("audit-store").into_iter().filter(|(file, _)| !["dialect/", "plans/"].iter().any(|of| file.starts_with(of)));
    let named = elsewhere.filter(|(_, code)| names.iter().any(|name| code.contains(name)));
    // The connection type lists them, and a URL says which one it is. `plans/` is a test as a whole.
    let expected = ["connection.rs", "url/mod.rs"];
    assert_eq!(named.map(|(file, _)| file).collect::<Vec<_>>(), expected);
}

/// A new version of such a crate must not break programs that embed ours. `From` of an error of diesel is left, because its
/// transactions ask for it.
#[test]
fn no_public_item_names_a_crate_that_is_not_re_exported() {
    let hidden = ["diesel::", "r2d2::", "roaring::", "getrandom::", "serde_json::", "chrono::", "sha2::"];
    let mut seen = 0;
    for (file, code) in ["audit-domain", "audit-store"].into_iter().flat_map(sources) {
        let mut items: Vec<&str> =
            code.lines().filter(|line| line.trim_start().starts_with("pub ") && line.ends_with(',')).collect();
        for (start, end) in [("pub fn ", "{\n"), ("pub enum ", "\n}")] {
            let of_item = |at: usize| code[at..].split(end).next().unwrap();
            items.extend(code.match_indices(start).map(|(at, _)| of_item(at)));
        }
        for item in items {
            assert!(hidden.iter().all(|name| !item.contains(name)), "{file}: {item}");
            seen += 1;
        }
    }
    assert!(seen > 400, "the items are not seen at all: {seen}");
}

/// The source files of a crate by their path in `src`, in order, without their unit tests.
fn sources(name: &str) -> BTreeMap<String, String> {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
    let (mut folders, mut files) = (vec![source.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                files.insert(path.strip_prefix(&source).unwrap().display().to_string(), code.to_owned());
            }
        }
    }
    files
}
