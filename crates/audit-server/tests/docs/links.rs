//! Links between pages, and to places in them: each leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::page::root;

/// The pages that are read as files of the repository; the texts that the program shows link to its own addresses.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    let mut directories = ["docs", "examples", "migrations"].map(|name| root().join(name)).to_vec();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            // Symbolic links lead to what is read anyway.
            if entry.file_type().unwrap().is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") && !entry.file_type().unwrap().is_symlink() {
                pages.push(path);
            }
        }
    }
    pages
}

/// The lines that are no code.
fn prose(markdown: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    markdown.lines().filter(move |line| {
        let fence = line.starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

fn links(markdown: &str) -> Vec<String> {
    let behind = prose(markdown).flat_map(|line| line.split("](").skip(1));
    behind.filter_map(|text| text.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// What a link to a heading is called, as the well-known hosts of repositories make it.
fn anchors(markdown: &str) -> Vec<String> {
    let headings = prose(markdown).filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let is_kept = |character: &char| character.is_alphanumeric() || "-_ ".contains(*character);
    headings.map(|heading| heading.to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-")).collect()
}

fn dead(page: &Path, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() { page.to_owned() } else { page.parent().unwrap().join(path) };
    if anchor.is_empty() {
        return !file.exists();
    }
    !fs::read_to_string(file).is_ok_and(|markdown| anchors(&markdown).contains(&anchor.to_owned()))
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let (mut found, mut dead_ones) = (0, Vec::new());
    for page in pages() {
        for target in links(&fs::read_to_string(&page).unwrap()) {
            let elsewhere = target.contains("://");
            found += usize::from(!elsewhere);
            if !elsewhere && dead(&page, &target) {
                dead_ones.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(found > 50, "{found} links");
    assert!(dead_ones.is_empty(), "{dead_ones:#?}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = root().join("README.md");
    assert_eq!(links("[a](b.md) and [c](d#e)\n```\n[f](g)\n```\n"), ["b.md", "d#e"]);
    assert_eq!(anchors("# One, two\n```\n# no\n```\n## `x_y`: Z\n"), ["one-two", "x_y-z"]);
    assert!(!dead(&page, "docs/api.md#one-event") && !dead(&page, "docs/decisions/"));
    assert!(dead(&page, "docs/api.md#two-events") && dead(&page, "docs/nothing.md"));
}
