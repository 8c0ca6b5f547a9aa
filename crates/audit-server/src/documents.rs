//! Documents in the format of another system: a file is one document, or has one on each line.

use std::io::{self, BufRead, Cursor, Read};

use audit_http::store::domain::limits::REQUEST_BYTES_MAX;
use audit_http::store::domain::{ConvertError, ConvertFault, Format, JsonText, convert};

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
    let mut start = Vec::new();
    input.by_ref().take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut start)?;
    if let Some(outcome) = whole(format, &start) {
        return take((1, outcome.map_err(|error| error.to_string()))).map(|_| ());
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

/// Converts the whole input as one document. Returns `None` if it is not one: if it is too large or
/// not UTF-8, or if its first line alone is JSON.
fn whole(format: Format, start: &[u8]) -> Option<Result<Vec<JsonText>, ConvertError>> {
    let text = std::str::from_utf8(start).ok().filter(|text| text.len() <= DOCUMENT_BYTES_MAX)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.trim().is_empty() {
        return Some(Ok(Vec::new()));
    }
    let outcome = convert(format, text);
    let is_json = !matches!(&outcome, Err(ConvertError { fault: ConvertFault::Json(_), .. }));
    let first_line = text.trim_start().lines().next().unwrap_or_default();
    if is_json || JsonText::parse(first_line).is_err() { Some(outcome) } else { None }
}
