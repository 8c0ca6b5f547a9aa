//! Circles between the modules of a crate: the files and folders directly below `src` use each other in one direction only, so that
//! each can be read after those that it uses.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the repository can only fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

const CRATES: [&str; 4] = ["audit-domain", "audit-store", "audit-http", "audit-server"];

/// The modules of a crate, each with those that it uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Collects the first names after `crate::` in code that is not for tests.
struct Collector(BTreeSet<String>);

impl Collector {
    fn tree(&mut self, tree: &syn::UseTree, is_after_crate: bool) {
        match tree {
            syn::UseTree::Path(path) if is_after_crate => drop(self.0.insert(path.ident.to_string())),
            syn::UseTree::Path(path) => self.tree(&path.tree, path.ident == "crate"),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, is_after_crate)),
            syn::UseTree::Name(name) if is_after_crate => drop(self.0.insert(name.ident.to_string())),
            syn::UseTree::Rename(name) if is_after_crate => drop(self.0.insert(name.ident.to_string())),
            _ => {}
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

impl<'a> Visit<'a> for Collector {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'a syn::ItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.tree(&item.tree, false);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let mut segments = path.segments.iter();
        if segments.next().is_some_and(|first| first.ident == "crate")
            && let Some(name) = segments.next()
        {
            self.0.insert(name.ident.to_string());
        }
        visit::visit_path(self, path);
    }
}

/// The names after `crate::` in a file.
fn names(file: &Path) -> BTreeSet<String> {
    let mut collector = Collector(BTreeSet::new());
    collector.visit_file(&syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap());
    collector.0
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests" && !name.ends_with("_tests") {
            found.push(path);
        }
    }
    found
}

/// The items that `lib.rs` names again (`pub use event::Event`), each with its module.
fn reexports(lib: &Path) -> BTreeMap<String, String> {
    fn leaves(tree: &syn::UseTree, module: &str, into: &mut BTreeMap<String, String>) {
        match tree {
            syn::UseTree::Path(path) => leaves(&path.tree, module, into),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| leaves(item, module, into)),
            syn::UseTree::Name(name) => drop(into.insert(name.ident.to_string(), module.to_owned())),
            syn::UseTree::Rename(name) => drop(into.insert(name.rename.to_string(), module.to_owned())),
            syn::UseTree::Glob(_) => {}
        }
    }
    let Ok(text) = fs::read_to_string(lib) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    for item in syn::parse_file(&text).unwrap().items {
        if let syn::Item::Use(item) = item
            && let syn::UseTree::Path(path) = &item.tree
        {
            leaves(&path.tree, &path.ident.to_string(), &mut found);
        }
    }
    found
}

fn uses(source: &Path) -> Uses {
    let reexports = reexports(&source.join("lib.rs"));
    let mut uses = Uses::new();
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let files = if path.is_dir() { files(&path) } else { vec![path] };
        let names = files.iter().flat_map(|file| names(file)).map(|name| reexports.get(&name).cloned().unwrap_or(name));
        uses.entry(module).or_default().extend(names);
    }
    for (module, used) in &mut uses {
        used.remove(module);
    }
    uses
}

/// What can be reached from a module.
fn reachable<'a>(uses: &'a Uses, from: &str) -> BTreeSet<&'a str> {
    let (mut reached, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(module) = left.pop() {
        for used in uses.get(module).into_iter().flatten() {
            if reached.insert(used.as_str()) {
                left.push(used);
            }
        }
    }
    reached
}

/// The groups of modules of which each can be reached from each.
fn circles(uses: &Uses) -> BTreeSet<Vec<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = uses.keys().map(|module| (module.as_str(), reachable(uses, module))).collect();
    let circle_of = |module: &str| {
        let both = |other: &&str| reached[module].contains(*other) && reached[*other].contains(module);
        reached.keys().copied().filter(both).collect::<Vec<&str>>()
    };
    reached.keys().map(|module| circle_of(module)).filter(|circle| !circle.is_empty()).collect()
}

#[test]
fn modules_use_each_other_in_one_direction() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for name in CRATES {
        let uses = uses(&crates.join(name).join("src"));
        assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 5, "{name}: {uses:?}");
        assert_eq!(circles(&uses), BTreeSet::new(), "circles between modules of {name}");
    }
}

#[test]
fn a_circle_is_found_through_other_modules() {
    let uses = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")].map(|(a, b)| (a.to_owned(), [b.to_owned()].into()));
    assert_eq!(circles(&uses.into()), [vec!["a", "b", "c"]].into());
}
