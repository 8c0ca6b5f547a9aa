//! Conditions on the values of a dimension that many values may meet.

use std::sync::Arc;

use audit_domain::{Network, address_of, index_key};
use roaring::RoaringBitmap;

use super::cache::{RanksOfTerm, SegmentKey};
use super::index::{Index, Matches};
use super::term::{Dimension, Term};
use super::{Damaged, IndexError};
use crate::connection::DbConnection;

/// A condition on the texts of a dimension, which their index keys decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// The url begins with this, which is not longer than what every key has.
    UrlPrefix(String),
    /// The remote address is one of these.
    RemoteAddr(Vec<Address>),
}

/// A wanted remote address: the key of the text, and the network that it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    key: String,
    network: Option<Network>,
}

impl Pattern {
    /// Makes the condition on remote addresses.
    pub(crate) fn remote_addr<'a>(wanted: impl IntoIterator<Item = &'a String>) -> Pattern {
        let address = |text: &String| Address { key: index_key(text.as_bytes()), network: Network::parse(text) };
        Pattern::RemoteAddr(wanted.into_iter().map(address).collect())
    }

    fn dimension(&self) -> Dimension {
        match self {
            Pattern::UrlPrefix(_) => Dimension::Url,
            Pattern::RemoteAddr(_) => Dimension::RemoteAddr,
        }
    }

    /// Whether a text with this key meets the condition. A text whose key is cut is not an address:
    /// it is too long, or has a character that no address has, as the key has.
    fn is_met_by(&self, key: &[u8]) -> bool {
        match self {
            Pattern::UrlPrefix(prefix) => key.starts_with(prefix.as_bytes()),
            Pattern::RemoteAddr(wanted) => std::str::from_utf8(key).is_ok_and(|key| {
                let address = address_of(key);
                let is_in = |network: Network| address.is_some_and(|address| network.contains(address));
                wanted.iter().any(|wanted| wanted.key == key || wanted.network.is_some_and(is_in))
            }),
        }
    }

    /// The terms among which the search begins and ends.
    fn range(&self) -> (Term, Term) {
        let first = if let Pattern::UrlPrefix(prefix) = self { prefix.as_str() } else { "" };
        (Term::text(self.dimension(), first), Term::end_of(self.dimension(), first))
    }

    /// The key of the condition in the cache.
    fn cache_key(&self) -> Term {
        Term::pattern(&format!("{self:?}"))
    }
}

impl Index<'_> {
    /// The entries that meet a condition, in the segments that have matches so far.
    pub(super) fn ranks_of_pattern(
        &self,
        conn: &mut DbConnection,
        pattern: &Pattern,
        matches: &[Matches],
    ) -> Result<Vec<RanksOfTerm>, IndexError> {
        let (from, to) = pattern.range();
        let is_met = |key: &[u8]| pattern.is_met_by(key);
        self.ranks_of_terms(conn, &pattern.cache_key(), (from.bytes(), to.bytes()), &is_met, matches)
    }

    /// The entries with a term of a range that fits, in the segments that have matches so far. The
    /// cache keeps them under a key. `fits` gets the value of the term.
    pub(super) fn ranks_of_terms(
        &self,
        conn: &mut DbConnection,
        cache_key: &Term,
        range: (&[u8], &[u8]),
        fits: &dyn Fn(&[u8]) -> bool,
        matches: &[Matches],
    ) -> Result<Vec<RanksOfTerm>, IndexError> {
        let mut known = self.known(cache_key, matches)?;
        let missing: Vec<usize> = (0..matches.len()).filter(|at| known.get(*at).is_some_and(Option::is_none)).collect();
        let of_missing: Vec<Matches> = missing.iter().filter_map(|at| matches.get(*at).cloned()).collect();
        let mut sets = vec![RoaringBitmap::new(); of_missing.len()];
        // A segment may have megabytes of words.
        self.each_term_between(conn, &of_missing, 1, range, |at, term, ranks| {
            if let (Some(set), Some((_, value))) = (sets.get_mut(at), term.split_first())
                && fits(value)
            {
                set.extend(ranks.list().ok_or(Damaged)?.into_iter().map(u32::from));
            }
            Ok(())
        })?;
        let mut kept: Vec<(SegmentKey, RanksOfTerm)> = Vec::with_capacity(missing.len());
        for ((at, matches), set) in missing.into_iter().zip(&of_missing).zip(sets) {
            let ranks = (!set.is_empty()).then(|| Arc::new(set));
            kept.push((self.key(matches)?, ranks.clone()));
            if let Some(known) = known.get_mut(at) {
                *known = Some(ranks);
            }
        }
        self.keep(cache_key, kept.into_iter());
        Ok(known.into_iter().map(Option::flatten).collect())
    }
}
