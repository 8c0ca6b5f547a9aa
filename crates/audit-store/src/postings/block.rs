//! The terms of a segment and their entries, split into blocks. Each block is a row of the database
//! and is found by its first term.

use super::bytes::{Reader, put_number};
use super::ranks::{self, Ranks};

/// Bytes of a block after which the next one begins. A page of SQLite has room for about one such
/// row.
const BYTES_MAX: usize = 3_900;

/// A stored block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first_term: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// Splits terms into blocks. The terms must come in order.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    done: Vec<Block>,
    last_term: Vec<u8>,
}

impl Blocks {
    /// Adds a term and its entries, of which there must be at least one.
    pub(super) fn push(&mut self, term: &[u8], ranks: &[u16]) {
        let block = match self.done.last_mut() {
            Some(block) if block.bytes.len() < BYTES_MAX => block,
            _ => {
                self.done.push(Block { first_term: term.to_vec(), bytes: Vec::new() });
                self.last_term.clear();
                let Some(block) = self.done.last_mut() else { return };
                block
            }
        };
        let shared = self.last_term.iter().zip(term).take_while(|(a, b)| a == b).count();
        put_number(&mut block.bytes, shared as u64);
        put_number(&mut block.bytes, (term.len() - shared) as u64);
        block.bytes.extend_from_slice(&term[shared..]);
        ranks::put(&mut block.bytes, ranks);
        self.last_term.truncate(shared);
        self.last_term.extend_from_slice(&term[shared..]);
    }

    pub(super) fn into_blocks(self) -> Vec<Block> {
        self.done
    }
}

/// The terms of a block, in order.
#[derive(Debug)]
pub(super) struct Terms<'a> {
    reader: Reader<'a>,
    term: Vec<u8>,
}

impl<'a> Terms<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Terms<'a> {
        Terms { reader: Reader(bytes), term: Vec::new() }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.reader.is_empty()
    }

    /// The next term; `None` at the end, and if the bytes are not a block.
    pub(super) fn next(&mut self) -> Option<(&[u8], Ranks<'a>)> {
        let shared = self.reader.length()?;
        let length = self.reader.length()?;
        let rest = self.reader.take(length)?;
        if shared > self.term.len() {
            return None;
        }
        self.term.truncate(shared);
        self.term.extend_from_slice(rest);
        let ranks = Ranks::take(&mut self.reader)?;
        Some((&self.term, ranks))
    }

    /// Finds the entries of a term.
    ///
    /// # Errors
    ///
    /// The bytes are not a block.
    pub(super) fn find(mut self, term: &[u8]) -> Result<Option<Ranks<'a>>, super::Damaged> {
        while !self.is_at_end() {
            let (here, ranks) = self.next().ok_or(super::Damaged)?;
            match here.cmp(term) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Ok(Some(ranks)),
                std::cmp::Ordering::Greater => break,
            }
        }
        Ok(None)
    }
}
