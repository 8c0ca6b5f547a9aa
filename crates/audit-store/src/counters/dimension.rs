//! What entries are counted by.

use audit_domain::{ActionLogKeys, EventKeys, Keys};

/// What entries are counted by. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Dimension {
    /// All of a log, under the empty key.
    Total = 0,
    ContentType = 1,
    TableName = 2,
    Action = 3,
    /// The user's id.
    User = 4,
    /// The user's name, else the id.
    Person = 5,
    Level = 6,
    LoggerName = 7,
    AppName = 8,
}

impl Dimension {
    /// The number that stands for it in the database.
    pub(crate) fn number(self) -> i16 {
        self as i16
    }

    /// Whether it is counted by the hour as well. Users are not: a user and an hour have few entries in common, so that there
    /// would be nearly as many counters as entries.
    pub(crate) fn is_hourly(self) -> bool {
        !matches!(self, Dimension::User | Dimension::Person)
    }

    /// What an entry counts under, in each of its dimensions.
    pub(crate) fn of(keys: &Keys) -> Vec<(Dimension, String)> {
        let of_stream = match keys {
            Keys::Event(keys) => of_event(keys),
            Keys::ActionLog(keys) => of_action_log(keys),
        };
        let present = of_stream.into_iter().filter_map(|(dimension, key)| key.map(|key| (dimension, key)));
        std::iter::once((Dimension::Total, String::new())).chain(present).collect()
    }
}

fn of_event(keys: &EventKeys) -> Vec<(Dimension, Option<String>)> {
    vec![
        (Dimension::ContentType, keys.content_type.map(|number| number.to_string())),
        (Dimension::TableName, keys.table_name.clone()),
        (Dimension::Action, keys.action.clone()),
        (Dimension::User, keys.user_id.clone()),
        (Dimension::Person, keys.user_name.clone().or_else(|| keys.user_id.clone())),
    ]
}

fn of_action_log(keys: &ActionLogKeys) -> Vec<(Dimension, Option<String>)> {
    vec![
        (Dimension::Level, keys.level.map(|level| level.to_string())),
        (Dimension::LoggerName, keys.logger_name.clone()),
        (Dimension::AppName, keys.app_name.clone()),
    ]
}
