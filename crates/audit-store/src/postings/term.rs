//! The terms of entries: the values of their dimensions.

use audit_domain::{ActionLogFilterColumns, EventFilterColumns};

/// A dimension. The database stores these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Dimension {
    Producer = 1,
    ContentType = 2,
    TableName = 3,
    Action = 4,
    ObjectId = 5,
    /// The user's id.
    UserId = 6,
    UserName = 7,
    /// The user's name, or the user's id if there is no name.
    Person = 8,
    RemoteAddr = 9,
    Url = 10,
    Level = 11,
    LoggerName = 12,
    AppName = 13,
    /// The name of a changed field. The empty name marks an entry of which not all names are
    /// indexed.
    Changed = 14,
    /// A word of one of the searched texts. The empty word marks an entry of which not all words
    /// are indexed.
    Word = 15,
    Outcome = 16,
    CorrelationId = 17,
    /// The application of an event.
    Source = 18,
    /// The id of the impersonator.
    Impersonator = 19,
    /// The e-mail address in the user's snapshot.
    UserEmail = 20,
}

impl Dimension {
    /// Whether the values are numbers and not texts.
    pub(crate) fn is_of_numbers(self) -> bool {
        matches!(self, Dimension::Producer | Dimension::ContentType | Dimension::Level)
    }
}

/// A value of a dimension, as bytes that are ordered like the values. A text has the form of its
/// index key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Term(Vec<u8>);

impl Term {
    pub(crate) fn text(dimension: Dimension, key: &str) -> Term {
        let mut bytes = Vec::with_capacity(1 + key.len());
        bytes.push(dimension as u8);
        bytes.extend_from_slice(key.as_bytes());
        Term(bytes)
    }

    pub(crate) fn number(dimension: Dimension, number: i64) -> Term {
        Term([vec![dimension as u8], Term::number_value(number)].concat())
    }

    /// Encodes a value of a dimension of numbers.
    pub(crate) fn number_value(number: i64) -> Vec<u8> {
        // With the sign bit inverted, a negative number is less than a positive one in the order of
        // bytes too.
        (number ^ i64::MIN).to_be_bytes().to_vec()
    }

    /// Decodes a value of a dimension of numbers.
    pub(crate) fn to_number(value: &[u8]) -> Option<i64> {
        Some(i64::from_be_bytes(value.try_into().ok()?) ^ i64::MIN)
    }

    /// The mark of an entry of which not all changed fields are indexed. A field may have the empty
    /// name too, and a query for it finds the entry in the same way.
    pub(crate) fn changed_mark() -> Term {
        Term::text(Dimension::Changed, "")
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.0.first() == Some(&(Dimension::Changed as u8))
    }

    /// A word of a text.
    pub(super) fn word(word: &[u8]) -> Term {
        Term([&[Dimension::Word as u8], word].concat())
    }

    /// The cache key of the entries with words of a kind: words that begin with, end with or
    /// continue with a text.
    pub(super) fn words(kind: u8, text: &[u8]) -> Term {
        Term([&[u8::MAX, kind], text].concat())
    }

    /// The end of the terms whose text begins with a text. No byte of a text is the last one.
    pub(super) fn end_of(dimension: Dimension, beginning: &str) -> Term {
        Term([&[dimension as u8], beginning.as_bytes(), &[u8::MAX]].concat())
    }

    /// The cache key of the entries that meet a pattern.
    pub(super) fn pattern(pattern: &str) -> Term {
        Term([&[u8::MAX, 0], pattern.as_bytes()].concat())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The terms of an event, each once.
    pub(crate) fn of_event(producer_id: i64, keys: &EventFilterColumns) -> Vec<Term> {
        use Dimension::{
            Action, ContentType, CorrelationId, Impersonator, ObjectId, Outcome, Person, Producer, RemoteAddr, Source, TableName,
            Url, UserEmail, UserId, UserName,
        };
        let texts = [
            (TableName, &keys.table_name),
            (Action, &keys.action),
            (ObjectId, &keys.object_id),
            (UserId, &keys.user_id),
            (UserName, &keys.user_name),
            (UserEmail, &keys.user_email),
            (Person, if keys.user_name.is_some() { &keys.user_name } else { &keys.user_id }),
            (RemoteAddr, &keys.remote_addr),
            (Url, &keys.url),
            (Outcome, &keys.outcome),
            (CorrelationId, &keys.correlation_id),
            (Source, &keys.source),
            (Impersonator, &keys.impersonator_id),
        ];
        let texts = texts.into_iter().filter_map(|(dimension, key)| Some(Term::text(dimension, key.as_deref()?)));
        let numbers = [(Producer, Some(producer_id)), (ContentType, keys.content_type)];
        numbers.into_iter().filter_map(|(dimension, key)| Some(Term::number(dimension, key?))).chain(texts).collect()
    }

    /// The terms of an action log, each once.
    pub(crate) fn of_action_log(producer_id: i64, keys: &ActionLogFilterColumns) -> Vec<Term> {
        let numbers = [(Dimension::Producer, Some(producer_id)), (Dimension::Level, keys.level)];
        let texts = [
            (Dimension::LoggerName, &keys.logger_name),
            (Dimension::AppName, &keys.app_name),
            (Dimension::CorrelationId, &keys.correlation_id),
        ];
        let texts = texts.into_iter().filter_map(|(dimension, key)| Some(Term::text(dimension, key.as_deref()?)));
        numbers.into_iter().filter_map(|(dimension, key)| Some(Term::number(dimension, key?))).chain(texts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_bytes() {
        let numbers = [i64::MIN, -2, -1, 0, 1, 255, 256, i64::MAX];
        let terms = numbers.map(|number| Term::number(Dimension::Level, number));
        assert!(terms.is_sorted() && terms[0] != terms[1]);
    }

    #[test]
    fn a_person_is_the_name_or_else_the_id() {
        let keys = |id: &str, name: Option<&str>| EventFilterColumns {
            user_id: Some(id.to_owned()),
            user_name: name.map(str::to_owned),
            ..EventFilterColumns::default()
        };
        assert!(Term::of_event(1, &keys("7", Some("zoe"))).contains(&Term::text(Dimension::Person, "zoe")));
        assert!(Term::of_event(1, &keys("7", None)).contains(&Term::text(Dimension::Person, "7")));
    }
}
