//! A filter of events as SQL, without the conditions that need the values, and in terms of the
//! search index. [`EventFilter::matches`]
//! defines the meaning.

use std::collections::BTreeSet;
use std::ops::Range;

use audit_domain::{EventFilter, EventValues, Interval, index_key, limits};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::connection::{Backend, DbConnection, on_inner};
use crate::dialect::among;
use crate::postings::{Condition, Dimension, Pattern, Search, Term, numbers_of, one_text, texts_of};
use crate::query::expressions::{NotKept, if_asked};
use crate::query::{bytes_of, keys_of};
use crate::schema::events;

pub(super) type Predicate = Box<dyn BoxableExpression<events::table, Backend, SqlType = Bool>>;

/// Selects the matching events of one channel. Texts compare by their index keys, as they are
/// stored.
pub(super) fn for_channel(channel_id: i64, filter: &EventFilter) -> Predicate {
    let of_log: Predicate = Box::new(NotKept(events::channel_id.eq(channel_id)));
    conditions(filter).into_iter().fold(of_log, |all, one| Box::new(all.and(one)))
}

/// Selects the matching events of several channels.
pub(super) fn for_channels(conn: &DbConnection, channels: &[i64], filter: &EventFilter) -> Predicate {
    let among: Predicate = Box::new(NotKept(among(conn, events::channel_id, channels)));
    conditions(filter).into_iter().fold(among, |all, one| Box::new(all.and(one)))
}

/// Reads the times and positions of the matching events at some positions. It is one statement,
/// which stays prepared for all filters without lists of values.
pub(super) fn points(
    conn: &mut DbConnection,
    channel_id: i64,
    positions: Range<i64>,
    filter: &EventFilter,
) -> QueryResult<Vec<(i64, i64)>> {
    use events as e;
    // This names every field, so that a new field is not forgotten here. No index has uuids, and no
    // SQL looks into values.
    let EventFilter {
        matches_nothing: _,
        uuid: _,
        changed: _,
        search: _,
        url_prefix: _,
        content_type,
        table_name,
        object_id,
        user,
        user_name,
        user_email,
        person,
        action,
        url,
        remote_addr,
        outcome,
        correlation_id,
        source,
        impersonator,
        one_of,
        none_of,
        timestamp,
        recorded_at,
        position,
    } = filter;
    if !(one_of.is_empty() && none_of.is_empty()) {
        let mut filter = filter.clone();
        filter.position.ge(positions.start);
        filter.position.lt(positions.end);
        return e::table.filter(for_channel(channel_id, &filter)).select((e::timestamp, e::position)).load(conn);
    }
    let key = |text: &Option<String>| text.as_ref().map(|text| index_key(text.as_bytes()));
    let (table_name, object_id, user, person) = (&key(table_name), &key(object_id), &key(user), &key(person));
    // No SQL knows which texts mean an address of a network: the caller checks them.
    let remote_addr = if filter.asks_network() { &None } else { remote_addr };
    let (action, url, remote_addr) = (&key(action), &key(url), &key(remote_addr));
    let (user_name, user_email) = (&key(user_name), &key(user_email));
    let (outcome, correlation_id) = (&key(outcome), &key(correlation_id));
    let (source, impersonator) = (&key(source), &key(impersonator));
    let (from, to) = (positions.start.max(position.start), positions.end.min(position.end));
    let matching = e::table
        .filter(e::channel_id.eq(channel_id).and(e::position.ge(from)).and(e::position.lt(to)))
        // This avoids a range scan of an index: the positions are few, and a range of time may be
        // the whole log.
        .filter((e::timestamp + 0).ge(timestamp.start).and((e::timestamp + 0).lt(timestamp.end)))
        .filter(e::recorded_at.ge(recorded_at.start).and(e::recorded_at.lt(recorded_at.end)))
        .filter(if_asked!(BigInt, *content_type, e::content_type.eq(*content_type)))
        .filter(if_asked!(Text, table_name, e::table_name.eq(table_name)))
        .filter(if_asked!(Text, object_id, e::object_id.eq(object_id)))
        .filter(if_asked!(Text, user, e::user_id.eq(user)))
        .filter(if_asked!(Text, user_name, e::user_name.eq(user_name)))
        .filter(if_asked!(Text, user_email, e::user_email.eq(user_email)))
        .filter(if_asked!(Text, person, e::user_id.eq(person).or(e::user_name.eq(person))))
        .filter(if_asked!(Text, action, e::action.eq(action)))
        .filter(if_asked!(Text, url, e::url.eq(url)))
        .filter(if_asked!(Text, remote_addr, e::remote_addr.eq(remote_addr)))
        .filter(if_asked!(Text, outcome, e::outcome.eq(outcome)))
        .filter(if_asked!(Text, correlation_id, e::correlation_id.eq(correlation_id)))
        .filter(if_asked!(Text, source, e::source.eq(source)))
        .filter(if_asked!(Text, impersonator, e::impersonator_id.eq(impersonator)))
        .select((e::timestamp, e::position));
    on_inner!(conn, |conn| matching.load(conn))
}

fn conditions(filter: &EventFilter) -> Vec<Predicate> {
    let mut all: Vec<Predicate> = Vec::new();
    let mut and = |condition: Predicate| all.push(condition);
    let key = |text: &str| index_key(text.as_bytes());
    if let Some(uuid) = filter.uuid {
        and(Box::new(events::uuid.eq(uuid.as_bytes().to_vec())));
    }
    if let Some(content_type) = filter.content_type {
        and(Box::new(events::content_type.assume_not_null().eq(content_type)));
    }
    macro_rules! equal {
        ($($field:ident: $column:ident),+ $(,)?) => {
            $(if let Some(text) = &filter.$field {
                and(Box::new(events::$column.assume_not_null().eq(key(text))));
            })+
        };
    }
    equal!(table_name: table_name, object_id: object_id, user: user_id, action: action, url: url);
    if !filter.asks_network() {
        equal!(remote_addr: remote_addr);
    }
    equal!(user_name: user_name, user_email: user_email, outcome: outcome, correlation_id: correlation_id, source: source, impersonator: impersonator_id);
    if let Some(text) = &filter.person {
        let (id, name) = (events::user_id.assume_not_null(), events::user_name.assume_not_null());
        and(Box::new(id.eq(key(text)).or(name.eq(key(text)))));
    }
    listed(filter).into_iter().for_each(&mut and);
    if filter.position.lower().is_some() {
        // This avoids a range scan of an index: the positions after an index are few, and a range
        // of time may be the whole log.
        interval(events::timestamp + 0, filter.timestamp).for_each(&mut and);
    } else {
        interval(events::timestamp, filter.timestamp).for_each(&mut and);
    }
    for bound in interval(events::recorded_at, filter.recorded_at) {
        and(bound);
    }
    for bound in interval(events::position, filter.position) {
        and(bound);
    }
    all
}

/// The conditions of the lists of values. An event that lacks the value has none of the unwanted
/// ones, which `NOT IN` alone would not express.
fn listed(filter: &EventFilter) -> Vec<Predicate> {
    use events as e;
    let (one_of, none_of) = (&filter.one_of, &filter.none_of);
    // This names every field, so that a new field is not forgotten here.
    let EventValues {
        uuid,
        content_type,
        table_name,
        object_id,
        user,
        user_name,
        user_email,
        action,
        url,
        remote_addr,
        outcome,
        correlation_id,
        source,
        impersonator,
        changed: _,
    } = one_of;
    let mut all: Vec<Predicate> = Vec::new();
    if !uuid.is_empty() {
        all.push(Box::new(e::uuid.eq_any(bytes_of(uuid))));
    }
    if !none_of.uuid.is_empty() {
        all.push(Box::new(e::uuid.ne_all(bytes_of(&none_of.uuid))));
    }
    if !content_type.is_empty() {
        all.push(Box::new(e::content_type.assume_not_null().eq_any(content_type.iter().copied().collect::<Vec<_>>())));
    }
    if !none_of.content_type.is_empty() {
        let others: Vec<i64> = none_of.content_type.iter().copied().collect();
        all.push(Box::new(e::content_type.is_null().or(e::content_type.assume_not_null().ne_all(others))));
    }
    macro_rules! texts {
        ($column:ident, $wanted:expr, $others:expr) => {
            if !$wanted.is_empty() {
                all.push(Box::new(e::$column.assume_not_null().eq_any(keys_of($wanted))));
            }
            if !$others.is_empty() {
                all.push(Box::new(e::$column.is_null().or(e::$column.assume_not_null().ne_all(keys_of($others)))));
            }
        };
    }
    texts!(table_name, table_name, &none_of.table_name);
    texts!(object_id, object_id, &none_of.object_id);
    texts!(user_id, user, &none_of.user);
    texts!(user_name, user_name, &none_of.user_name);
    texts!(user_email, user_email, &none_of.user_email);
    texts!(action, action, &none_of.action);
    texts!(url, url, &none_of.url);
    if !filter.asks_network() {
        texts!(remote_addr, remote_addr, &none_of.remote_addr);
    }
    texts!(outcome, outcome, &none_of.outcome);
    texts!(correlation_id, correlation_id, &none_of.correlation_id);
    texts!(source, source, &none_of.source);
    texts!(impersonator_id, impersonator, &none_of.impersonator);
    all
}

fn interval<C>(column: C, interval: Interval) -> impl Iterator<Item = Predicate>
where
    C: Clone + ExpressionMethods + Expression<SqlType = diesel::sql_types::BigInt> + 'static,
    diesel::dsl::GtEq<C, i64>: BoxableExpression<events::table, Backend, SqlType = Bool>,
    diesel::dsl::Lt<C, i64>: BoxableExpression<events::table, Backend, SqlType = Bool>,
{
    let from = interval.lower().map(|start| Box::new(column.clone().ge(start)) as Predicate);
    let to = interval.upper().map(|end| Box::new(column.lt(end)) as Predicate);
    from.into_iter().chain(to)
}

/// The same filter in terms of the search index. Returns `None` if the filter has a condition that
/// is not indexed.
pub(super) fn condition(filter: &EventFilter) -> Option<Condition> {
    // This names every field, so that a new field is not forgotten here. `patterns` has the
    // beginning of the url.
    let EventFilter {
        matches_nothing,
        uuid,
        content_type,
        table_name,
        object_id,
        user,
        user_name,
        user_email,
        person,
        action,
        url,
        url_prefix: _,
        remote_addr,
        outcome,
        correlation_id,
        source,
        impersonator,
        changed,
        search,
        one_of,
        none_of,
        timestamp,
        recorded_at,
        position,
    } = filter;
    let patterns = patterns(filter)?;
    let remote_addr = if filter.asks_network() { &None } else { remote_addr };
    if *matches_nothing || uuid.is_some() || !one_of.uuid.is_empty() || !none_of.uuid.is_empty() {
        return None;
    }
    let texts = [
        (Dimension::TableName, table_name),
        (Dimension::ObjectId, object_id),
        (Dimension::UserId, user),
        (Dimension::UserName, user_name),
        (Dimension::UserEmail, user_email),
        (Dimension::Action, action),
        (Dimension::Url, url),
        (Dimension::RemoteAddr, remote_addr),
        (Dimension::Outcome, outcome),
        (Dimension::CorrelationId, correlation_id),
        (Dimension::Source, source),
        (Dimension::Impersonator, impersonator),
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
    let has_network = filter.asks_network();
    all_of.extend(terms(one_of, has_network).filter(|terms| !terms.is_empty()));
    let asks_changed = changed.is_some() || !(one_of.changed.is_empty() && none_of.changed.is_empty());
    // An entry with the mark is read, so the mark itself does not exclude it.
    let none_of = terms(none_of, has_network).flatten().filter(|term| *term != Term::changed_mark()).collect();
    let with_changed = |terms: &&mut Vec<Term>| terms.iter().any(Term::is_changed);
    all_of.iter_mut().filter(with_changed).for_each(|terms| terms.push(Term::changed_mark()));
    Some(Condition {
        all_of,
        none_of,
        patterns,
        asks_changed,
        search,
        time: *timestamp,
        position: *position,
        recorded_at: *recorded_at,
    })
}

/// The conditions that many values of a dimension meet. Returns `None` if the index cannot decide
/// one of them.
fn patterns(filter: &EventFilter) -> Option<Vec<(Pattern, bool)>> {
    let mut patterns = Vec::new();
    if let Some(prefix) = &filter.url_prefix {
        // The key of a text has its first characters as they are, up to one of these.
        if prefix.chars().count() > limits::URL_PREFIX_CHARS_MAX || prefix.contains(['\0', '\x01']) {
            return None;
        }
        patterns.push((Pattern::UrlPrefix(prefix.clone()), true));
    }
    if filter.asks_network() {
        let [one_of, none_of] = [&filter.one_of, &filter.none_of].map(|values| &values.remote_addr);
        patterns.extend(filter.remote_addr.as_ref().map(|wanted| (Pattern::remote_addr([wanted]), true)));
        patterns.extend((!one_of.is_empty()).then(|| (Pattern::remote_addr(one_of), true)));
        patterns.extend((!none_of.is_empty()).then(|| (Pattern::remote_addr(none_of), false)));
    }
    Some(patterns)
}

/// The terms of each list of values. With a network, remote addresses are patterns.
fn terms(values: &EventValues, has_network: bool) -> impl Iterator<Item = Vec<Term>> {
    // This names every field, as above; uuids are not indexed.
    let EventValues {
        uuid: _,
        content_type,
        table_name,
        object_id,
        user,
        user_name,
        user_email,
        action,
        url,
        remote_addr,
        outcome,
        correlation_id,
        source,
        impersonator,
        changed,
    } = values;
    let none = BTreeSet::new();
    let remote_addr = if has_network { &none } else { remote_addr };
    let texts = [
        (Dimension::TableName, table_name),
        (Dimension::ObjectId, object_id),
        (Dimension::UserId, user),
        (Dimension::UserName, user_name),
        (Dimension::UserEmail, user_email),
        (Dimension::Action, action),
        (Dimension::Url, url),
        (Dimension::RemoteAddr, remote_addr),
        (Dimension::Outcome, outcome),
        (Dimension::CorrelationId, correlation_id),
        (Dimension::Source, source),
        (Dimension::Impersonator, impersonator),
        (Dimension::Changed, changed),
    ];
    let texts = texts.map(|(dimension, texts)| texts_of(dimension, texts));
    std::iter::once(numbers_of(Dimension::ContentType, content_type)).chain(texts)
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
            let condition = condition(&filter).unwrap();
            assert!(condition.has_terms() && !filter.is_everything(), "{condition:?}");
        }
        assert!(EventFilter::default().is_everything());
    }
}
