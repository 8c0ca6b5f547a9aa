//! Summaries are the sums of what the reference matches.

use std::collections::HashMap;

use audit_store::domain::{
    ActionLog, ActionLogFilter, ChannelGrant, Entry, Event, EventFilter, JsonText, Span, Timestamp, User, index_key, slot, weekday,
};
use audit_store::{ActionLogGroupBy, GroupBy, GroupKey, Histogram, StreamTypes, Summary};
use proptest::prelude::*;

use crate::common::grant;
use crate::common::{ActionLogs, Events, Scratch};
use crate::population::{self, Population};

/// What a record is counted under: numbers before texts before null, texts by the form that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    Number(i64),
    Text(String),
    Null,
}

fn text(json: &JsonText) -> Key {
    let decoded = json.decoded().map_or_else(|| json.as_str().as_bytes().to_vec(), |text| text.as_bytes().to_vec());
    Key::Text(index_key(&decoded))
}

fn span(entry: &Entry, span: Span) -> Key {
    Key::Number(span.start(entry.timestamp.micros()))
}

/// What a kind is grouped by.
pub(crate) trait Grouped: Population {
    type By: Copy + std::fmt::Debug + 'static;
    const ALL: &'static [Self::By];
    /// What its spans of time are split by.
    const SPLITS: &'static [Self::By];

    /// Whether its groups come in the order of their keys.
    fn is_in_order(by: Self::By) -> bool;
    fn key_of(record: &Self::Stored, by: Self::By) -> Key;
    fn summaries(scratch: &Scratch, channels: &ChannelGrant, filter: &Self::Filter, by: &[Self::By]) -> Vec<Summary>;
    fn histogram(
        scratch: &Scratch,
        channels: &ChannelGrant,
        filter: &Self::Filter,
        span: Span,
        split_by: Option<Self::By>,
    ) -> Histogram;
}

impl Grouped for Events {
    type By = GroupBy;
    const ALL: &'static [GroupBy] = &[
        GroupBy::TableName,
        GroupBy::ContentType,
        GroupBy::User,
        GroupBy::Person,
        GroupBy::Action,
        GroupBy::Url,
        GroupBy::RemoteAddr,
        GroupBy::Outcome,
        GroupBy::CorrelationId,
        GroupBy::Source,
        GroupBy::Impersonator,
        GroupBy::Producer,
        GroupBy::Hour,
        GroupBy::Day,
        GroupBy::Week,
        GroupBy::Month,
        GroupBy::Weekday,
    ];
    const SPLITS: &'static [GroupBy] = &[GroupBy::Action, GroupBy::TableName, GroupBy::ContentType, GroupBy::Outcome];

    fn is_in_order(by: GroupBy) -> bool {
        matches!(by, GroupBy::Hour | GroupBy::Day | GroupBy::Week | GroupBy::Month | GroupBy::Weekday)
    }

    fn key_of(event: &Event, by: GroupBy) -> Key {
        let subject = event.subject();
        match by {
            GroupBy::TableName => subject.table_name.as_ref().map_or(Key::Null, text),
            GroupBy::Action => subject.action.as_ref().map_or(Key::Null, |action| text(action.json())),
            GroupBy::ContentType => subject.content_type.map_or(Key::Null, Key::Number),
            GroupBy::User | GroupBy::Person => {
                let identity = event.entry.slots.value(slot::USER).map(|json| User::from_json(json.clone()).unwrap().identity());
                let (id, name) = identity.map_or((None, None), |identity| (identity.id, identity.name));
                let shown = if by == GroupBy::Person { name.or(id) } else { id };
                shown.map_or(Key::Null, |text| Key::Text(text.index_key()))
            }
            GroupBy::Outcome => subject.outcome.as_ref().map_or(Key::Null, |outcome| text(outcome.json())),
            GroupBy::CorrelationId => subject.correlation_id.as_ref().map_or(Key::Null, text),
            GroupBy::Source => subject.source.as_ref().map_or(Key::Null, text),
            GroupBy::Impersonator => {
                let id = event.impersonator().and_then(|user| user.identity().id);
                id.map_or(Key::Null, |text| Key::Text(text.index_key()))
            }
            GroupBy::Url => event.entry.slots.value(slot::URL).map_or(Key::Null, text),
            GroupBy::RemoteAddr => event.entry.slots.value(slot::REMOTE_ADDR).map_or(Key::Null, text),
            GroupBy::Producer => Key::Number(event.entry.producer_id),
            GroupBy::Hour => span(&event.entry, Span::Hour),
            GroupBy::Day => span(&event.entry, Span::Day),
            GroupBy::Week => span(&event.entry, Span::Week),
            GroupBy::Month => span(&event.entry, Span::Month),
            GroupBy::Weekday => Key::Number(weekday(event.entry.timestamp.micros())),
        }
    }

    fn summaries(scratch: &Scratch, channels: &ChannelGrant, filter: &EventFilter, by: &[GroupBy]) -> Vec<Summary> {
        by.iter().map(|by| scratch.store.channels(channels.clone()).events().summary(filter, *by).unwrap()).collect()
    }

    fn histogram(
        scratch: &Scratch,
        channels: &ChannelGrant,
        filter: &EventFilter,
        span: Span,
        split_by: Option<GroupBy>,
    ) -> Histogram {
        scratch.store.channels(channels.clone()).events().histogram(filter, span, split_by).unwrap()
    }
}

impl Grouped for ActionLogs {
    type By = ActionLogGroupBy;
    const ALL: &'static [ActionLogGroupBy] = &[
        ActionLogGroupBy::Level,
        ActionLogGroupBy::LoggerName,
        ActionLogGroupBy::AppName,
        ActionLogGroupBy::CorrelationId,
        ActionLogGroupBy::Producer,
        ActionLogGroupBy::Hour,
        ActionLogGroupBy::Day,
        ActionLogGroupBy::Week,
        ActionLogGroupBy::Month,
        ActionLogGroupBy::Weekday,
    ];
    const SPLITS: &'static [ActionLogGroupBy] = &[ActionLogGroupBy::Level, ActionLogGroupBy::LoggerName];

    fn is_in_order(by: ActionLogGroupBy) -> bool {
        use ActionLogGroupBy as By;
        matches!(by, By::Hour | By::Day | By::Week | By::Month | By::Weekday)
    }

    fn key_of(log: &ActionLog, by: ActionLogGroupBy) -> Key {
        let record = log.subject().unwrap();
        match by {
            ActionLogGroupBy::Level => Key::Number(record.level),
            ActionLogGroupBy::LoggerName => record.logger_name.as_ref().map_or(Key::Null, text),
            ActionLogGroupBy::AppName => record.app_name.as_ref().map_or(Key::Null, text),
            ActionLogGroupBy::CorrelationId => record.correlation_id.as_ref().map_or(Key::Null, text),
            ActionLogGroupBy::Producer => Key::Number(log.entry.producer_id),
            ActionLogGroupBy::Hour => span(&log.entry, Span::Hour),
            ActionLogGroupBy::Day => span(&log.entry, Span::Day),
            ActionLogGroupBy::Week => span(&log.entry, Span::Week),
            ActionLogGroupBy::Month => span(&log.entry, Span::Month),
            ActionLogGroupBy::Weekday => Key::Number(weekday(log.entry.timestamp.micros())),
        }
    }

    fn summaries(scratch: &Scratch, channels: &ChannelGrant, filter: &ActionLogFilter, by: &[ActionLogGroupBy]) -> Vec<Summary> {
        by.iter().map(|by| scratch.store.channels(channels.clone()).action_logs().summary(filter, *by).unwrap()).collect()
    }

    fn histogram(
        scratch: &Scratch,
        channels: &ChannelGrant,
        filter: &ActionLogFilter,
        span: Span,
        split_by: Option<ActionLogGroupBy>,
    ) -> Histogram {
        scratch.store.channels(channels.clone()).action_logs().histogram(filter, span, split_by).unwrap()
    }
}

pub(crate) fn key_shown(key: &GroupKey) -> Key {
    match key {
        GroupKey::Null => Key::Null,
        GroupKey::Number(number) => Key::Number(*number),
        GroupKey::Text(json) => text(json),
        GroupKey::Time(at) => Key::Number(at.micros()),
    }
}

type Questions<K> = Vec<(population::Wanted<<K as StreamTypes>::Filter>, Option<Vec<i64>>)>;

fn questions<K: Population>() -> impl Strategy<Value = Questions<K>> {
    prop::collection::vec((population::wanted::<K>(), population::channels()), 15)
}

fn assert_sums<K: Grouped>(batches: &[Vec<String>], questions: Questions<K>) {
    let scratch = Scratch::new();
    let records = population::stored::<K>(&scratch, batches);
    assert_sums_of::<K>(&scratch, &records, questions);
}

fn assert_sums_of<K: Grouped>(scratch: &Scratch, records: &[K::Stored], questions: Questions<K>) {
    for (wanted, channels) in questions {
        let (filter, channels) = (wanted.filter::<K>(records), grant(&channels));
        let matching: Vec<&K::Stored> =
            records.iter().filter(|record| channels.allows(record.as_ref().channel_id) && K::matches(&filter, record)).collect();
        for by in K::ALL {
            let mut sums: HashMap<Key, i64> = HashMap::new();
            for record in &matching {
                *sums.entry(K::key_of(record, *by)).or_default() += 1;
            }
            let mut sums: Vec<(Key, i64)> = sums.into_iter().collect();
            let in_order = K::is_in_order(*by);
            sums.sort_by(|a, b| if in_order { a.cmp(b) } else { b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)) });
            let summary = K::summaries(scratch, &channels, &filter, &[*by]).remove(0);
            assert_eq!(K::summaries(scratch, &channels, &filter, &[K::ALL[0], *by])[1], summary, "several are of one snapshot");
            let groups: Vec<(Key, i64)> = summary.groups.iter().map(|group| (key_shown(&group.key), group.count)).collect();
            assert_eq!(summary.total, matching.len() as i64);
            assert_eq!(groups, sums, "{by:?} {filter:?}");
        }
    }
}

proptest! {
    #![proptest_config(population::config(6))]

    #[test]
    fn groups_of_events_are_the_sums_of_what_the_reference_matches(
        batches in population::batches::<Events>(), questions in questions::<Events>(),
    ) {
        assert_sums::<Events>(&batches, questions);
    }

    #[test]
    fn groups_of_action_logs_are_those_of_the_reference(
        batches in population::batches::<ActionLogs>(), questions in questions::<ActionLogs>(),
    ) {
        assert_sums::<ActionLogs>(&batches, questions);
    }
}

proptest! {
    #![proptest_config(population::config(4))]

    #[test]
    fn groups_of_events_are_the_same_with_an_index(
        batches in population::batches::<Events>(), questions in questions::<Events>(),
    ) {
        let scratch = Scratch::new();
        let records = population::indexed::<Events>(&scratch, &batches);
        assert_sums_of::<Events>(&scratch, &records, questions);
    }

    #[test]
    fn groups_that_do_not_fit_into_memory_are_the_same(
        batches in population::batches::<Events>(), questions in questions::<Events>(),
    ) {
        let scratch = Scratch::with(|config| config.values_at_once = 2);
        let records = population::indexed::<Events>(&scratch, &batches);
        assert_sums_of::<Events>(&scratch, &records, questions);
    }

    #[test]
    fn groups_of_action_logs_are_the_same_with_an_index(
        batches in population::batches::<ActionLogs>(), questions in questions::<ActionLogs>(),
    ) {
        let scratch = Scratch::new();
        let records = population::indexed::<ActionLogs>(&scratch, &batches);
        assert_sums_of::<ActionLogs>(&scratch, &records, questions);
    }
}

fn first_group<K: Grouped>(scratch: &Scratch, by: K::By) -> GroupKey {
    let summary = K::summaries(scratch, &crate::common::only(1), &K::Filter::default(), &[by]).remove(0);
    summary.groups[0].key.clone()
}

#[test]
fn hours_and_days_before_1970_start_before_their_records() {
    let scratch = Scratch::new();
    scratch.append_one::<Events>(r#""timestamp":"1969-12-31T23:59:59.999999Z""#);
    scratch.append_one::<ActionLogs>(r#""created_at":"1969-12-31T23:59:59.999999Z""#);
    let at = |text: &str| GroupKey::Time(Timestamp::parse(text).unwrap());
    assert_eq!(first_group::<Events>(&scratch, GroupBy::Hour), at("1969-12-31T23:00:00Z"));
    assert_eq!(first_group::<Events>(&scratch, GroupBy::Day), at("1969-12-31"));
    assert_eq!(first_group::<ActionLogs>(&scratch, ActionLogGroupBy::Hour), at("1969-12-31T23:00:00Z"));
    assert_eq!(first_group::<ActionLogs>(&scratch, ActionLogGroupBy::Day), at("1969-12-31"));
}

/// An index counts a block of times by its ends where both are in one span, which two Mondays are not.
#[test]
fn between_two_mondays_there_are_other_days() {
    let scratch = Scratch::new();
    for day in [16, 17, 23] {
        for _ in 0..24 {
            scratch.append_one::<Events>(&format!(r#""timestamp":"2023-10-{day}T12:00:00Z""#));
        }
    }
    let groups = || {
        let summary = Events::summaries(&scratch, &crate::common::only(1), &EventFilter::default(), &[GroupBy::Weekday]).remove(0);
        summary.groups.iter().map(|group| (group.key.clone(), group.count)).collect::<Vec<_>>()
    };
    let wanted = [(GroupKey::Number(1), 48), (GroupKey::Number(2), 24)];
    assert_eq!(groups(), wanted);
    scratch.store.index().unwrap();
    assert_eq!(groups(), wanted);
}

#[test]
fn a_text_too_long_for_an_index_is_shown_as_it_was_received() {
    let scratch = Scratch::new();
    let long = format!(r#""\u0061{}""#, "x".repeat(300));
    let user = format!(r#"{{"pk":{long},"username":{long}}}"#);
    scratch.append_one::<Events>(&format!(r#""table_name":{long},"url":{long},"user":{user},"action":"\ud800""#));
    scratch.append_one::<ActionLogs>(&format!(r#""logger_name":{long},"app_name":"\ud800""#));
    let shown = |key| match key {
        GroupKey::Text(json) => json.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    for by in [GroupBy::TableName, GroupBy::User, GroupBy::Person, GroupBy::Url] {
        assert_eq!(shown(first_group::<Events>(&scratch, by)), long);
    }
    assert_eq!(shown(first_group::<Events>(&scratch, GroupBy::Action)), r#""\ud800""#);
    assert_eq!(shown(first_group::<ActionLogs>(&scratch, ActionLogGroupBy::LoggerName)), long);
    assert_eq!(shown(first_group::<ActionLogs>(&scratch, ActionLogGroupBy::AppName)), r#""\ud800""#);
    // An index says which entry has the text.
    for _ in 0..65 {
        scratch.append_one::<Events>(&format!(r#""url":{long}"#));
    }
    scratch.store.index().unwrap();
    assert_eq!(shown(first_group::<Events>(&scratch, GroupBy::Url)), long);
}
