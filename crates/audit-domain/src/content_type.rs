//! Content types with a number and a name, like Django's. The registry adds the name to an event
//! that has only the number, and the number to an event that has only the name.

use std::collections::{BTreeMap, HashMap};

use validator::{Validate, ValidationError};

use crate::error::{Fault, FieldError, InputError};
use crate::event::NewEvent;
use crate::json::{JsonError, JsonKind, JsonText, Members};
use crate::limits::NESTING_MAX;
use crate::parse::{integer, string};

/// A content type. Its `table_name` is `app_label.model`.
#[derive(Debug, Clone, PartialEq, Eq, Validate)]
pub struct ContentType {
    /// The number that the client uses for it.
    pub id: i64,
    /// The application, such as `auth`.
    #[validate(custom(function = is_name))]
    pub app_label: String,
    /// The model, such as `user`.
    #[validate(custom(function = is_name))]
    pub model: String,
}

/// Checks a name with Django's length limit. A dot would give two types the same name, and a
/// control character would move the cursor of the terminal that lists them.
fn is_name(text: &str) -> Result<(), ValidationError> {
    let chars = text.chars().count();
    let valid = (1..=CHARS_MAX).contains(&chars) && !text.contains(|c: char| c == '.' || c.is_control()) && text.trim() == text;
    if valid { Ok(()) } else { Err(ValidationError::new("name")) }
}

const CHARS_MAX: usize = 100;

impl ContentType {
    /// Makes a type with valid names.
    ///
    /// # Errors
    ///
    /// The faulty names.
    pub fn new(id: i64, app_label: &str, model: &str) -> Result<ContentType, Vec<FieldError>> {
        let content_type = ContentType { id, app_label: app_label.to_owned(), model: model.to_owned() };
        match content_type.validate() {
            Ok(()) => Ok(content_type),
            Err(invalid) => {
                let mut fields: Vec<String> = invalid.field_errors().keys().map(ToString::to_string).collect();
                fields.sort_unstable();
                Err(fields.into_iter().map(|field| FieldError::new(field, Fault::NotAModelName)).collect())
            }
        }
    }

    /// Parses `{"app_label","model"}`. An `id` in the text has to be this one.
    ///
    /// # Errors
    ///
    /// [`InputError`]: the text is not a JSON object, or it has faulty members, all of which are
    /// listed.
    pub fn parse(id: i64, text: &str) -> Result<ContentType, InputError> {
        let members = Members::parse(text)?;
        ContentType::from_members(&members, Some(id)).map_err(InputError::Fields)
    }

    /// The name that events have as their `table_name`.
    #[must_use]
    pub fn table_name(&self) -> String {
        format!("{}.{}", self.app_label, self.model)
    }

    fn from_members(members: &Members<'_>, id: Option<i64>) -> Result<ContentType, Vec<FieldError>> {
        let unknown = members.iter().filter(|member| !KNOWN.contains(&member.name.as_str()));
        let mut errors: Vec<FieldError> =
            unknown.map(|member| FieldError::new(&member.name, Fault::Unknown("id, app_label, model"))).collect();
        let times = |name: &str| members.iter().filter(|member| member.name == name).count();
        errors.extend(KNOWN.into_iter().filter(|name| times(name) > 1).map(|name| FieldError::new(name, Fault::Repeated)));
        let given = members.last("id").filter(|value| value.kind() != JsonKind::Null).map(integer).transpose();
        let given = given.unwrap_or_else(|fault| {
            errors.push(FieldError::new("id", fault));
            None
        });
        let id = match (id, given) {
            (Some(id), Some(other)) if id != other => {
                errors.push(FieldError::new("id", Fault::NotThePaths));
                id
            }
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => {
                errors.push(FieldError::new("id", Fault::Required));
                0
            }
        };
        let mut text = |name: &str| text_of(members, name).map_err(|fault| errors.push(FieldError::new(name, fault))).ok();
        let (app_label, model) = (text("app_label"), text("model"));
        match (app_label, model) {
            (Some(app_label), Some(model)) if errors.is_empty() => ContentType::new(id, &app_label, &model),
            _ => Err(errors),
        }
    }
}

const KNOWN: [&str; 3] = ["id", "app_label", "model"];

fn text_of(members: &Members<'_>, name: &str) -> Result<String, Fault> {
    let value = members.last(name).filter(|value| value.kind() != JsonKind::Null).ok_or(Fault::Required)?;
    let text = string(value.clone())?.decoded();
    text.and_then(|text| text.as_str().map(str::to_owned)).ok_or(Fault::NotAModelName)
}

/// Parses all types of a file: the output of Django's `dumpdata contenttypes`, which is a list of
/// `{"model":"contenttypes.contenttype","pk":…,"fields":…}` (records of other models are skipped);
/// a list of `{"id","app_label","model"}`; or one object `{"id": {"app_label","model"}}`.
///
/// # Errors
///
/// The first fault and its place. A file without any type is a file of another kind, which is an
/// error too.
pub fn parse_content_types(text: &str) -> Result<Vec<ContentType>, String> {
    let mut types = Types::default();
    let syntax = |error: JsonError| error.to_string();
    if text.trim_start().starts_with('[') {
        let records = JsonText::elements(text, RECORDS_MAX).map_err(syntax)?;
        if records.len() > RECORDS_MAX {
            return Err(format!("has more than {RECORDS_MAX} records"));
        }
        for (index, record) in records.into_iter().enumerate() {
            let at = format!("record {}", index + 1);
            if let Some(content_type) = of_record(record).map_err(|fault| format!("{at}: {fault}"))? {
                types.add(&at, content_type)?;
            }
        }
    } else {
        for member in Members::parse_within(text, NESTING_MAX).map_err(syntax)?.iter() {
            let id = member.name.parse().map_err(|_| format!("{}: the key must be the number of a content type", member.name))?;
            let content_type = ContentType::parse(id, member.value.as_str());
            types.add(&member.name, content_type.map_err(|error| format!("{}: {error}", member.name))?)?;
        }
    }
    if types.by_id.is_empty() {
        return Err("has no content types; `manage.py dumpdata contenttypes` writes a file of them".to_owned());
    }
    Ok(types.by_id.into_values().collect())
}

/// The types of a file. Each number and each name appears once, or several times with the same
/// meaning.
#[derive(Default)]
struct Types {
    by_id: BTreeMap<i64, ContentType>,
    ids: HashMap<String, i64>,
}

impl Types {
    fn add(&mut self, at: &str, content_type: ContentType) -> Result<(), String> {
        let (id, name) = (content_type.id, content_type.table_name());
        if let Some(other) = self.by_id.get(&id).filter(|other| **other != content_type) {
            return Err(format!("{at}: content type {id} already has the name {}", other.table_name()));
        }
        if let Some(other) = self.ids.get(&name).filter(|other| **other != id) {
            return Err(format!("{at}: the name {name} already belongs to content type {other}"));
        }
        self.ids.insert(name, id);
        self.by_id.insert(id, content_type);
        Ok(())
    }
}

/// The largest number of records of a dump: a hundred times as many as the largest Django projects
/// have models.
const RECORDS_MAX: usize = 100_000;

/// Parses one record of a list. Returns `None` for a dumped record of another model.
fn of_record(record: &str) -> Result<Option<ContentType>, String> {
    let members = Members::parse(record).map_err(|error| error.to_string())?;
    let Some(fields) = members.last("fields") else {
        let read = ContentType::from_members(&members, None);
        return read.map(Some).map_err(|errors| InputError::Fields(errors).to_string());
    };
    if text_of(&members, "model").is_ok_and(|model| model != "contenttypes.contenttype") {
        return Ok(None);
    }
    let pk = members.last("pk").filter(|pk| pk.kind() != JsonKind::Null);
    let pk = pk.ok_or("has no pk: dump without --natural-primary, because the import needs the numbers")?;
    let id = integer(pk).map_err(|fault| format!("pk {fault}"))?;
    // Old versions of Django dump more fields than these.
    let fields = Members::parse(fields.as_str()).map_err(|error| format!("fields: {error}"))?;
    let fields = fields.into_iter().filter(|field| KNOWN.contains(&field.name.as_str()) && field.name != "id").collect();
    ContentType::from_members(&fields, Some(id)).map(Some).map_err(|errors| InputError::Fields(errors).to_string())
}

/// All types of an installation, for lookups by number and by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContentTypes {
    names: HashMap<i64, String>,
    numbers: HashMap<String, i64>,
}

impl FromIterator<ContentType> for ContentTypes {
    fn from_iter<I: IntoIterator<Item = ContentType>>(types: I) -> ContentTypes {
        let mut all = ContentTypes::default();
        for content_type in types {
            all.numbers.insert(content_type.table_name(), content_type.id);
            all.names.insert(content_type.id, content_type.table_name());
        }
        all
    }
}

impl ContentTypes {
    /// Adds the missing one of number and name to an event. An event with both stays as it is,
    /// whatever the registry says.
    pub(crate) fn fill(&self, event: &mut NewEvent) {
        match (event.content_type, &event.table_name) {
            (Some(number), None) => event.table_name = self.names.get(&number).map(|name| JsonText::string(name)),
            (None, Some(name)) => {
                let name = name.decoded();
                event.content_type = name.as_ref().and_then(|name| name.as_str()).and_then(|name| self.numbers.get(name)).copied();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_djangos_dump_a_list_and_an_object() {
        let wanted = [ContentType::new(1, "auth", "user").unwrap(), ContentType::new(7, "orders", "order").unwrap()];
        let dump = r#"[{"model":"contenttypes.contenttype","pk":7,"fields":{"app_label":"orders","model":"order"}},
            {"model":"auth.group","pk":1,"fields":{"name":"x"}},
            {"model":"contenttypes.contenttype","pk":1,"fields":{"name":"a user","app_label":"auth","model":"user"}}]"#;
        let list = r#"[{"id":1,"app_label":"auth","model":"user"},{"id":7,"app_label":"orders","model":"order"}]"#;
        let object = r#"{"7":{"app_label":"orders","model":"order"},"1":{"app_label":"auth","model":"user"}}"#;
        for text in [dump, list, object] {
            assert_eq!(parse_content_types(text).unwrap(), wanted);
        }
    }

    #[test]
    fn a_faulty_file_is_refused_with_the_place_and_what_is_accepted() {
        for (text, fault) in [
            ("x", "expected value"),
            (
                r#"[{"model":"contenttypes.contenttype","pk":null,"fields":{"app_label":"a","model":"b"}}]"#,
                "record 1: has no pk: dump without",
            ),
            (r#"[{"model":"contenttypes.contenttype","fields":{"app_label":"a","model":"b"}}]"#, "record 1: has no pk"),
            (r#"[{"id":1,"app_label":"a.b","model":"c"}]"#, "record 1: app_label must be a name"),
            (r#"[{"id":1,"app_label":"a"}]"#, "record 1: model is required"),
            (
                r#"[{"id":1,"app_label":"a","model":"b"},{"id":1,"app_label":"a","model":"c"}]"#,
                "record 2: content type 1 already has the name a.b",
            ),
            (
                r#"[{"id":1,"app_label":"a","model":"b"},{"id":2,"app_label":"a","model":"b"}]"#,
                "record 2: the name a.b already belongs to content type 1",
            ),
            (
                r#"{"1":{"app_label":"a","model":"b"},"2":{"app_label":"a","model":"b"}}"#,
                "2: the name a.b already belongs to content type 1",
            ),
            (r#"[{"id":1,"id":1,"app_label":"a","model":"b"}]"#, "record 1: id is given more than once"),
            (r#"[{"id":1,"app_label":"a\u001b[2J","model":"b"}]"#, "record 1: app_label must be a name"),
            (
                r#"[{"model":"contenttypes.contenttype","pk":1,"fields":[]}]"#,
                "record 1: fields: expected a JSON object, got an array",
            ),
            (r#"[{"model":"auth.group","pk":1,"fields":{"name":"x"}}]"#, "has no content types"),
            ("{}", "has no content types"),
            (r#"{"x":{"app_label":"a","model":"b"}}"#, "x: the key must be the number of a content type"),
            (r#"{"1":{"app_label":"a","model":"b","more":1}}"#, "1: more is not known; known are id, app_label, model"),
            (r#"{"1":{"id":2,"app_label":"a","model":"b"}}"#, "1: id must be the one of the path"),
        ] {
            let error = parse_content_types(text).unwrap_err();
            assert!(error.contains(fault), "{text}: {error}");
        }
    }
}
