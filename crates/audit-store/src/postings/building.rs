//! A segment that is built of entries, one after the other.

use std::collections::HashMap;

use super::block::Blocks;
use super::segment::Segment;
use super::term::{Dimension, Term};
use super::tiers;
use super::times::Point;
use super::words::{Words, each_word};

/// Different words of an entry that are indexed. One with more is marked, as one with a word that is too long.
const WORDS_MAX: usize = 1_000;

/// Names of changed fields of an entry that are indexed.
const CHANGED_MAX: usize = 1_000;

/// Entries with neighbouring positions. What is kept of each is its number, so that a thousand words of an entry are two thousand bytes.
#[derive(Debug)]
pub(crate) struct Building {
    first: i64,
    has_words: bool,
    points: Vec<Point>,
    /// By their order of arrival.
    terms: HashMap<Vec<u8>, Vec<u16>>,
    /// Of the last entry.
    words: usize,
    changed: usize,
    term: Vec<u8>,
}

impl Building {
    /// From a position on. Without words, each entry is marked: a search has to look at it.
    pub(crate) fn new(first: i64, has_words: bool) -> Building {
        Building { first, has_words, points: Vec::new(), terms: HashMap::new(), words: 0, changed: 0, term: Vec::new() }
    }

    /// Begins the next entry.
    pub(crate) fn begin(&mut self, point: Point) {
        debug_assert!((self.points.len() as i64) < tiers::LARGEST);
        self.points.push(point);
        (self.words, self.changed) = (0, 0);
        if !self.has_words {
            self.put(&[Dimension::Word as u8]);
        }
    }

    /// The entry has a term.
    pub(crate) fn add(&mut self, term: &Term) {
        self.put(term.bytes());
    }

    /// The entry says that a field was changed. Of one with very many, not all names are indexed, and it is marked.
    pub(crate) fn add_changed(&mut self, name: &str) {
        let is_marked = self.changed >= CHANGED_MAX;
        self.put(Term::text(Dimension::Changed, if is_marked { "" } else { name }).bytes());
        self.changed += 1;
    }

    /// The entry has a text.
    pub(crate) fn add_words(&mut self, text: &[u8]) {
        if !self.has_words {
            return;
        }
        let mut term = std::mem::take(&mut self.term);
        each_word(text, |word| {
            term.clear();
            term.push(Dimension::Word as u8);
            if self.words < WORDS_MAX {
                term.extend_from_slice(word);
            }
            self.words += usize::from(self.put(&term));
        });
        self.term = term;
    }

    /// Whether the entry did not have it before.
    fn put(&mut self, term: &[u8]) -> bool {
        let entry = (self.points.len() - 1) as u16;
        match self.terms.get_mut(term) {
            Some(entries) if entries.last() == Some(&entry) => return false,
            Some(entries) => entries.push(entry),
            None => drop(self.terms.insert(term.to_vec(), vec![entry])),
        }
        true
    }

    pub(crate) fn finish(self) -> Segment {
        let mut order: Vec<u16> = (0..self.points.len() as u16).collect();
        order.sort_unstable_by_key(|entry| self.points[usize::from(*entry)]);
        let mut ranks = vec![0; order.len()];
        for (rank, entry) in order.iter().enumerate() {
            ranks[usize::from(*entry)] = rank as u16;
        }
        let mut terms: Vec<(Vec<u8>, Vec<u16>)> = self.terms.into_iter().collect();
        terms.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut blocks = Blocks::default();
        for (term, mut entries) in terms {
            entries.iter_mut().for_each(|entry| *entry = ranks[usize::from(*entry)]);
            entries.sort_unstable();
            blocks.push(&term, &entries);
        }
        let points = order.iter().map(|entry| self.points[usize::from(*entry)]).collect();
        let words = if self.has_words { Words::Complete } else { Words::Absent };
        Segment { first: self.first, points, blocks: blocks.into_blocks(), words }
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::Terms;
    use super::*;

    /// The words of a segment, and how many entries have each.
    fn words(segment: &Segment) -> Vec<(String, usize)> {
        let mut words = Vec::new();
        for block in &segment.blocks {
            let mut terms = Terms::new(&block.bytes);
            while !terms.is_at_end() {
                let (term, ranks) = terms.next().unwrap();
                words.push((String::from_utf8(term[1..].to_vec()).unwrap(), ranks.len()));
            }
        }
        words
    }

    fn built(texts: &[&str], has_words: bool) -> Segment {
        let mut building = Building::new(0, has_words);
        for (at, text) in texts.iter().enumerate() {
            building.begin(Point { time: 0, position: at as i64 });
            building.add_words(text.as_bytes());
            building.add_words(b"b");
        }
        building.finish()
    }

    #[test]
    fn an_entry_has_a_word_once_and_a_thousand_at_most() {
        let word = |word: &str, entries| (word.to_owned(), entries);
        assert_eq!(words(&built(&["a b a", "b"], true)), [word("a", 1), word("b", 2)]);
        let many: String = (0..2 * WORDS_MAX).map(|number| format!("{number:05} ")).collect();
        let many = words(&built(&[&many, "b", &"x".repeat(65)], true));
        assert_eq!(many.len(), WORDS_MAX + 2);
        assert_eq!((many[0].clone(), many[WORDS_MAX + 1].clone()), (word("", 2), word("b", 2)), "what is cut off is marked");
        assert_eq!(words(&built(&["a", "b"], false)), [word("", 2)]);
    }

    #[test]
    fn an_entry_has_a_thousand_changed_fields_at_most() {
        let mut building = Building::new(0, true);
        building.begin(Point { time: 0, position: 0 });
        (0..2 * CHANGED_MAX).for_each(|number| building.add_changed(&format!("{number:05}")));
        let changed = words(&building.finish());
        assert_eq!((changed.len(), &*changed[0].0, &*changed[CHANGED_MAX].0), (CHANGED_MAX + 1, "", "00999"));
    }
}
