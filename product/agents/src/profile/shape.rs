//! Shapes of a profile that its types do not say by themselves, for the description of the API.

use utoipa::PartialSchema as _;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, SchemaType, Type};
use utoipa::openapi::{Array, Object, ObjectBuilder};

use super::{OpenPeriod, limit};

/// What words look like: they say something and hold no control character but the end of a line.
const WORDS: &str = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$";

/// At most `MOST` words or expressions.
pub(super) fn words_list<const MOST: usize>() -> Array {
    let word = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(limit::TITLE));
    ArrayBuilder::new().items(word.pattern(Some(WORDS))).max_items(Some(MOST)).build()
}

/// Periods by weekday.
pub(super) fn opening_hours() -> Object {
    let periods = ArrayBuilder::new().items(OpenPeriod::schema());
    let periods = periods.max_items(Some(limit::PERIODS_PER_DAY)).build();
    let day = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[1-7]$")).build();
    let hours = ObjectBuilder::new().property_names(Some(day));
    hours.additional_properties(Some(AdditionalProperties::RefOr(periods.into()))).build()
}

/// A key of the phone that a menu may use, or none.
pub(super) fn digit() -> Object {
    let digits = (1..=9).filter(|digit| *digit != 8).map(serde_json::Value::from);
    let none = std::iter::once(serde_json::Value::Null);
    let kinds = SchemaType::Array(vec![Type::Integer, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).enum_values(Some(digits.chain(none))).build()
}
