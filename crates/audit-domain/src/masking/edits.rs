//! What is replaced in the text of a member, and how the result is written.

/// The text in place of a secret.
pub(super) const MASK: &str = "[masked]";

/// One replacement: a range of the member's text, and how many JSON strings are around a value that
/// needs quotes of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) quotes: Option<u8>,
}

/// The replacements of one member.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<Edit>);

impl Edits {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Where the last replacement starts.
    pub(super) fn last_from(&self) -> usize {
        self.0.last().map_or(0, |edit| edit.from)
    }

    /// Replaces a part of a string.
    pub(super) fn push(&mut self, from: usize, to: usize) {
        self.0.push(Edit { from, to, quotes: None });
    }

    /// Replaces a value that is not a string, inside this many strings.
    pub(super) fn push_value(&mut self, from: usize, to: usize, strings: u8) {
        self.0.push(Edit { from, to, quotes: Some(strings) });
    }

    /// Puts the replacements in order, and joins those that overlap.
    pub(super) fn arrange(&mut self) {
        self.0.sort_by_key(|edit| (edit.from, std::cmp::Reverse(edit.to)));
        let mut joined: Vec<Edit> = Vec::with_capacity(self.0.len());
        for edit in self.0.drain(..) {
            match joined.last_mut() {
                Some(last) if edit.from < last.to => last.to = last.to.max(edit.to),
                _ => joined.push(edit),
            }
        }
        self.0 = joined;
    }

    /// The bytes by which the text grows.
    pub(super) fn growth(&self) -> usize {
        self.0.iter().map(|edit| (MASK.len() + 2).saturating_sub(edit.to - edit.from)).sum()
    }

    /// Writes the text with its replacements, which [`Edits::arrange`] has put in order. Returns
    /// `None` if one is not inside the text or parts a character: nothing of the text may be lost.
    pub(super) fn apply(&self, text: &str) -> Option<String> {
        let (mut out, mut at) = (String::with_capacity(text.len() + self.growth()), 0);
        for edit in &self.0 {
            out.push_str(text.get(at..edit.from)?);
            let quote = edit.quotes.map(quote).unwrap_or_default();
            out.push_str(&quote);
            out.push_str(MASK);
            out.push_str(&quote);
            at = edit.to;
        }
        out.push_str(text.get(at..)?);
        Some(out)
    }
}

/// A quotation mark, as it is written inside this many strings.
fn quote(strings: u8) -> String {
    let mut quote = "\\".repeat((1 << strings) - 1);
    quote.push('"');
    quote
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_are_joined_and_written_in_order() {
        let mut edits = Edits::default();
        edits.push(6, 9);
        edits.push(0, 2);
        edits.push(1, 4);
        edits.push_value(9, 10, 1);
        edits.arrange();
        let applied = edits.apply("abcdefghijk").unwrap();
        assert_eq!(applied, r#"[masked]ef[masked]\"[masked]\"k"#);
        assert_eq!(quote(2), r#"\\\""#);
        assert!(edits.growth() >= applied.len() - 11);
        assert_eq!((edits.apply("abcdefgh"), edits.apply("abcdeéhijkl")), (None, None), "nothing is lost");
    }
}
