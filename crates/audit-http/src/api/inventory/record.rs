//! Reads a log of the inventory API into an event.

use audit_store::domain::{
    Fault, FieldError, InputError, JsonKind, JsonText, Member, Members, NewEvent, ObjectWriter, ParseMode, limits,
};

/// The actions of the published page.
const ACTIONS: [&str; 4] = ["CREATE", "UPDATE", "DELETE", "READ"];

/// Members that have the same name in an event and that a log may have too. `user`, `object_id`,
/// `remote_addr` and `content` are not among them. This API makes them from members with other
/// names, and keeps members with these four names as it keeps any unknown member.
const SAME_NAME: [&str; 15] = [
    "uuid",
    "channel_id",
    "timestamp",
    "action",
    "table_name",
    "description",
    "content_type",
    "url",
    "query_params",
    "post_data",
    "headers",
    "outcome",
    "correlation_id",
    "source",
    "impersonator",
];

/// Reads one log in the form of the inventory API: the body of `POST /api/v1/audit/logs`, or a line
/// of its NDJSON files.
///
/// - `user_id` and `user_name` become the user: an object `{"pk":…,"username":…}`, or the bare id
///   if there is no name.
/// - `record_id` becomes `object_id`, and `ip_address` becomes `remote_addr`.
/// - `old_values` and `new_values` become the content `{"old_data":…,"new_data":…}`. The content
///   has both members if at least one side has a value, as the other APIs show a change. Without
///   any value there is no content.
/// - `uuid`, `channel_id` and the other members of an event keep their names. Unknown members are
///   kept in `extra`.
///
/// A null member counts as absent. If a member is repeated, the last one counts.
///
/// ```
/// let log = r#"{"user_id":"7","user_name":"zoe","action":"UPDATE","table_name":"products","record_id":859,
///               "old_values":{"quantity":1.0},"new_values":{"quantity":2.0}}"#;
/// let event = audit_http::parse_inventory_log(log)?;
/// assert_eq!(event.user.unwrap().json().as_str(), r#"{"pk":"7","username":"zoe"}"#);
/// assert_eq!(event.content.unwrap().as_str(), r#"{"old_data":{"quantity":1.0},"new_data":{"quantity":2.0}}"#);
/// # Ok::<(), audit_http::store::domain::InputError>(())
/// ```
///
/// # Errors
/// [`InputError`]: the text is not a JSON object, is too large, or has faulty members. The error
/// lists all faulty members by their names in this API.
pub fn parse_inventory_log(text: &str) -> Result<NewEvent, InputError> {
    if text.len() > limits::EVENT_BYTES_MAX {
        return Err(InputError::TooLarge { bytes: text.len() });
    }
    let mut log = Log::default();
    for member in Members::parse_limited(text)? {
        log.take(member);
    }
    log.into_event().map_err(InputError::Fields)
}

/// The members of a log, grouped by their use in the event.
#[derive(Default)]
struct Log<'a> {
    user_id: Option<JsonText>,
    user_name: Option<JsonText>,
    record_id: Option<JsonText>,
    ip_address: Option<JsonText>,
    old_values: Option<JsonText>,
    new_values: Option<JsonText>,
    extra: Option<JsonText>,
    same_name: Vec<Member<'a>>,
    unknown: Vec<Member<'a>>,
}

impl<'a> Log<'a> {
    fn take(&mut self, member: Member<'a>) {
        let own = match member.name.as_str() {
            "user_id" => &mut self.user_id,
            "user_name" => &mut self.user_name,
            "record_id" => &mut self.record_id,
            "ip_address" => &mut self.ip_address,
            "old_values" => &mut self.old_values,
            "new_values" => &mut self.new_values,
            "extra" => &mut self.extra,
            name if SAME_NAME.contains(&name) => return self.same_name.push(member),
            _ => return self.unknown.push(member),
        };
        *own = Some(member.value).filter(|value| value.kind() != JsonKind::Null);
    }

    fn into_event(self) -> Result<NewEvent, Vec<FieldError>> {
        let mut errors = self.faults();
        let user = self.user_id.map(|id| user(&id, self.user_name.as_ref()));
        let content = content(self.old_values.as_ref(), self.new_values.as_ref());
        let extra = if self.unknown.is_empty() { self.extra } else { Some(extra(&self.unknown)) };
        let made = [
            ("user", user),
            ("object_id", self.record_id),
            ("remote_addr", self.ip_address),
            ("content", content),
            ("extra", extra),
        ];
        let made = made.into_iter().filter_map(|(name, value)| Some(Member { key: "", name: name.to_owned(), value: value? }));
        let members = self.same_name.into_iter().chain(made).collect();
        match NewEvent::from_members(members, ParseMode::PUBLISHED) {
            Ok(event) if errors.is_empty() => Ok(event),
            Ok(_) => Err(errors),
            Err(others) => {
                // A faulty one of these members is reported already, by its name in this API.
                errors.extend(
                    others.into_iter().filter(|error| !["user", "object_id"].contains(&error.field.as_str())).map(own_name),
                );
                Err(errors)
            }
        }
    }

    /// Finds the faults in addition to those that an event reports for its own members.
    fn faults(&self) -> Vec<FieldError> {
        let last = |name: &str| {
            let value = self.same_name.iter().rev().find(|member| member.name == name).map(|member| &member.value);
            value.filter(|value| value.kind() != JsonKind::Null)
        };
        let (user_id, record_id) = (self.user_id.as_ref(), self.record_id.as_ref());
        let required =
            [("user_id", user_id), ("action", last("action")), ("table_name", last("table_name")), ("record_id", record_id)];
        let missing = required.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| FieldError::new(*name, Fault::Required));
        let mut errors: Vec<FieldError> = missing.collect();
        for (name, id) in [("user_id", user_id), ("record_id", record_id)] {
            if let Some(id) = id.filter(|id| id.kind() != JsonKind::String && !id.is_integer()) {
                errors.push(FieldError::new(name, Fault::NotAnObjectId(id.kind())));
            }
        }
        if let Some(name) = self.user_name.as_ref().filter(|name| name.kind() != JsonKind::String) {
            errors.push(FieldError::new("user_name", Fault::NotAString(name.kind())));
        }
        if let Some(action) = last("action").and_then(JsonText::decoded)
            && !ACTIONS.iter().any(|known| known.as_bytes() == action.as_bytes())
        {
            errors.push(FieldError::new("action", Fault::NotOneOf("CREATE, UPDATE, DELETE or READ")));
        }
        if self.extra.is_some() {
            errors.extend(self.unknown.iter().map(|member| FieldError::new(&member.name, Fault::BesideExtra)));
        }
        errors
    }
}

/// Makes the user. A bare id says as much as an object that has only the id, and the OMS API writes
/// a bare id.
fn user(id: &JsonText, name: Option<&JsonText>) -> JsonText {
    let Some(name) = name else { return id.clone() };
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    object.text("pk", Some(id)).text("username", Some(name));
    object.end();
    JsonText::from_trusted(out)
}

fn content(old: Option<&JsonText>, new: Option<&JsonText>) -> Option<JsonText> {
    old.or(new)?;
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    object.text("old_data", old).text("new_data", new);
    object.end();
    Some(JsonText::from_trusted(out))
}

fn extra(unknown: &[Member<'_>]) -> JsonText {
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    for member in unknown {
        object.raw_key(member.key, member.value.as_str());
    }
    object.end();
    JsonText::from_trusted(out)
}

fn own_name(error: FieldError) -> FieldError {
    if error.field == "remote_addr" { FieldError::new("ip_address", error.fault) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: &str = r#""user_id":"7","action":"READ","table_name":"products","record_id":"A-1""#;

    fn read(rest: &str) -> NewEvent {
        parse_inventory_log(&format!("{{{REQUIRED}{rest}}}")).unwrap()
    }

    fn said(text: &str) -> String {
        parse_inventory_log(text).unwrap_err().to_string()
    }

    #[test]
    fn a_side_without_a_value_is_null_beside_one_that_has_one() {
        let content = |rest: &str| read(rest).content.map(|content| content.to_string());
        assert_eq!(content(""), None);
        assert_eq!(content(r#","old_values":null,"new_values":null"#), None);
        assert_eq!(content(r#","new_values":{}"#).as_deref(), Some(r#"{"old_data":null,"new_data":{}}"#));
        assert_eq!(
            content(r#","old_values":[ 1.0 ],"new_values":null"#).as_deref(),
            Some(r#"{"old_data":[ 1.0 ],"new_data":null}"#)
        );
    }

    #[test]
    fn unknown_members_are_kept_whatever_they_are_called() {
        let event = read(r#","session":"s","user":1,"content" : {"a": 1},"session":2,"url":"/x""#);
        assert_eq!(event.extra.unwrap().as_str(), r#"{"session":"s","user":1,"content":{"a": 1},"session":2}"#);
        assert_eq!(event.user.unwrap().json().as_str(), "\"7\"");
        assert_eq!(event.url.unwrap().as_str(), "\"/x\"");
        assert_eq!(read(r#","extra":{"a":1}"#).extra.unwrap().as_str(), r#"{"a":1}"#);
    }

    #[test]
    fn every_faulty_member_is_named_as_it_is_called_here() {
        assert_eq!(said("{}"), "user_id is required; action is required; table_name is required; record_id is required");
        let faulty =
            r#"{"user_id":1.5,"user_name":1,"action":"LOGIN","table_name":1,"record_id":[],"ip_address":{},"timestamp":"x"}"#;
        let said = said(faulty);
        let expected = [
            "user_id must be an integer or a string, got a number",
            "record_id must be an integer or a string, got an array",
            "user_name must be a string, got a number",
            "action must be CREATE, UPDATE, DELETE or READ",
            "table_name must be a string, got a number",
            "timestamp must be a date-time such as 2023-10-16T09:00:00.929094Z, in the years 1 to 9999",
            "ip_address must be a string, got an object",
        ];
        assert_eq!(said, expected.join("; "));
    }

    #[test]
    fn of_a_repeated_member_the_last_counts() {
        let event = read(r#","user_id":{},"user_id":8,"action":"X","action":"\u0052EAD","old_values":1,"old_values":null"#);
        assert_eq!(event.user.unwrap().json().as_str(), "8");
        assert_eq!(event.action.unwrap().json().as_str(), r#""\u0052EAD""#);
        assert_eq!(event.content, None);
    }

    #[test]
    fn an_extra_beside_unknown_members_is_a_fault_of_these() {
        let text = format!(r#"{{{REQUIRED},"extra":{{}},"session":1}}"#);
        assert!(said(&text).starts_with("session is not known, and `extra` is given as well"), "{}", said(&text));
    }
}
