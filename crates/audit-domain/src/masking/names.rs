//! The names that count for one record: those of the policy, and those of its rules for the table.

use std::collections::HashSet;

use super::dictionary::{Dictionary, Noun, Secret};
use super::name::Name;

/// What the rules say about the names in one table, or in all.
#[derive(Debug, Clone, Default)]
pub(super) struct TableNames {
    mask: Dictionary,
    keep: HashSet<Vec<u8>>,
    /// Whether the id of an object is a secret of this table.
    pub(super) masks_object_id: bool,
}

impl TableNames {
    /// Adds a name that is masked.
    pub(super) fn mask(&mut self, name: &str) {
        self.mask.add(&spelled(name), Noun::Other, name);
    }

    /// Adds a name that is left.
    pub(super) fn keep(&mut self, name: &str) {
        self.keep.extend(Name::new(name.as_bytes()).joined());
    }

    /// Whether the rules mask names that the standard policy does not know.
    pub(super) fn masks_more(&self) -> bool {
        !self.mask.is_empty()
    }
}

/// The words of a listed name with one blank between them.
pub(super) fn spelled(name: &str) -> String {
    let name = Name::new(name.as_bytes());
    let words: Vec<_> = (0..name.words()).map(|at| String::from_utf8_lossy(name.word(at)).into_owned()).collect();
    words.join(" ")
}

/// The names for one record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'p> {
    pub(super) standard: &'p Dictionary,
    pub(super) all: &'p TableNames,
    pub(super) table: Option<&'p TableNames>,
}

impl Names<'_> {
    fn of_tables(&self) -> impl Iterator<Item = &TableNames> {
        self.table.into_iter().chain([self.all])
    }

    /// Finds the secret that a name in a text names.
    pub(super) fn secret(&self, name: &[u8]) -> Option<Secret> {
        self.secret_of(&Name::new(name))
    }

    /// Finds the secret that a name names.
    pub(super) fn secret_of(&self, name: &Name) -> Option<Secret> {
        let found = self.of_tables().find_map(|names| names.mask.find(name)).or_else(|| self.standard.find(name))?;
        (!self.keeps(name)).then_some(found)
    }

    /// The listed name that makes a name that of a secret, for an explanation.
    pub(super) fn entry(&self, name: &[u8]) -> Option<String> {
        let name = Name::new(name);
        let (entry, _) = self.of_tables().find_map(|names| names.mask.entry(&name)).or_else(|| self.standard.entry(&name))?;
        Some(entry.to_owned())
    }

    /// Whether the rules leave a name, whatever its value. The rules of the table come first.
    pub(super) fn keeps(&self, name: &Name) -> bool {
        let in_list =
            |names: &TableNames| !names.keep.is_empty() && name.joined().is_some_and(|joined| names.keep.contains(&joined));
        match self.table {
            Some(table) if in_list(table) => true,
            Some(table) if table.masks_more() && table.mask.find(name).is_some() => false,
            _ => in_list(self.all),
        }
    }

    /// Whether the table masks names that the standard policy does not know.
    pub(super) fn masks_more(&self) -> bool {
        self.table.is_some_and(TableNames::masks_more)
    }
}
