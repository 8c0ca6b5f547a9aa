//! The pointers of slot 11, as RFC 6901 writes them.

use std::collections::HashSet;

use super::frame::Frame;
use super::view::View;
use crate::json::JsonText;

/// Bytes of all pointers of a record. A record needs more of them only if it is made for that: a
/// MiB of JSON can have a path of half a MiB, and a hundred thousand values at its end.
pub(super) const POINTER_BYTES_MAX: usize = 128 * 1024;

/// The pointers of one record, in the order of the values.
#[derive(Debug, Default)]
pub(super) struct Pointers {
    /// Each as a JSON string without its quotes.
    list: Vec<String>,
    seen: HashSet<String>,
    bytes: usize,
    /// The member that is walked, and what was found in it: where, and the pointer.
    member: String,
    found: Vec<(usize, String)>,
    is_full: bool,
}

impl Pointers {
    /// Starts a member.
    pub(super) fn start(&mut self, name: &str) {
        self.member = format!("/{name}");
        self.found.clear();
        self.is_full = false;
    }

    /// Whether the pointers of the member take too many bytes.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Adds the pointer of the value inside these objects and arrays.
    pub(super) fn push(&mut self, at: usize, frames: &[Frame], view: &View<'_>) {
        let mut pointer = self.member.clone();
        for frame in frames {
            pointer.push('/');
            match frame.key {
                Some((from, to)) => push_token(&mut pointer, view, from, to),
                None => pointer.push_str(&frame.index.to_string()),
            }
            if self.bytes + pointer.len() > POINTER_BYTES_MAX {
                self.is_full = true;
                return;
            }
        }
        self.bytes += pointer.len();
        self.found.push((at, pointer));
    }

    /// Bytes that the pointers of the member take in the list, with quotes and commas.
    pub(super) fn found_bytes(&self) -> usize {
        self.found.iter().map(|(_, pointer)| pointer.len() + 3).sum()
    }

    /// The pointer that was added last, decoded.
    pub(super) fn last(&self) -> String {
        self.found.last().map_or_else(String::new, |(_, pointer)| {
            serde_json::from_str(&format!("\"{pointer}\"")).unwrap_or_else(|_| pointer.clone())
        })
    }

    /// Ends a member: its pointers join the list.
    pub(super) fn end(&mut self) {
        // The value of a pair is found at the end of the pair, after values that follow it.
        self.found.sort_by_key(|(at, _)| *at);
        for (_, pointer) in self.found.drain(..) {
            // A key may be repeated.
            if self.seen.insert(pointer.clone()) {
                self.list.push(pointer);
            }
        }
    }

    /// Ends a member of which all is masked.
    pub(super) fn end_whole(&mut self, pointer: &str) {
        self.found.clear();
        self.list.push(pointer.to_owned());
    }

    /// The pointers, each as a JSON string without its quotes.
    pub(super) fn list(&self) -> &[String] {
        &self.list
    }
}

/// Appends a key with the escapes of a pointer, inside a JSON string.
fn push_token(pointer: &mut String, view: &View<'_>, from: usize, to: usize) {
    let name = view.string(from, to);
    match std::str::from_utf8(name.bytes()) {
        Ok(name) => {
            let escaped = JsonText::string(&name.replace('~', "~0").replace('/', "~1"));
            pointer.push_str(&escaped.as_str()[1..escaped.as_str().len() - 1]);
        }
        // A lone surrogate has no other spelling than that of the key.
        Err(_) => {
            let spelled = String::from_utf8_lossy(&view.bytes()[from..to]).replace("\\/", "/");
            pointer.push_str(&spelled.replace('~', "~0").replace('/', "~1"));
        }
    }
}
