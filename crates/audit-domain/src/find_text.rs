//! Looking for a part of a text.

/// Whether a text has a part, of which the ASCII letters are small: they are found in either case, all other characters as they are.
pub(crate) fn has_part(text: &[u8], part: &[u8]) -> bool {
    // Both are WTF-8, where a whole text can only start where a character starts.
    part.is_empty() || memchr::memmem::find(&text.to_ascii_lowercase(), part).is_some()
}
