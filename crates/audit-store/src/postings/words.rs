//! The words of texts, and the lookup of a search by words.
//!
//! A search finds a part of a text, which may begin and end inside words. Whether a character
//! belongs to a word, is a word by itself or is neither does not depend on its neighbours. So the
//! inner words of a part are words of every text that contains the part. Only the first and the
//! last word of the part may be longer in the text. Unicode's own segmentation looks at neighbours,
//! so it does not work for parts.

/// The longest indexed word, in bytes. An entry with a longer word gets a mark, and every search
/// has to read it.
const BYTES_MAX: usize = 64;

/// Words of a search that are looked up. An entry that has them is read, so the other words need no
/// lookup.
const WORDS_MAX: usize = 8;

/// Bytes from which on a word is rare enough to be in few texts only.
const BYTES_OF_A_RARE_WORD: usize = 3;

/// The entries of a segment whose words are indexed. The database stores these numbers: cached
/// values of a segment are not valid for another segment at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Absent = 0,
    Partial = 1,
    Complete = 2,
}

impl Words {
    pub(super) fn from_number(number: i16) -> Option<Words> {
        [Words::Absent, Words::Partial, Words::Complete].into_iter().find(|words| *words as i16 == number)
    }

    /// The words of several segments together.
    pub(super) fn together(self, other: Words) -> Words {
        if self == other { self } else { Words::Partial }
    }
}

/// The class of a character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A part of a word: a letter or a digit.
    Inside,
    /// A word by itself, in scripts that put no blanks between words.
    Alone,
    /// Neither.
    Between,
}

fn class(character: char) -> Class {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Class::Inside,
        '\0'..='\x7f' => Class::Between,
        // Kana, and ideographs of the Basic Multilingual Plane and beyond.
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' => Class::Alone,
        '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Class::Alone,
        // Signs of Latin-1, general punctuation, and punctuation of ideographs.
        '\u{80}'..='\u{bf}' | '\u{d7}' | '\u{f7}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' => Class::Between,
        // This uses ranges and not Unicode's tables, which grow: the next version must look for the
        // words that are stored.
        _ => Class::Inside,
    }
}

/// Calls back with the ranges of the words of a text.
fn ranges(text: &str, mut word: impl FnMut(usize, usize)) {
    let mut start = None;
    for (at, character) in text.char_indices() {
        let class = class(character);
        if class != Class::Inside
            && let Some(start) = start.take()
        {
            word(start, at);
        }
        match class {
            Class::Inside => start = start.or(Some(at)),
            Class::Alone => word(at, at + character.len_utf8()),
            Class::Between => {}
        }
    }
    if let Some(start) = start {
        word(start, text.len());
    }
}

/// Calls back for each word of a text, with ASCII letters in lowercase. A word that is too long
/// gives an empty text.
pub(super) fn each_word(text: &[u8], mut word: impl FnMut(&[u8])) {
    let text = text.to_ascii_lowercase();
    // A lone surrogate is not UTF-8, and ends a word.
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        ranges(valid, |start, end| word(if end - start <= BYTES_MAX { &valid.as_bytes()[start..end] } else { &[] }));
    }
}

/// A search, in terms of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// A matching entry has a word for each of these, or a mark. The longest come first.
    pub(super) words: Vec<Word>,
    /// Whether every entry that has the words matches.
    pub(super) is_exact: bool,
}

/// A word of a search, with ASCII letters in lowercase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// The whole word.
    Is(Vec<u8>),
    /// A word that begins with this.
    StartsWith(Vec<u8>),
    /// A word that ends with this.
    EndsWith(Vec<u8>),
    /// A word that contains this.
    Has(Vec<u8>),
}

impl Search {
    /// Parses the searched part. Returns `None` for a part without a word.
    pub(crate) fn parse(part: &str) -> Option<Search> {
        let part = part.to_ascii_lowercase();
        let mut words = Vec::new();
        ranges(&part, |start, end| {
            let word = part.as_bytes()[start..end].to_vec();
            let is_alone = part[start..end].chars().next().is_some_and(|first| class(first) == Class::Alone);
            words.push(match (start == 0 && !is_alone, end == part.len() && !is_alone) {
                (false, false) => Word::Is(word),
                (false, true) => Word::StartsWith(word),
                (true, false) => Word::EndsWith(word),
                (true, true) => Word::Has(word),
            });
        });
        let is_exact = match words.as_slice() {
            [] => return None,
            [Word::Is(word) | Word::Has(word)] => word.len() == part.len(),
            _ => false,
        };
        // Long words are rare.
        words.sort_by_key(|word| std::cmp::Reverse(word.text().len()));
        words.truncate(WORDS_MAX);
        Some(Search { words, is_exact })
    }
}

impl Search {
    /// The words that are worth a lookup. A word ending has to be compared with all words of a
    /// segment. So it is skipped if another word of the search is rare and leaves few entries.
    pub(super) fn looked_up(&self) -> impl Iterator<Item = &Word> {
        let is_end = |word: &Word| matches!(word, Word::EndsWith(_));
        let is_enough = self.words.iter().any(|word| !is_end(word) && word.text().len() >= BYTES_OF_A_RARE_WORD);
        self.words.iter().filter(move |word| !(is_enough && is_end(word)))
    }
}

impl Word {
    fn text(&self) -> &[u8] {
        match self {
            Word::Is(text) | Word::StartsWith(text) | Word::EndsWith(text) | Word::Has(text) => text,
        }
    }

    /// Whether a word of a text fits this word.
    pub(super) fn is_met_by(&self, word: &[u8]) -> bool {
        match self {
            Word::Is(wanted) => word == wanted,
            Word::StartsWith(wanted) => word.starts_with(wanted),
            Word::EndsWith(wanted) => word.ends_with(wanted),
            Word::Has(wanted) => memchr::memmem::find(word, wanted).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &[u8]) -> Vec<String> {
        let mut words = Vec::new();
        each_word(text, |word| words.push(String::from_utf8(word.to_vec()).unwrap()));
        words
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_or_single_ideographs() {
        assert_eq!(words("It's 12_Naïve-É日本x".as_bytes()), ["it", "s", "12", "naïve", "É", "日", "本", "x"]);
        assert_eq!(words(b"a\xed\xa0\x80b"), ["a", "b"]);
        assert_eq!(words("é".repeat(33).as_bytes()), [""]);
        assert_eq!(words(&[b'a'; 64]).len(), 1);
    }

    #[test]
    fn a_part_asks_for_the_words_that_a_text_with_it_has() {
        let is = |word: &str| Word::Is(word.as_bytes().to_vec());
        let search = |part| Search::parse(part).unwrap();
        assert_eq!(search("Pay").words, [Word::Has(b"pay".to_vec())]);
        assert_eq!(search(" a-B c").words, [is("a"), is("b"), Word::StartsWith(b"c".to_vec())]);
        let long = "long word ".repeat(1_000) + "longest of all ";
        assert_eq!((search(&long).words[0].clone(), search(&long).words.len()), (is("longest"), WORDS_MAX));
        assert_eq!(search("a b").words[0], Word::EndsWith(b"a".to_vec()));
        assert_eq!(search("日本").words, [is("日"), is("本")]);
        assert!(search("pay").is_exact && search("日").is_exact);
        assert!(!search("pay ").is_exact && !search("a b").is_exact && !search("日本").is_exact);
        assert_eq!((Search::parse(""), Search::parse(" -_")), (None, None));
        let looked_up = |part| search(part).looked_up().cloned().collect::<Vec<_>>();
        assert_eq!(looked_up("ation failed"), [Word::StartsWith(b"failed".to_vec())]);
        assert_eq!(looked_up("ation f").len(), 2);
        assert_eq!(looked_up("ation "), [Word::EndsWith(b"ation".to_vec())]);
    }

    proptest! {
        #[test]
        fn what_has_the_part_has_its_words_and_what_is_exact_is_exact(
            text in "[aAbé日 _-]{0,9}", part in "[aAbé日 _-]{0,4}",
        ) {
            let Some(search) = Search::parse(&part) else { return Ok(()) };
            let words = words(text.as_bytes());
            let has_words = search.words.iter().all(|wanted| words.iter().any(|word| wanted.is_met_by(word.as_bytes())));
            let has_part = text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
            prop_assert!(has_words || !has_part);
            prop_assert!(!search.is_exact || has_words == has_part);
        }
    }
}
