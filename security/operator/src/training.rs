//! The register of security training: who was trained in what, when, and until when that counts.

use storage::Timestamp;
use uuid::Uuid;

use crate::{Error, Result};

/// An attestation counts for so many days.
pub const VALID_DAYS: i64 = 365;
/// Characters of a course's name.
pub const MAXIMUM_COURSE_LENGTH: usize = 120;
const SECONDS_PER_DAY: i64 = 86_400;

/// One attestation.
#[derive(Debug, Clone)]
pub struct Training {
    /// Its row.
    pub id: Uuid,
    /// Who was trained.
    pub operator: Uuid,
    /// In what.
    pub course: String,
    /// When.
    pub attested_at: Timestamp,
    /// Until when it counts.
    pub valid_until: Timestamp,
}

/// Until when a training of that time counts.
pub fn valid_until(attested_at: Timestamp) -> Timestamp {
    attested_at.plus_seconds(VALID_DAYS * SECONDS_PER_DAY)
}

/// A course's name, trimmed: 1 to [`MAXIMUM_COURSE_LENGTH`] characters on one line.
pub fn course(text: &str) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > MAXIMUM_COURSE_LENGTH || text.chars().any(char::is_control) {
        let words = format!("Name the course in 1 to {MAXIMUM_COURSE_LENGTH} characters.");
        return Err(Error::invalid("course", words));
    }
    Ok(text.to_owned())
}

/// When somebody was trained: not in the future, and recent enough to count at all.
pub fn attested_at(at: Timestamp, now: Timestamp) -> Result<Timestamp> {
    if at > now || valid_until(at) <= now {
        return Err(Error::invalid("date", format!("Give a day within the last {VALID_DAYS} days.")));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_counts_for_a_year_to_the_second() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let oldest = now.plus_seconds(1 - VALID_DAYS * SECONDS_PER_DAY);
        assert!(attested_at(oldest, now).is_ok() && attested_at(now, now).is_ok());
        assert!(attested_at(oldest.plus_seconds(-1), now).is_err());
        assert!(attested_at(now.plus_seconds(1), now).is_err());
    }

    #[test]
    fn a_course_is_one_line_of_bounded_length() {
        assert_eq!(course(" Handling data ").expect("taken"), "Handling data");
        assert!(course(&"é".repeat(MAXIMUM_COURSE_LENGTH)).is_ok());
        for wrong in ["", "  ", "a\nb", &"é".repeat(MAXIMUM_COURSE_LENGTH + 1)] {
            assert!(course(wrong).is_err(), "{wrong:?}");
        }
    }
}
