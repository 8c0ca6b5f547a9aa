//! Finds where the head and the body of a request end, as actix's decoder sees it.
//!
//! The rules are those of actix-http's `h1::decoder` and `h1::chunked`, and the parser of heads is
//! the one that actix-http uses. If the two decoders differed, this module would take bytes of a
//! body for a head. So a request that actix refuses, or reads to the end of the connection, is
//! [`Head::Unknown`] here, and the module does not look at any byte after it.

use httparse::{EMPTY_HEADER, Header, Request, Status};

/// The bytes after which actix answers 431 to a head that is not complete.
pub(super) const HEAD_BYTES_MAX: usize = 128 * 1024;

/// The maximum number of header fields. actix answers 400 to a head with more.
const FIELDS_MAX: usize = 96;

/// The meaning of the first bytes of a connection, or of the bytes after a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The beginning of a head.
    Partial,
    /// A head of this many bytes. `rewritten` is the head without its offer, if it offers to
    /// upgrade.
    Whole { bytes: usize, body: Body, rewritten: Option<Vec<u8>> },
    /// The bytes are not a head that actix accepts, or the end of the body cannot be seen.
    Unknown,
}

/// The body after a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// This many bytes are still to come. A request without a body has 0.
    Sized(u64),
    /// Chunks.
    Chunked(Chunk),
}

impl Head {
    pub(super) fn read(bytes: &[u8]) -> Head {
        let mut fields = [EMPTY_HEADER; FIELDS_MAX];
        let mut request = Request::new(&mut fields);
        let length = match request.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Head::Partial,
            Ok(Status::Partial) | Err(_) => return Head::Unknown,
        };
        let Some(body) = body(&request) else { return Head::Unknown };
        let offers = request.headers.iter().any(is_offer);
        Head::Whole { bytes: length, body, rewritten: offers.then(|| without_offers(&bytes[..length])) }
    }
}

/// Finds out how the body ends. Returns `None` if actix refuses the request, or takes all following
/// bytes as its body.
fn body(request: &Request<'_, '_>) -> Option<Body> {
    let (mut length, mut chunked) = (None, false);
    for Header { name, value } in request.headers.iter() {
        if name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(value).ok()?.trim();
            if length.is_some() || text.starts_with('+') {
                return None;
            }
            length = Some(text.parse::<u64>().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if chunked || request.version != Some(1) || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            chunked = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => None,
        (None, true) => Some(Body::Chunked(Chunk::default())),
        (None | Some(0), false) if request.method == Some("CONNECT") => None,
        (length, false) => Some(Body::Sized(length.unwrap_or(0))),
    }
}

fn is_offer(field: &Header<'_>) -> bool {
    field.name.eq_ignore_ascii_case("upgrade") || (field.name.eq_ignore_ascii_case("connection") && offers_to_upgrade(field.value))
}

fn offers_to_upgrade(connection: &[u8]) -> bool {
    options(connection).any(|option| option.eq_ignore_ascii_case(b"upgrade"))
}

fn options(connection: &[u8]) -> impl Iterator<Item = &[u8]> {
    connection.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Rewrites a head without its offer: without `Upgrade`, and without `upgrade` among the options of
/// `Connection`. The parser has accepted the head, so each of its lines after the first is one
/// field, and each ends in a line feed.
fn without_offers(head: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len());
    let mut is_first = true;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let (name, value) = split_field(line);
        // Empty lines may precede the first one.
        if is_first {
            is_first = line.trim_ascii().is_empty();
            out.extend_from_slice(line);
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            // The line is left out.
        } else if name.eq_ignore_ascii_case(b"connection") && offers_to_upgrade(value) {
            let kept: Vec<&[u8]> =
                options(value).filter(|option| !option.is_empty() && !option.eq_ignore_ascii_case(b"upgrade")).collect();
            if !kept.is_empty() {
                out.extend_from_slice(b"connection: ");
                out.extend_from_slice(&kept.join(&b", "[..]));
                out.extend_from_slice(b"\r\n");
            }
        } else {
            out.extend_from_slice(line);
        }
    }
    out
}

/// Splits a line into its name and its value. The name is empty if the line does not have a colon.
fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b':') {
        Some(colon) => (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()),
        None => (b"", line),
    }
}

/// The position of the next byte in a chunked body.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    #[default]
    SizeFirst,
    Size(u64),
    SpaceAfterSize(u64),
    Extension(u64),
    SizeLineFeed(u64),
    Data(u64),
    DataReturn,
    DataLineFeed,
    EndReturn,
    EndLineFeed,
    Trailer,
    TrailerLineFeed,
    End,
}

impl Chunk {
    /// Goes through bytes up to the end of the body. Returns the number of bytes that belong to it,
    /// or `None` if actix refuses them.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() && *self != Chunk::End {
            if let Chunk::Data(left) = *self {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += here;
                let left = left - here as u64;
                *self = if left == 0 { Chunk::DataReturn } else { Chunk::Data(left) };
            } else {
                *self = self.after(bytes[at])?;
                at += 1;
            }
        }
        Some(at)
    }

    fn after(self, byte: u8) -> Option<Chunk> {
        let digit = || char::from(byte).to_digit(16).map(u64::from);
        Some(match (self, byte) {
            (Chunk::SizeFirst, _) => Chunk::Size(digit()?),
            (Chunk::Size(size) | Chunk::SpaceAfterSize(size), b'\t' | b' ') => Chunk::SpaceAfterSize(size),
            (Chunk::Size(size) | Chunk::SpaceAfterSize(size), b';') => Chunk::Extension(size),
            (Chunk::Size(size) | Chunk::SpaceAfterSize(size) | Chunk::Extension(size), b'\r') => Chunk::SizeLineFeed(size),
            (Chunk::Size(size), _) => Chunk::Size(size.checked_mul(16)? + digit()?),
            (Chunk::Extension(_), 0x00..=0x08 | 0x0a..=0x1f | 0x7f) => return None,
            (Chunk::Extension(size), _) => Chunk::Extension(size),
            (Chunk::SizeLineFeed(0), b'\n') => Chunk::EndReturn,
            (Chunk::SizeLineFeed(size), b'\n') => Chunk::Data(size),
            (Chunk::DataReturn, b'\r') => Chunk::DataLineFeed,
            (Chunk::DataLineFeed, b'\n') => Chunk::SizeFirst,
            (Chunk::EndReturn, b'\r') => Chunk::EndLineFeed,
            (Chunk::EndReturn, _) => Chunk::Trailer,
            (Chunk::EndLineFeed, b'\n') => Chunk::End,
            (Chunk::Trailer, b'\r') => Chunk::TrailerLineFeed,
            (Chunk::Trailer, _) => Chunk::Trailer,
            (Chunk::TrailerLineFeed, b'\n') => Chunk::EndReturn,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_rewritten_only_where_it_offers() {
        let rewritten = |head: &str| match Head::read(head.as_bytes()) {
            Head::Whole { bytes, rewritten, .. } if bytes == head.len() => rewritten.map(|head| String::from_utf8(head).unwrap()),
            other => panic!("{head:?}: {other:?}"),
        };
        for head in [
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
            "GET /upgrade?a:upgrade HTTP/1.1\r\nX-Upgrade: websocket\r\nVia: Upgrade: b\r\nUpgrades: c\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: upgraded, x-upgrade\r\n\r\n",
        ] {
            assert_eq!(rewritten(head), None, "{head:?}");
        }
        for (head, wanted) in [
            ("GET / HTTP/1.1\r\nA: 1\r\nUpgrade: h2c\r\nB: 2\r\n\r\n", "GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n"),
            ("\r\n\nGET / HTTP/1.1\nConnection:Upgrade\nupgrade:x\n\n", "\r\n\nGET / HTTP/1.1\n\n"),
            ("GET / HTTP/1.1\r\nConnection: a, UPGRADE ,close\r\n\r\n", "GET / HTTP/1.1\r\nconnection: a, close\r\n\r\n"),
        ] {
            assert_eq!(rewritten(head).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn a_body_ends_where_actix_ends_it_or_is_not_known() {
        let body = |head: &str| match Head::read(format!("{head}\r\n\r\n").as_bytes()) {
            Head::Whole { body, .. } => Some(body),
            Head::Unknown => None,
            Head::Partial => panic!("{head}"),
        };
        let chunked = Some(Body::Chunked(Chunk::SizeFirst));
        for (head, wanted) in [
            ("GET / HTTP/1.1", Some(Body::Sized(0))),
            ("POST / HTTP/1.1\r\ncontent-LENGTH: 005 ", Some(Body::Sized(5))),
            ("POST / HTTP/1.1\r\nContent-Length: +5", None),
            ("POST / HTTP/1.1\r\nContent-Length: 5, 5", None),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5", None),
            ("POST / HTTP/1.1\r\nContent-Length: 18446744073709551616", None),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked", chunked),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked", None),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: identity", None),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", None),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", None),
            ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked", None),
            ("CONNECT a:1 HTTP/1.1", None),
            ("GET / HTTP/1.1\r\n folded: x", None),
        ] {
            assert_eq!(body(head), wanted, "{head}");
        }
    }
}
