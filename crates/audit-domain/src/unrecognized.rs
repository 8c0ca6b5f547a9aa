//! An object without any known member, and a guess of what the client meant: names in another
//! spelling, a list inside an object, or the record of another system.

use crate::json::{JsonKind, Members};

/// Members that the message names, with a suggestion for each. The other members are unknown too.
const SHOWN_MAX: usize = 5;

/// Characters of a name that the message shows.
const NAME_CHARS_MAX: usize = 40;

/// Letters in which a name may differ from the suggested one.
const LETTERS_WRONG_MAX: usize = 2;

/// The reason why an object is not accepted as a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}{}; {needs}", .format.map(|format| format!(": send it with format={format}")).unwrap_or_default())]
pub struct Unrecognized {
    /// What the object is, or the first names, with suggestions.
    why: String,
    /// The name of the format that takes it.
    format: Option<&'static str>,
    /// The requirements of a record.
    needs: &'static str,
}

/// What an object looks like: the record of another system.
pub(crate) struct Foreign {
    /// What it is instead of a record, and what to do with it if this API has no format that takes it.
    pub(crate) text: String,
    /// The name of the format that takes it. No native event has the members of such a record.
    pub(crate) format: Option<&'static str>,
}

impl Unrecognized {
    /// The record of another system.
    pub(crate) fn foreign(foreign: &Foreign, needs: &'static str) -> Unrecognized {
        Unrecognized { why: foreign.text.clone(), format: foreign.format, needs }
    }

    /// What the object is instead of a record.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }

    /// The name of the format that takes it, if it is the record of another system.
    #[must_use]
    pub fn format(&self) -> Option<&'static str> {
        self.format
    }

    /// An object without any known member.
    pub(crate) fn new(members: &Members<'_>, known: &[&str], needs: &'static str) -> Unrecognized {
        let members: Vec<_> = members.iter().collect();
        let wrapped = members.iter().find(|member| member.value.kind() == JsonKind::Array && members.len() == 1);
        // Only the server sets this one.
        let known: Vec<&str> = known.iter().copied().filter(|name| *name != "masked").collect();
        let hint = |name: &str| match nearest(name, &known) {
            Some(meant) => format!("`{}` (did you mean {meant}?)", shown(name)),
            None => format!("`{}`", shown(name)),
        };
        let mut hints: Vec<String> = members.iter().take(SHOWN_MAX).map(|member| hint(&member.name)).collect();
        if let Some(wrapped) = wrapped {
            hints = vec![format!("`{}` holds a list: send the list itself, without the object around it", shown(&wrapped.name))];
        } else if members.len() > SHOWN_MAX {
            hints.push(format!("and {} more", members.len() - SHOWN_MAX));
        }
        let why = match hints.as_slice() {
            [] => "is an empty object".to_owned(),
            hints => format!("has no known member: {}", hints.join(", ")),
        };
        Unrecognized { why, format: None, needs }
    }
}

fn shown(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

/// The known name with the most similar spelling: `objectId` is object_id, `aciton` is action.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.chars().count() > NAME_CHARS_MAX {
        return None;
    }
    let name = plain(name);
    let by_distance = known.iter().map(|known| (strsim::osa_distance(&name, &plain(known)), *known));
    let (wrong, nearest) = by_distance.min_by_key(|(wrong, _)| *wrong)?;
    // In a short name, two letters are most of it.
    (wrong <= LETTERS_WRONG_MAX.min(name.len() / 3)).then_some(nearest)
}

/// The letters of a name, without the characters that join its words.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use crate::{InputError, NewActionLog, NewEvent, ParseMode};

    fn said(text: &str) -> String {
        match NewEvent::parse(text, ParseMode::NATIVE) {
            Err(error @ InputError::Unrecognized(_)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_in_another_spelling_are_told_what_they_mean() {
        let all = said(r#"{"objectId":5,"contentType":3,"aciton":"LOGIN"}"#);
        let hints =
            "`objectId` (did you mean object_id?), `contentType` (did you mean content_type?), `aciton` (did you mean action?)";
        assert!(all.starts_with(&format!("has no known member: {hints}; an event needs at least one known member")), "{all}");
        assert!(said(r#"{"TABLE-NAME":"x"}"#).contains("did you mean table_name?"));
        for far in [r#"{"usr":1}"#, r#"{"a":1}"#, r#"{"":1}"#, r#"{"quantity":1}"#] {
            assert!(!said(far).contains("did you mean") || far.contains("usr"), "{far}: {}", said(far));
        }
        assert!(said(r#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}"#).contains("`e`, and 2 more;"));
        assert!(said(&format!(r#"{{"{}":1}}"#, "é".repeat(100_000))).len() < 500);
    }

    #[test]
    fn a_list_in_an_object_is_to_be_sent_by_itself() {
        let wrapped = said(r#"{"events":[{"action":"LOGIN"},{"action":"LOGOUT"}]}"#);
        assert!(wrapped.contains("`events` holds a list: send the list itself, without the object around it"), "{wrapped}");
        let logs = NewActionLog::parse(r#"{"logs":[{"level":20,"message":"m"}]}"#, ParseMode::NATIVE).unwrap_err().to_string();
        assert!(logs.contains("`logs` holds a list") && logs.ends_with("an action log needs level and message"), "{logs}");
    }

    #[test]
    fn records_of_other_systems_are_told_their_format() {
        let records = said(r#"{"Records":[{"eventVersion":"1.08","eventID":"1"}]}"#);
        let hint = "is not a native event: it looks like CloudTrail records: send it with format=cloudtrail; an event needs";
        assert!(records.starts_with(hint), "{records}");
        let gitlab = said(r#"{"id":1,"author_id":1,"entity_id":6,"entity_type":"Project","created_at":"x"}"#);
        assert!(gitlab.contains("it looks like an audit event of GitLab: send created_at as timestamp"), "{gitlab}");
        // It has a member of the native API, which means something else there.
        let cloud_event = said(r#"{"specversion":"1.0","id":"1","source":"/shop","type":"a.b"}"#);
        assert!(cloud_event.contains("a CloudEvent: send it with format=cloudevents"), "{cloud_event}");
        let log = NewActionLog::parse(r#"{"resourceLogs":[]}"#, ParseMode::NATIVE).unwrap_err().to_string();
        let hint =
            "is not an action log: it looks like OTLP logs, which are appended as events in the format otlp; an action log needs";
        assert!(log.starts_with(hint), "{log}");
    }

    #[test]
    fn one_known_member_is_enough_and_without_any_there_is_no_event() {
        assert!(said("{}").starts_with("is an empty object; an event needs at least one known member"), "{}", said("{}"));
        for text in [r#"{"extra":{"a":1}}"#, r#"{"action":null,"a":1}"#, r#"{"uuid":null,"quantity":1}"#] {
            assert!(NewEvent::parse(text, ParseMode::NATIVE).is_ok(), "{text}");
        }
        for mode in [ParseMode::IMPORT, ParseMode::PUBLISHED] {
            assert!(NewEvent::parse(r#"{"a":1}"#, mode).is_ok() && NewEvent::parse("{}", mode).is_ok());
        }
    }
}
