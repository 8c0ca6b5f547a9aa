//! Words of texts, and what a search knows of them.
//!
//! A search is for a part of a text, which may begin and end inside of words. What a character is, a part of a word, a word by itself or
//! neither, does not depend on its neighbours, so the words inside of a part are words of every text that has it; of the first and the
//! last one of the part, the text may have longer ones. Unicode's own segmentation looks at neighbours, and could not be asked for parts.

/// Bytes of a word. A longer one is not indexed, and the entry is marked: whatever it is searched for, it has to be looked at.
const BYTES_MAX: usize = 64;

/// Words of a search that are looked up. A text that has them is looked at, so others need not be.
const WORDS_MAX: usize = 8;

/// Bytes of a word that not every other text has.
const BYTES_OF_A_RARE_WORD: usize = 3;

/// The entries of a segment whose words are indexed. The numbers are stored: whatever is kept of a segment holds for no other one at its
/// place.
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

    /// Of several segments together.
    pub(super) fn together(self, other: Words) -> Words {
        if self == other { self } else { Words::Partial }
    }
}

/// What a character is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a word: a letter or a digit.
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
        // Signs of Latin-1, general punctuation, and that of ideographs.
        '\u{80}'..='\u{bf}' | '\u{d7}' | '\u{f7}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' => Class::Between,
        // By ranges and not by Unicode's tables, which grow: what is stored has to be what the next version looks for.
        _ => Class::Inside,
    }
}

/// The ranges of the words of a text.
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

/// Calls back for each word of a text, with small letters of ASCII; with nothing for one that is too long.
pub(super) fn each_word(text: &[u8], mut word: impl FnMut(&[u8])) {
    let text = text.to_ascii_lowercase();
    // A lone surrogate is not UTF-8, and ends a word.
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        ranges(valid, |start, end| word(if end - start <= BYTES_MAX { &valid.as_bytes()[start..end] } else { &[] }));
    }
}

/// What a search asks of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// An entry that matches has a word for each of these, or is marked; the longest come first.
    pub(super) words: Vec<Word>,
    /// Whether each entry that has them matches.
    pub(super) is_exact: bool,
}

/// A word of a search. With small letters of ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// The word.
    Is(Vec<u8>),
    /// One that begins so.
    StartsWith(Vec<u8>),
    /// One that ends so.
    EndsWith(Vec<u8>),
    /// One that has it anywhere.
    Has(Vec<u8>),
}

impl Search {
    /// What a search for a part asks; `None` for a part without a word.
    pub(super) fn parse(part: &str) -> Option<Search> {
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
        // Long words are rare ones.
        words.sort_by_key(|word| std::cmp::Reverse(word.text().len()));
        words.truncate(WORDS_MAX);
        Some(Search { words, is_exact })
    }
}

impl Search {
    /// The words that are worth a look. What ends in some way is looked for in all words of a segment: not where another word, which few
    /// texts have, leaves less to look at.
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

    /// Whether a word of a text is one.
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
    fn words_are_runs_of_letters_and_digits_and_ideographs_are_words_by_themselves() {
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
