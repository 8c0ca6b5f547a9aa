//! The condition of a query, in terms of an index.

use std::collections::BTreeSet;

use audit_domain::limits::LEVEL_MAX;
use audit_domain::{ActionLogFilter, ActionLogValues, EventFilter, EventValues, Interval, index_key};

use super::term::{Dimension, Term};
use super::words::Search;

/// Selects the entries that have at least one term of each list in `all_of`, have no term of
/// `none_of`, and are in ranges of time and of positions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Condition {
    /// Lists of terms. The entry has at least one term of each list.
    pub(crate) all_of: Vec<Vec<Term>>,
    /// Terms that the entry does not have.
    pub(crate) none_of: Vec<Term>,
    /// Whether the condition uses changed fields. For an entry with a mark, not all of them are
    /// indexed.
    pub(crate) asks_changed: bool,
    /// A part of one of the texts.
    pub(crate) search: Option<Search>,
    /// The range of the entries' times.
    pub(crate) time: Interval,
    pub(crate) position: Interval,
    /// The range of the commit times, which are in the order of positions.
    pub(crate) recorded_at: Interval,
}

impl Condition {
    /// Makes the condition of a filter of events. Returns `None` if the filter has a condition that
    /// is not indexed.
    pub(crate) fn of_events(filter: &EventFilter) -> Option<Condition> {
        // This names every field, so that a new field is not forgotten here.
        let EventFilter {
            matches_nothing, uuid, content_type, table_name, object_id, user, person, action, url, remote_addr, ..
        } = filter;
        let EventFilter { changed, search, one_of, none_of, timestamp, recorded_at, position, .. } = filter;
        if *matches_nothing || uuid.is_some() || !one_of.uuid.is_empty() || !none_of.uuid.is_empty() {
            return None;
        }
        let texts = [
            (Dimension::TableName, table_name),
            (Dimension::ObjectId, object_id),
            (Dimension::UserId, user),
            (Dimension::Action, action),
            (Dimension::Url, url),
            (Dimension::RemoteAddr, remote_addr),
            (Dimension::Changed, changed),
        ];
        let search = match search {
            // An index cannot find a part without a word.
            Some(part) => Some(Search::parse(part)?),
            None => None,
        };
        let mut all_of: Vec<Vec<Term>> = texts.into_iter().filter_map(|(dimension, text)| one_text(dimension, text)).collect();
        all_of.extend(content_type.map(|number| vec![Term::number(Dimension::ContentType, number)]));
        if let Some(person) = person {
            let person = index_key(person.as_bytes());
            all_of.push(vec![Term::text(Dimension::UserId, &person), Term::text(Dimension::UserName, &person)]);
        }
        all_of.extend(terms_of_event(one_of).filter(|terms| !terms.is_empty()));
        let asks_changed = changed.is_some() || !(one_of.changed.is_empty() && none_of.changed.is_empty());
        // An entry with the mark is read, so the mark itself does not exclude it.
        let none_of = terms_of_event(none_of).flatten().filter(|term| *term != Term::changed_mark()).collect();
        let with_changed = |terms: &&mut Vec<Term>| terms.iter().any(Term::is_changed);
        all_of.iter_mut().filter(with_changed).for_each(|terms| terms.push(Term::changed_mark()));
        Some(Condition { all_of, none_of, asks_changed, search, time: *timestamp, position: *position, recorded_at: *recorded_at })
    }

    /// Makes the condition of a filter of action logs. Returns `None` if the filter has a condition
    /// that is not indexed.
    pub(crate) fn of_action_logs(filter: &ActionLogFilter) -> Option<Condition> {
        // This names every field, as above.
        let ActionLogFilter { matches_nothing, uuid, level, logger_name, app_name, search, one_of, none_of, .. } = filter;
        let ActionLogFilter { created_at, recorded_at, position, .. } = filter;
        if *matches_nothing || uuid.is_some() || !one_of.uuid.is_empty() || !none_of.uuid.is_empty() {
            return None;
        }
        let texts = [(Dimension::LoggerName, logger_name), (Dimension::AppName, app_name)];
        let search = match search {
            Some(part) => Some(Search::parse(part)?),
            None => None,
        };
        let mut all_of: Vec<Vec<Term>> = texts.into_iter().filter_map(|(dimension, text)| one_text(dimension, text)).collect();
        if *level != Interval::default() {
            let levels = (0..=LEVEL_MAX).filter(|number| level.contains(*number));
            all_of.push(levels.map(|number| Term::number(Dimension::Level, number)).collect());
        }
        all_of.extend(terms_of_action_log(one_of).filter(|terms| !terms.is_empty()));
        let none_of = terms_of_action_log(none_of).flatten().collect();
        Some(Condition {
            all_of,
            none_of,
            asks_changed: false,
            search,
            time: *created_at,
            position: *position,
            recorded_at: *recorded_at,
        })
    }

    /// Whether the condition uses values.
    pub(crate) fn has_terms(&self) -> bool {
        // The term of the empty name is the mark, which is not in `none_of`.
        !(self.all_of.is_empty() && self.none_of.is_empty() && self.search.is_none()) || self.asks_changed
    }
}

/// The terms of each list of values.
fn terms_of_event(values: &EventValues) -> impl Iterator<Item = Vec<Term>> {
    // This names every field, as above; uuids are not indexed.
    let EventValues { uuid: _, content_type, table_name, object_id, user, action, url, remote_addr, changed } = values;
    let texts = [
        (Dimension::TableName, table_name),
        (Dimension::ObjectId, object_id),
        (Dimension::UserId, user),
        (Dimension::Action, action),
        (Dimension::Url, url),
        (Dimension::RemoteAddr, remote_addr),
        (Dimension::Changed, changed),
    ];
    let texts = texts.into_iter().map(|(dimension, texts)| texts_of(dimension, texts));
    std::iter::once(numbers_of(Dimension::ContentType, content_type)).chain(texts)
}

/// The terms of each list of values of action logs.
fn terms_of_action_log(values: &ActionLogValues) -> impl Iterator<Item = Vec<Term>> {
    let ActionLogValues { uuid: _, level, logger_name, app_name } = values;
    let texts = [texts_of(Dimension::LoggerName, logger_name), texts_of(Dimension::AppName, app_name)];
    std::iter::once(numbers_of(Dimension::Level, level)).chain(texts)
}

fn numbers_of(dimension: Dimension, numbers: &BTreeSet<i64>) -> Vec<Term> {
    numbers.iter().map(|number| Term::number(dimension, *number)).collect()
}

fn texts_of(dimension: Dimension, texts: &BTreeSet<String>) -> Vec<Term> {
    texts.iter().map(|text| Term::text(dimension, &index_key(text.as_bytes()))).collect()
}

fn one_text(dimension: Dimension, text: &Option<String>) -> Option<Vec<Term>> {
    Some(vec![Term::text(dimension, &index_key(text.as_ref()?.as_bytes()))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Filter;

    #[test]
    fn a_field_with_an_empty_name_is_a_condition() {
        let changed = EventValues { changed: [String::new()].into(), ..EventValues::default() };
        for (one_of, none_of) in [(changed.clone(), EventValues::default()), (EventValues::default(), changed)] {
            let filter = EventFilter { one_of, none_of, ..EventFilter::default() };
            let condition = Condition::of_events(&filter).unwrap();
            assert!(condition.has_terms() && !filter.is_everything(), "{condition:?}");
        }
        assert!(EventFilter::default().is_everything());
    }
}
