//! Finds the candidates of a search.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::IndexError;
use super::cache::RanksOfTerm;
use super::index::{Index, Matches};
use super::term::Term;
use super::words::{Search, Word};
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
        let begin = Term::word(if let Word::StartsWith(_) = word { text } else { &[] });
        // No byte of a word is the last one.
        let end = [begin.bytes(), &[u8::MAX]].concat();
        let fits = |found: &[u8]| !found.is_empty() && word.is_met_by(found);
        self.ranks_of_terms(conn, &Term::words(kind, text), (begin.bytes(), &end), &fits, matches)
    }
}
