//! Lines of an input of any size: one line in memory at a time, and none longer than an event can
//! be.

use std::io::{self, BufRead};

use audit_http::store::domain::limits::{EVENT_BYTES_ADDED_MAX, EVENT_BYTES_MAX};

/// Bytes of the longest line: an event of the largest size, and the members that an export adds.
pub(crate) const LINE_BYTES_MAX: usize = EVENT_BYTES_MAX + EVENT_BYTES_ADDED_MAX;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Its text, without the blanks around it.
    Text(&'a str),
    /// The line is too long; the rest of it was skipped.
    TooLong,
    /// The line is not UTF-8, and so not JSON.
    NotUtf8,
    /// The input is UTF-16, according to its byte order mark. Nothing after it can be read either.
    Utf16,
}

/// The mark that some editors and shells write before a text. It is not a part of the first line.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The lines of a reader, counted from 1.
pub(crate) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
    bytes_max: usize,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Lines<R> {
        Lines::up_to(LINE_BYTES_MAX, input)
    }

    /// Reads lines of another size.
    pub(crate) fn up_to(bytes_max: usize, input: R) -> Lines<R> {
        Lines { input, buffer: Vec::new(), number: 0, bytes_max }
    }

    /// The number of the line that was read last, or that could not be read.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next line and its number; `None` after the last one.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        self.buffer.clear();
        self.number += 1;
        let mut too_long = false;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() && self.buffer.is_empty() && !too_long {
                return Ok(None);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            too_long |= self.buffer.len() + part.len() > self.bytes_max;
            if !too_long {
                self.buffer.extend_from_slice(part);
            }
            let (last, consumed) = (end.is_some() || chunk.is_empty(), part.len() + usize::from(end.is_some()));
            self.input.consume(consumed);
            if last {
                break;
            }
        }
        let is_first = self.number == 1;
        let line = match std::str::from_utf8(&self.buffer) {
            _ if is_first && matches!(self.buffer.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => Line::Utf16,
            _ if too_long => Line::TooLong,
            Ok(text) if is_first => Line::Text(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim()),
            Ok(text) => Line::Text(text.trim()),
            Err(_) => Line::NotUtf8,
        };
        Ok(Some((self.number, line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8], buffer: usize) -> Vec<(u64, String)> {
        let mut lines = Lines::new(io::BufReader::with_capacity(buffer, input));
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            all.push((number, format!("{line:?}")));
        }
        all
    }

    #[test]
    fn counts_every_line_and_cuts_the_blanks() {
        let wanted = [(1, "Text(\"a\")"), (2, "Text(\"\")"), (3, "Text(\"é\")"), (4, "NotUtf8"), (5, "Text(\"end\")")];
        for buffer in [1, 2, 64] {
            let lines = read(b"a\r\n\n \xc3\xa9 \n\xff\nend", buffer);
            assert_eq!(lines, wanted.map(|(number, line)| (number, line.to_owned())));
        }
        assert!(read(b"", 8).is_empty());
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_start_and_nowhere_else() {
        let lines = |input: &[u8]| read(input, 2).into_iter().map(|(_, line)| line).collect::<Vec<_>>();
        assert_eq!(lines(b"\xef\xbb\xbf{}\n\xef\xbb\xbfx"), [r#"Text("{}")"#, "Text(\"\\u{feff}x\")"]);
        assert_eq!(lines(b"\xff\xfe{\0\n\0"), ["Utf16", "Text(\"\\0\")"]);
        assert_eq!(lines(b"\xfe\xff\0{\0\n"), ["Utf16"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_without_being_kept() {
        let mut input = vec![b'x'; LINE_BYTES_MAX];
        input.extend_from_slice(b"\n");
        input.extend(vec![b'y'; 5 * LINE_BYTES_MAX]);
        input.extend_from_slice(b"\nz");
        let mut lines = Lines::new(io::BufReader::new(input.as_slice()));
        assert!(matches!(lines.next().unwrap(), Some((1, Line::Text(text))) if text.len() == LINE_BYTES_MAX));
        assert_eq!(lines.next().unwrap(), Some((2, Line::TooLong)));
        assert!(lines.buffer.capacity() < 4 * LINE_BYTES_MAX, "{}", lines.buffer.capacity());
        assert_eq!(lines.next().unwrap(), Some((3, Line::Text("z"))));
        assert_eq!(lines.next().unwrap(), None);
    }
}
