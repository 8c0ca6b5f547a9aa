//! The words of a name, such as the key of a member: `userApiKey`, `user_api_key` and
//! `User-Api-Key` have the same three.

/// Bytes of a name that count. Of a longer one, the last bytes count, because the noun of a name is
/// at its end.
const NAME_BYTES_MAX: usize = 96;

/// What may be between the two words of a name such as `api key`, at most three times.
pub(super) const SEPARATORS: &[u8] = b" ._-";
const SEPARATORS_MAX: usize = 3;

/// A name in lower case. One blank is in place of each separator; words that only a change of case
/// or a digit parts have nothing between them.
pub(super) struct Name {
    text: [u8; 2 * NAME_BYTES_MAX],
    len: usize,
    starts: [u8; NAME_BYTES_MAX],
    words: usize,
    is_whole: bool,
}

impl Name {
    /// Splits a decoded name. Bytes outside ASCII count as letters.
    pub(super) fn new(name: &[u8]) -> Name {
        let cut = name.len().saturating_sub(NAME_BYTES_MAX);
        let mut split = Name { text: [0; 2 * NAME_BYTES_MAX], len: 0, starts: [0; NAME_BYTES_MAX], words: 0, is_whole: cut == 0 };
        let (name, mut separators) = (&name[cut..], 0);
        for (at, byte) in name.iter().enumerate() {
            if !is_word(*byte) {
                separators += if SEPARATORS.contains(byte) { 1 } else { SEPARATORS_MAX + 1 };
                continue;
            }
            if at == 0 || separators > 0 {
                split.part(separators);
                split.start();
            } else if splits(name, at) {
                split.start();
            }
            separators = 0;
            split.text[split.len] = byte.to_ascii_lowercase();
            split.len += 1;
        }
        split
    }

    /// Adds the blank between two words, or two blanks, with which no rule finds the two together.
    fn part(&mut self, separators: usize) {
        if self.words > 0 {
            let blanks = if separators > SEPARATORS_MAX { 2 } else { 1 };
            self.text[self.len..self.len + blanks].fill(b' ');
            self.len += blanks;
        }
    }

    fn start(&mut self) {
        // A start is below twice the limit, and fits a byte.
        self.starts[self.words] = u8::try_from(self.len).unwrap_or(u8::MAX);
        self.words += 1;
    }

    /// The number of words.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// The words from one index to another, exclusive, with the blanks between them.
    pub(super) fn range(&self, from: usize, to: usize) -> &[u8] {
        let end = if to < self.words { usize::from(self.starts[to]) } else { self.len };
        self.text[usize::from(self.starts[from])..end].trim_ascii_end()
    }

    /// One word.
    pub(super) fn word(&self, at: usize) -> &[u8] {
        self.range(at, at + 1)
    }

    /// The letters and digits of the whole name, for comparison with a listed name. Returns `None`
    /// for a name that is too long to be listed.
    pub(super) fn joined(&self) -> Option<Vec<u8>> {
        self.is_whole.then(|| self.text[..self.len].iter().copied().filter(|byte| *byte != b' ').collect())
    }
}

/// Whether a byte is part of a word.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Whether a word starts at a letter or digit that follows another: `api|Key`, `API|Key`, `oauth|2`.
fn splits(name: &[u8], at: usize) -> bool {
    let (before, byte) = (name[at - 1], name[at]);
    if before.is_ascii_digit() != byte.is_ascii_digit() {
        return true;
    }
    if !byte.is_ascii_uppercase() {
        return false;
    }
    if !before.is_ascii_uppercase() {
        return true;
    }
    // The last capital of a run starts a word, unless an `s` alone follows: `APIKey`, but `APIs`.
    let after = |distance: usize| name.get(at + distance).copied().unwrap_or(b' ');
    let is_plural = after(1) == b's' && !after(2).is_ascii_lowercase();
    after(1).is_ascii_lowercase() && !is_plural
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str) -> Vec<String> {
        let name = Name::new(name.as_bytes());
        (0..name.words()).map(|at| String::from_utf8_lossy(name.word(at)).into_owned()).collect()
    }

    #[test]
    fn a_name_has_the_same_words_in_every_style() {
        for name in ["userApiKey", "user_api_key", "User-Api-Key", "USER_API_KEY", "UserAPIKey", " user.api key "] {
            assert_eq!(words(name), ["user", "api", "key"], "{name}");
        }
        assert_eq!(words("ProcessName"), ["process", "name"]);
        assert_eq!(words("X-CSRFToken"), ["x", "csrf", "token"]);
        assert_eq!(words("JWTs"), ["jwts"]);
        assert_eq!(words("oauth2Token1"), ["oauth", "2", "token", "1"]);
        assert_eq!(words("été_token"), ["été", "token"]);
        assert_eq!(words("--"), [""; 0]);
    }

    #[test]
    fn only_the_end_of_a_long_name_counts() {
        let long = format!("{}_password", "x".repeat(10_000));
        let name = Name::new(long.as_bytes());
        assert_eq!((name.word(name.words() - 1), name.joined()), (&b"password"[..], None));
        let odd = Name::new("aB-".repeat(5_000).as_bytes());
        assert!(odd.words() > 50);
        assert_eq!(odd.range(0, odd.words()).len(), odd.len);
    }

    #[test]
    fn a_range_keeps_where_separators_were() {
        let spaced = Name::new(b"my_apiKey-now");
        assert_eq!(spaced.range(1, 3), b"apikey");
        assert_eq!(spaced.range(0, 2), b"my api");
        assert_eq!(spaced.joined().as_deref(), Some(&b"myapikeynow"[..]));
    }
}
