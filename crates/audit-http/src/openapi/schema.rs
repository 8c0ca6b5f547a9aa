//! Short functions for the schemas of all APIs.

use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Ref, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{AllOfBuilder, RefOr};

/// Refers to a schema of `components` by name.
pub(crate) fn named(name: &str) -> Ref {
    Ref::from_schema_name(name)
}

/// Any JSON value.
pub(crate) fn any() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue)
}

/// A value of one of these types.
pub(crate) fn typed(types: impl IntoIterator<Item = Type>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(types.into_iter().collect::<SchemaType>())
}

pub(crate) fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A text or null.
pub(crate) fn nullable_string() -> ObjectBuilder {
    typed([Type::String, Type::Null])
}

pub(crate) fn boolean() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// An integer of 64 bits.
pub(crate) fn integer() -> ObjectBuilder {
    bounded(ObjectBuilder::new().schema_type(Type::Integer))
}

/// An integer of 64 bits, or null.
pub(crate) fn nullable_integer() -> ObjectBuilder {
    bounded(typed([Type::Integer, Type::Null]))
}

fn bounded(builder: ObjectBuilder) -> ObjectBuilder {
    let format = SchemaFormat::Custom("int64".to_owned());
    builder.format(Some(format)).minimum(Some(i64::MIN as isize)).maximum(Some(i64::MAX as isize))
}

/// An integer of 64 bits that is not below `minimum`.
pub(crate) fn integer_from(minimum: isize) -> ObjectBuilder {
    integer().minimum(Some(minimum))
}

pub(crate) fn format(name: &str) -> Option<SchemaFormat> {
    Some(SchemaFormat::Custom(name.to_owned()))
}

/// A date-time as in answers.
pub(crate) fn instant() -> ObjectBuilder {
    string().format(format("date-time")).pattern(Some(INSTANT))
}

/// A date-time as in answers, or null.
pub(crate) fn nullable_instant() -> ObjectBuilder {
    nullable_string().format(format("date-time")).pattern(Some(INSTANT))
}

/// A date-time as requests may have it: a text, or seconds or milliseconds since 1970, whose number
/// of digits says the unit.
pub(crate) fn instant_given() -> AnyOfBuilder {
    let number = |minimum: isize| {
        ObjectBuilder::new().schema_type(Type::Number).minimum(Some(minimum)).exclusive_maximum(Some(minimum * 100))
    };
    let seconds = number(100_000_000).description(Some("Seconds since 1970."));
    let millis = number(100_000_000_000).description(Some("Milliseconds since 1970."));
    any_of([string().format(format("date-time")).into(), seconds.into(), millis.into()])
}

/// The name of [`instant_given`] in `components`.
pub(crate) const INSTANT_GIVEN: &str = "GivenInstant";

/// As [`instant_given`], or null.
pub(crate) fn nullable_instant_given() -> AnyOfBuilder {
    any_of([named(INSTANT_GIVEN).into(), typed([Type::Null]).into()])
}

const INSTANT: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z$";

/// A uuid as in answers.
pub(crate) fn uuid() -> ObjectBuilder {
    string().format(format("uuid")).pattern(Some("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"))
}

/// A uuid as requests may have it: with or without hyphens, in upper or lower case.
pub(crate) const UUID_GIVEN: &str =
    "^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$";

pub(crate) fn leaf_hash() -> ObjectBuilder {
    string().pattern(Some("^[0-9a-f]{64}$"))
}

/// One of these texts.
pub(crate) fn one_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    string().enum_values(Some(texts.into_iter().collect::<Vec<_>>()))
}

pub(crate) fn list(items: impl Into<RefOr<Schema>>) -> ArrayBuilder {
    ArrayBuilder::new().items(items.into())
}

/// A value that matches at least one of these schemas.
pub(crate) fn any_of<const N: usize>(schemas: [RefOr<Schema>; N]) -> AnyOfBuilder {
    schemas.into_iter().fold(AnyOfBuilder::new().schema_type(SchemaType::AnyValue), AnyOfBuilder::item)
}

/// A value that matches all of these schemas.
pub(crate) fn all_of<const N: usize>(schemas: [RefOr<Schema>; N]) -> AllOfBuilder {
    schemas.into_iter().fold(AllOfBuilder::new().schema_type(SchemaType::AnyValue), AllOfBuilder::item)
}

/// An object that has only the named members.
pub(crate) fn closed() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// An object that may have other members too.
pub(crate) fn open() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

/// An object whose members have names from data.
pub(crate) fn map_of(values: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(AdditionalProperties::RefOr(values.into())))
}

/// Adds members to an object.
pub(crate) trait Members {
    /// Adds a member that is always there.
    fn always(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self;
    /// Adds a member that may be left out.
    fn maybe(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self;
}

impl Members for ObjectBuilder {
    fn always(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.property(name, schema).required(name)
    }

    fn maybe(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.property(name, schema)
    }
}

/// Puts a name such as `ActionLog` into the form for the start of another name: `actionLog`.
pub(crate) fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string()).unwrap_or_default() + chars.as_str()
}
