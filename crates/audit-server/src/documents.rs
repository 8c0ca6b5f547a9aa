//! Documents in the format of another system: a file is one document, or has one on each line.

use std::io::{self, BufRead, Cursor, Read};

use audit_http::store::domain::limits::REQUEST_BYTES_MAX;
use audit_http::store::domain::{Format, JsonText, convert};

use crate::lines::{BYTE_ORDER_MARK, Line, Lines};

/// Bytes of the largest document.
pub(crate) const DOCUMENT_BYTES_MAX: usize = REQUEST_BYTES_MAX;

/// The number of the line on which a document begins, and its native events or its fault.
pub(crate) type Converted = (u64, Result<Vec<JsonText>, String>);

/// Converts each document of an input, and hands it on until `take` has enough.
pub(crate) fn each_document<E: From<io::Error>>(
    format: Format,
    mut input: impl BufRead,
    mut take: impl FnMut(Converted) -> Result<bool, E>,
) -> Result<(), E> {
    let start = first_line(&mut input)?;
    if !is_document(&start) {
        // Not even the first line is a document, so the whole input is one, or nothing.
        let mut whole = start;
        input.by_ref().take((DOCUMENT_BYTES_MAX + 1 - whole.len().min(DOCUMENT_BYTES_MAX)) as u64).read_to_end(&mut whole)?;
        return take((1, converted(format, &whole))).map(|_| ());
    }
    let mut lines = Lines::up_to(DOCUMENT_BYTES_MAX, Cursor::new(start).chain(input));
    while let Some((number, line)) = lines.next()? {
        let outcome = match line {
            Line::Text("") => continue,
            Line::Text(text) => convert(format, text).map_err(|error| error.to_string()),
            Line::TooLong => Err(format!("has more than {DOCUMENT_BYTES_MAX} bytes")),
            Line::NotUtf8 => Err("is not UTF-8".to_owned()),
            Line::Utf16 => Err("is UTF-16, according to its byte order mark".to_owned()),
        };
        if !take((number, outcome))? {
            break;
        }
    }
    Ok(())
}

/// Reads the first line that is not empty, with the empty ones before it.
fn first_line(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    while start.trim_ascii().is_empty() && start.len() <= DOCUMENT_BYTES_MAX {
        let left = (DOCUMENT_BYTES_MAX + 1 - start.len()) as u64;
        if input.by_ref().take(left).read_until(b'\n', &mut start)? == 0 {
            break;
        }
    }
    Ok(start)
}

/// Whether a line is JSON, so that each line is a document.
fn is_document(line: &[u8]) -> bool {
    let text = std::str::from_utf8(line).unwrap_or_default();
    JsonText::parse(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim()).is_ok()
}

fn converted(format: Format, whole: &[u8]) -> Result<Vec<JsonText>, String> {
    if whole.len() > DOCUMENT_BYTES_MAX {
        return Err(format!("has more than {DOCUMENT_BYTES_MAX} bytes"));
    }
    let text = std::str::from_utf8(whole).map_err(|_| "is not UTF-8".to_owned())?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.trim().is_empty() { Ok(Vec::new()) } else { convert(format, text).map_err(|error| error.to_string()) }
}
