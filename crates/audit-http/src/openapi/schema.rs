//! Schemas in few words: what the shapes of all APIs are put together from.

use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Ref, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{AllOfBuilder, RefOr};

/// A schema of `components`, by name.
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

/// A date-time as answers have it.
pub(crate) fn instant() -> ObjectBuilder {
    string().format(format("date-time")).pattern(Some(INSTANT))
}

/// The same, or null.
pub(crate) fn nullable_instant() -> ObjectBuilder {
    nullable_string().format(format("date-time")).pattern(Some(INSTANT))
}

const INSTANT: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z$";

/// A uuid as answers have it.
pub(crate) fn uuid() -> ObjectBuilder {
    string().format(format("uuid")).pattern(Some("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"))
}

/// A uuid as requests may have it: with or without hyphens, in either case.
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

/// What matches one of these at least.
pub(crate) fn any_of<const N: usize>(schemas: [RefOr<Schema>; N]) -> AnyOfBuilder {
    schemas.into_iter().fold(AnyOfBuilder::new().schema_type(SchemaType::AnyValue), AnyOfBuilder::item)
}

/// What matches all of these.
pub(crate) fn all_of<const N: usize>(schemas: [RefOr<Schema>; N]) -> AllOfBuilder {
    schemas.into_iter().fold(AllOfBuilder::new().schema_type(SchemaType::AnyValue), AllOfBuilder::item)
}

/// An object that has no members but those that are named.
pub(crate) fn closed() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// An object that may have other members too.
pub(crate) fn open() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

/// An object whose members are named by data.
pub(crate) fn map_of(values: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(AdditionalProperties::RefOr(values.into())))
}

/// Members of an object.
pub(crate) trait Members {
    /// One that is always there.
    fn always(self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self;
    /// One that may be left out.
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
