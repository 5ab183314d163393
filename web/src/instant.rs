//! Instants in the API: RFC 3339 in UTC, to the second or finer.

use serde::Serialize as _;
use storage::Timestamp;

/// `2026-12-24T18:00:00Z`. Beyond the year 9999, where the format ends, the last instant of it.
pub fn to_rfc3339(instant: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(instant.0).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// The instant of a text such as `2026-12-24T19:00:00+01:00`; `None` for anything else.
pub fn from_rfc3339(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|instant| Timestamp(instant.as_microsecond()))
}

/// For `#[serde(serialize_with = …)]`: the instant as text.
pub fn serialize<S: serde::Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_rfc3339(*instant))
}

/// The same for an instant that may be missing (`null`).
pub fn serialize_optional<S: serde::Serializer>(instant: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    instant.map(to_rfc3339).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_come_back() {
        let instant = Timestamp::from_seconds(1_800_000_000);
        assert_eq!(to_rfc3339(instant), "2027-01-15T08:00:00Z");
        assert_eq!(from_rfc3339("2027-01-15T09:00:00+01:00"), Some(instant));
        assert_eq!(from_rfc3339("tomorrow"), None);
        assert!(to_rfc3339(Timestamp(i64::MAX)).starts_with("9999-12-"));
    }
}
