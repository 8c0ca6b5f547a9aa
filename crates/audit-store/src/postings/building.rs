//! Builds a segment from entries, one after the other.

use std::collections::HashMap;

use super::block::Blocks;
use super::segment::Segment;
use super::term::{Dimension, Term};
use super::tiers;
use super::times::Point;
use super::words::{Words, each_word};

/// Different words, or names of changed fields, of an entry that are indexed. An entry with more
/// gets a mark, like an entry with a word that is too long.
const WORDS_MAX: usize = 1_000;

/// The same limit for the entries of a smallest segment. Entries of a log repeat each other: 64
/// real ones have 560 different words, and at most 1,200. Without the limit, a client whose entries
/// do not repeat each other would decide how much memory indexing and merging take: 600 bytes for
/// each word. The groups follow from positions, so a rebuilt index is the same.
const WORDS_OF_A_GROUP_MAX: usize = 4_096;
const GROUP: i64 = tiers::TIERS[0];

impl Had {
    /// Decides by the entries that have the term so far. They are numbered from the position
    /// `first`.
    fn by(entries: &[u16], first: i64, entry: u16) -> Had {
        let group = |entry: u16| (first + i64::from(entry)) / GROUP;
        match entries.last() {
            Some(last) if *last == entry => Had::TheEntryItself,
            Some(last) if group(*last) == group(entry) => Had::ItsGroup,
            _ => Had::NoneOfThem,
        }
    }
}

/// Entries with neighbouring positions. Terms refer to an entry by its number, so a thousand words
/// of an entry take two thousand bytes.
#[derive(Debug)]
pub(crate) struct Building {
    first: i64,
    has_words: bool,
    points: Vec<Point>,
    /// The entries of each term, in order of arrival.
    terms: HashMap<Vec<u8>, Vec<u16>>,
    words: Counted,
    changed: Counted,
    term: Vec<u8>,
}

/// The number of different words that are indexed so far.
#[derive(Debug, Default)]
struct Counted {
    of_entry: usize,
    of_group: usize,
}

/// The last entry that had a term before: the current entry, another one of its group, or neither.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Had {
    TheEntryItself,
    ItsGroup,
    NoneOfThem,
}

impl Building {
    /// Starts at a position. Without words, each entry gets a mark, and a search has to look at it.
    pub(crate) fn new(first: i64, has_words: bool) -> Building {
        let (words, changed) = (Counted::default(), Counted::default());
        Building { first, has_words, points: Vec::new(), terms: HashMap::new(), words, changed, term: Vec::new() }
    }

    /// Begins the next entry, which must have the next position.
    pub(crate) fn begin(&mut self, point: Point) {
        debug_assert_eq!(point.position, self.first + self.points.len() as i64);
        debug_assert!((self.points.len() as i64) < tiers::LARGEST);
        self.points.push(point);
        let begins_group = point.position % GROUP == 0;
        for counted in [&mut self.words, &mut self.changed] {
            *counted = Counted { of_entry: 0, of_group: if begins_group { 0 } else { counted.of_group } };
        }
        if !self.has_words {
            self.put(&[Dimension::Word as u8]);
        }
    }

    /// Adds a term of the entry.
    pub(crate) fn add(&mut self, term: &Term) {
        self.put(term.bytes());
    }

    /// Adds the name of a changed field. If an entry has very many, not all names are indexed, and
    /// the entry gets a mark.
    pub(crate) fn add_changed(&mut self, name: &str) {
        let mut counted = std::mem::take(&mut self.changed);
        self.put_counted(&mut counted, Term::text(Dimension::Changed, name).bytes(), &[Dimension::Changed as u8]);
        self.changed = counted;
    }

    /// Adds the words of a text of the entry.
    pub(crate) fn add_words(&mut self, text: &[u8]) {
        if !self.has_words {
            return;
        }
        let (mut term, mut counted) = (std::mem::take(&mut self.term), std::mem::take(&mut self.words));
        each_word(text, |word| {
            term.clear();
            term.push(Dimension::Word as u8);
            term.extend_from_slice(word);
            self.put_counted(&mut counted, &term, &[Dimension::Word as u8]);
        });
        (self.term, self.words) = (term, counted);
    }

    /// Adds a term of a kind that an entry may have very many of, or the mark if there are too
    /// many.
    fn put_counted(&mut self, counted: &mut Counted, term: &[u8], mark: &[u8]) {
        let is_full = counted.of_group >= WORDS_OF_A_GROUP_MAX && self.who_has(term) == Had::NoneOfThem;
        let had = self.put(if is_full || counted.of_entry >= WORDS_MAX { mark } else { term });
        counted.of_entry += usize::from(had != Had::TheEntryItself);
        counted.of_group += usize::from(had == Had::NoneOfThem);
    }

    fn who_has(&self, term: &[u8]) -> Had {
        let entry = (self.points.len() - 1) as u16;
        self.terms.get(term).map_or(Had::NoneOfThem, |entries| Had::by(entries, self.first, entry))
    }

    fn put(&mut self, term: &[u8]) -> Had {
        let entry = (self.points.len() - 1) as u16;
        let Some(entries) = self.terms.get_mut(term) else {
            self.terms.insert(term.to_vec(), vec![entry]);
            return Had::NoneOfThem;
        };
        let had = Had::by(entries, self.first, entry);
        if had != Had::TheEntryItself {
            entries.push(entry);
        }
        had
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

    /// The words of a segment, and the number of entries that have each.
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
        built_from(0, texts, has_words)
    }

    fn built_from(first: usize, texts: &[&str], has_words: bool) -> Segment {
        let mut building = Building::new(first as i64, has_words);
        for (at, text) in texts.iter().enumerate() {
            building.begin(Point { time: 0, position: (first + at) as i64 });
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
    fn entries_without_repetition_have_at_most_four_thousand_words() {
        let text = |entry: usize| (0..100).map(|number| format!("{entry:03}x{number:02} common ")).collect::<String>();
        let texts: Vec<String> = (0..2 * GROUP as usize).map(text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let both = built(&texts, true);
        let found: HashMap<String, usize> = words(&both).into_iter().collect();
        assert_eq!(found.len(), 2 * WORDS_OF_A_GROUP_MAX - 2 + 1, "`common` and `b` are words of each group; and the mark");
        // The first forty entries have all their words. The others have the words that these have.
        assert_eq!((found[""], found["common"], found["b"]), (2 * (64 - 40), 128, 128));
        let halves = texts.chunks(64).enumerate().map(|(number, texts)| built_from(number * 64, texts, true));
        assert_eq!(Segment::merge(&halves.collect::<Vec<_>>()).unwrap(), both);
    }

    #[test]
    fn an_entry_has_a_thousand_changed_fields_at_most() {
        let mut building = Building::new(0, true);
        building.begin(Point { time: 0, position: 0 });
        (0..2 * WORDS_MAX).for_each(|number| building.add_changed(&format!("{number:05}")));
        let changed = words(&building.finish());
        assert_eq!((changed.len(), &*changed[0].0, &*changed[WORDS_MAX].0), (WORDS_MAX + 1, "", "00999"));
    }
}
