//! The words of the documentation and of comments: phrases that stay out of them, names that the glossary promises, modules that the
//! map has.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the repository can only fail")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 4] = ["audit-domain", "audit-store", "audit-http", "audit-server"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files below a directory with an extension, by path.
fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines of a page without code and quotations: what it quotes is the program's, or a client's.
fn prose(page: &str) -> Vec<String> {
    let mut in_block = false;
    let line = |line: &str| {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            return String::new();
        }
        if in_block {
            return String::new();
        }
        let without = |mark: char, text: &str| text.split(mark).step_by(2).collect::<Vec<_>>().join(" ");
        without('"', &without('`', line))
    };
    page.lines().map(line).collect()
}

/// Phrases that a reader of the field stumbles over, and what to write instead.
const PHRASES: [(&str, &str); 11] = [
    ("anew", "again"),
    ("at hand", "this, or the current"),
    ("by comma", "comma-separated"),
    ("by hand", "manually"),
    ("come back in", "retry after"),
    ("door", "published API"),
    ("doors", "published APIs"),
    ("for good", "permanently"),
    ("or else", "otherwise"),
    ("who is told", "the client gets"),
    ("whoever", "a noun"),
];

/// Where a text has a phrase as words of their own, over the ends of lines.
fn places(text: &str, phrase: &str) -> Vec<usize> {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let is_alone = |at: usize| !is_letter(text[..at].chars().next_back()) && !is_letter(text[at + phrase.len()..].chars().next());
    text.match_indices(phrase).map(|(at, _)| at).filter(|at| is_alone(*at)).collect()
}

/// The files of code and of tests.
fn code(root: &Path) -> Vec<PathBuf> {
    let mut code = files(&root.join("crates"), "rs");
    code.extend(files(&root.join("examples"), "rs"));
    // Several folders of tests are links to one folder.
    code.retain(|path| !path.ancestors().any(|folder| folder.is_symlink()) && !path.ends_with("tests/words.rs"));
    code
}

fn comment(line: &str) -> Option<&str> {
    Some(line.trim_start().strip_prefix("//")?.trim_start_matches(['/', '!']).trim())
}

#[test]
fn test_names_have_at_most_60_characters() {
    let mut tests = 0;
    for path in code(&repository()) {
        let code = fs::read_to_string(&path).unwrap();
        // The name follows the attributes of the test. Those of `proptest!` are in a macro.
        for test in code.split("test]\n").skip(1) {
            let Some((_, rest)) = test.split_once("fn ") else { continue };
            let Some((name, _)) = rest.split_once(['(', '<']) else { continue };
            assert!(name.len() <= 60, "{}: `{name}` has {} characters", path.display(), name.len());
            tests += 1;
        }
    }
    assert!(tests > 500, "only {tests} tests were found");
}

#[test]
fn pages_and_comments_have_none_of_the_phrases() {
    let root = repository();
    let mut pages = files(&root.join("docs"), "md");
    pages.extend(["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "migrations/README.md"].map(|name| root.join(name)));
    pages.extend(CRATES.map(|name| root.join("crates").join(name).join("README.md")));
    // It lists the words that are not used.
    pages.retain(|page| !page.ends_with("glossary.md"));
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    for page in pages {
        let prose = prose(&fs::read_to_string(&page).unwrap());
        // Where a line ends is a blank, and what begins it is not part of a phrase.
        let lines: Vec<&str> = prose.iter().map(|line| line.trim()).collect();
        texts.push((page, lines.join(" ").to_lowercase()));
    }
    // Its texts are in the program.
    let document = root.join("docs/openapi.json");
    texts.push((document.clone(), fs::read_to_string(document).unwrap().to_lowercase()));
    for path in code(&root) {
        let code = fs::read_to_string(&path).unwrap();
        // A comment is prose, and goes on in the next line.
        let comments = prose(&code.lines().filter_map(comment).collect::<Vec<_>>().join("\n"));
        texts.push((path, comments.join(" ").to_lowercase()));
    }
    let mut found = Vec::new();
    for (page, text) in &texts {
        for (phrase, better) in PHRASES {
            let around = |at: usize| text[..at].chars().rev().take(30).collect::<Vec<_>>().into_iter().rev().collect::<String>();
            let each = places(text, phrase).into_iter();
            found.extend(each.map(|at| format!("{}: `{}{phrase}`: write {better}", page.display(), around(at))));
        }
    }
    assert!(texts.len() > 50 && found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn names_of_the_glossary_are_in_the_code() {
    let root = repository();
    let mut words = HashSet::new();
    for path in files(&root.join("crates"), "rs").iter().chain(&files(&root.join("migrations"), "sql")) {
        let code = fs::read_to_string(path).unwrap();
        words.extend(code.split(|c: char| !(c.is_alphanumeric() || c == '_')).map(str::to_owned));
    }
    let glossary = fs::read_to_string(root.join("docs/glossary.md")).unwrap();
    // Term, meaning, names, other words.
    let rows = glossary.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('|').nth(3));
    let names: Vec<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let is_missing = |name: &&&str| name.split([':', '.']).any(|part| !part.is_empty() && !words.contains(part));
    let missing: Vec<&&str> = names.iter().filter(is_missing).collect();
    assert!(names.len() > 80 && missing.is_empty(), "not in the code: {missing:?} of {}", names.len());
}

#[test]
fn modules_are_in_the_map() {
    let root = repository();
    let map = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut missing = Vec::new();
    for name in CRATES {
        for entry in fs::read_dir(root.join("crates").join(name).join("src")).unwrap() {
            let module = entry.unwrap().file_name().into_string().unwrap();
            let module = module.trim_end_matches(".rs").to_owned();
            let is_said =
                [format!("`{module}`"), format!("`{module}/`"), format!("`{module}.rs`")].iter().any(|said| map.contains(said));
            if !is_said && !["lib", "main"].contains(&module.as_str()) && !module.ends_with("_tests") {
                missing.push(format!("{name}: {module}"));
            }
        }
    }
    assert!(missing.is_empty(), "not in docs/architecture.md: {missing:?}");
}
