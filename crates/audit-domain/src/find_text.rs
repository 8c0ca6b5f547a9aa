//! Finds a part of a text.

/// Whether a text contains a part. The ASCII letters of the part must be lowercase. They match in
/// either case; all other characters match exactly.
pub(crate) fn has_part(text: &[u8], part: &[u8]) -> bool {
    // Both are WTF-8, where the first byte of a text can only match at the start of a character.
    part.is_empty() || memchr::memmem::find(&text.to_ascii_lowercase(), part).is_some()
}
