//! What a query asks of an index.

use audit_domain::limits::LEVEL_MAX;
use audit_domain::{ActionLogFilter, EventFilter, Interval, index_key};

use super::term::{Dimension, Term};

/// Entries that have, of each of these lists of terms, one at least; in ranges of time and of positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) all_of: Vec<Vec<Term>>,
    /// When they happened.
    pub(crate) time: Interval,
    pub(crate) position: Interval,
    /// When they were committed, which is in the order of positions.
    pub(crate) recorded_at: Interval,
}

impl Condition {
    /// What a filter of events asks; `None` where it asks for something that is not indexed.
    pub(crate) fn of_events(filter: &EventFilter) -> Option<Condition> {
        // Every field by name: one that is added must not be forgotten here.
        let EventFilter { never, uuid, content_type, table_name, object_id, user, person, action, url, remote_addr, .. } = filter;
        let EventFilter { timestamp, recorded_at, position, .. } = filter;
        if *never || uuid.is_some() {
            return None;
        }
        let texts = [
            (Dimension::TableName, table_name),
            (Dimension::ObjectId, object_id),
            (Dimension::UserId, user),
            (Dimension::Action, action),
            (Dimension::Url, url),
            (Dimension::RemoteAddr, remote_addr),
        ];
        let mut all_of: Vec<Vec<Term>> = texts.into_iter().filter_map(|(dimension, text)| one_text(dimension, text)).collect();
        all_of.extend(content_type.map(|number| vec![Term::number(Dimension::ContentType, number)]));
        if let Some(person) = person {
            let person = index_key(person.as_bytes());
            all_of.push(vec![Term::text(Dimension::UserId, &person), Term::text(Dimension::UserName, &person)]);
        }
        Some(Condition { all_of, time: *timestamp, position: *position, recorded_at: *recorded_at })
    }

    /// What a filter of action logs asks; `None` where it asks for something that is not indexed.
    pub(crate) fn of_action_logs(filter: &ActionLogFilter) -> Option<Condition> {
        // As above.
        let ActionLogFilter { never, uuid, level, logger_name, app_name, search, created_at, recorded_at, position } = filter;
        if *never || uuid.is_some() || search.is_some() {
            return None;
        }
        let texts = [(Dimension::LoggerName, logger_name), (Dimension::AppName, app_name)];
        let mut all_of: Vec<Vec<Term>> = texts.into_iter().filter_map(|(dimension, text)| one_text(dimension, text)).collect();
        if *level != Interval::default() {
            let levels = (0..=LEVEL_MAX).filter(|number| level.contains(*number));
            all_of.push(levels.map(|number| Term::number(Dimension::Level, number)).collect());
        }
        Some(Condition { all_of, time: *created_at, position: *position, recorded_at: *recorded_at })
    }

    /// Whether every entry is meant.
    pub(crate) fn is_everything(&self) -> bool {
        self.all_of.is_empty() && [self.time, self.position, self.recorded_at].iter().all(|range| *range == Interval::default())
    }
}

fn one_text(dimension: Dimension, text: &Option<String>) -> Option<Vec<Term>> {
    Some(vec![Term::text(dimension, &index_key(text.as_ref()?.as_bytes()))])
}
