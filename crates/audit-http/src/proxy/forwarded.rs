//! Parses the values of forwarding headers.

use std::net::{IpAddr, SocketAddr};

/// An element of `Forwarded`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop {
    /// The address, or `None` if it is hidden, unknown or not readable.
    pub(super) address: Option<IpAddr>,
    pub(super) secure: Option<bool>,
    pub(super) host: Option<String>,
}

/// Reads an address, with or without a port.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

/// Returns whether a scheme is the secure one, or `None` for an unknown scheme.
pub(super) fn secure(scheme: &str) -> Option<bool> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => Some(true),
        _ if scheme.eq_ignore_ascii_case("http") => Some(false),
        _ => None,
    }
}

/// Reads the elements of a `Forwarded` header. A single fault makes the whole header unreadable.
/// Otherwise a client that leaves a quotation mark open could hide the text that the proxy wrote
/// after it.
pub(super) fn hops(text: &str) -> Option<Vec<Hop>> {
    let (mut hops, mut hop, mut rest) = (Vec::new(), Hop::default(), text.trim());
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let (value, behind) = value(behind.trim_start())?;
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.address = address(&value),
            "proto" => hop.secure = secure(&value),
            "host" => hop.host = Some(value).filter(|host| !host.is_empty()),
            other if other.is_empty() || !other.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => return None,
            _ => {}
        }
        let behind = behind.trim_start();
        if let Some(next) = behind.strip_prefix(',') {
            hops.push(std::mem::take(&mut hop));
            rest = next.trim_start();
        } else if behind.is_empty() {
            break;
        } else {
            rest = behind.strip_prefix(';')?.trim_start();
        }
    }
    hops.push(hop);
    Some(hops)
}

/// Reads a value, quoted or not. Returns it and the text after it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t', '"']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let (mut value, mut chars) = (String::new(), quoted.char_indices());
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => return Some((value, &quoted[index + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_a_fault_says_nothing() {
        for text in
            ["for", "for=1.1.1.1 for=2.2.2.2", "for=\"1.1.1.1", "for=\"1.1.1.1\\", "f r=1", "=1", "for=a\"b\"", ",for=1.1.1.1"]
        {
            assert_eq!(hops(text), None, "{text}");
        }
        assert_eq!(hops("").unwrap(), [Hop::default()]);
        assert_eq!(hops("for=1.1.1.1;").unwrap().len(), 1);
        assert_eq!(hops("for=1.1.1.1,").unwrap().len(), 2);
    }
}
