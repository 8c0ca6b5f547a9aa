//! Finds the candidates of a search.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::cache::{RanksOfTerm, SegmentKey};
use super::index::{Index, Matches};
use super::term::Term;
use super::words::{Search, Word};
use super::{Damaged, IndexError};
use crate::connection::DbConnection;

/// The entries of a segment that may match.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) matches: Matches,
    /// The entries that match without being read.
    pub(crate) sure: Arc<RoaringBitmap>,
}

impl Candidates {
    /// Makes candidates that all match.
    pub(crate) fn sure(matches: Matches) -> Candidates {
        let sure = Arc::new(matches.ranks().collect());
        Candidates { matches, sure }
    }
}

impl Index<'_> {
    /// Whether any entry has a term, in the segments that have matches.
    pub(crate) fn has_any(&self, conn: &mut DbConnection, term: &Term, matches: &[Matches]) -> Result<bool, IndexError> {
        Ok(self.ranks_of_any(conn, std::slice::from_ref(term), matches)?.iter().any(Option::is_some))
    }

    /// Demotes the entries with a mark to candidates that must be read.
    pub(crate) fn doubt(&self, conn: &mut DbConnection, candidates: &mut [Candidates], mark: &Term) -> Result<(), IndexError> {
        let matches: Vec<Matches> = candidates.iter().map(|candidates| candidates.matches.clone()).collect();
        let marked = self.ranks_of_any(conn, std::slice::from_ref(mark), &matches)?;
        for (candidates, marked) in candidates.iter_mut().zip(marked) {
            if let Some(marked) = marked {
                candidates.sure = Arc::new(&*candidates.sure - &*marked);
            }
        }
        Ok(())
    }

    /// Finds the entries that may match a search, among those that match everything else.
    pub(crate) fn candidates(
        &self,
        conn: &mut DbConnection,
        matches: Vec<Matches>,
        search: &Search,
    ) -> Result<Vec<Candidates>, IndexError> {
        let marked = self.ranks_of_any(conn, &[Term::word(&[])], &matches)?;
        let mut found: Vec<Option<RoaringBitmap>> = vec![None; matches.len()];
        for word in search.looked_up() {
            for (found, ranks) in found.iter_mut().zip(self.ranks_of_words(conn, word, &matches)?) {
                let ranks = ranks.map(|ranks| (*ranks).clone()).unwrap_or_default();
                *found = Some(match found.take() {
                    Some(found) => found & ranks,
                    None => ranks,
                });
            }
        }
        let candidates = matches.into_iter().zip(found).zip(marked).map(|((matches, found), marked)| {
            let found = found.unwrap_or_default();
            let all = marked.map_or_else(|| found.clone(), |marked| &found | &*marked);
            let sure = if search.is_exact { found } else { RoaringBitmap::new() };
            Candidates { matches: matches.within(Arc::new(all)), sure: Arc::new(sure) }
        });
        Ok(candidates.filter(|candidates| candidates.matches.len() > 0).collect())
    }

    /// The entries that have a word which fits a word of the search, in the segments that have
    /// matches so far.
    fn ranks_of_words(&self, conn: &mut DbConnection, word: &Word, matches: &[Matches]) -> Result<Vec<RanksOfTerm>, IndexError> {
        let (kind, text) = match word {
            Word::Is(text) => return self.ranks_of_any(conn, &[Term::word(text)], matches),
            Word::StartsWith(text) => (1, text),
            Word::EndsWith(text) => (2, text),
            Word::Has(text) => (3, text),
        };
        let mut known = self.known(&Term::words(kind, text), matches)?;
        let missing: Vec<usize> = (0..matches.len()).filter(|at| known.get(*at).is_some_and(Option::is_none)).collect();
        let of_missing: Vec<Matches> = missing.iter().filter_map(|at| matches.get(*at).cloned()).collect();
        let mut sets = vec![RoaringBitmap::new(); of_missing.len()];
        let begin = Term::word(if let Word::StartsWith(_) = word { text } else { &[] });
        // No byte of a word is the last one.
        let end = [begin.bytes(), &[u8::MAX]].concat();
        // A segment may have megabytes of words.
        self.each_term_between(conn, &of_missing, 1, (begin.bytes(), &end), |at, term, ranks| {
            if let (Some(set), Some((_, found))) = (sets.get_mut(at), term.split_first())
                && !found.is_empty()
                && word.is_met_by(found)
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
        self.keep(&Term::words(kind, text), kept.into_iter());
        Ok(known.into_iter().map(Option::flatten).collect())
    }
}
