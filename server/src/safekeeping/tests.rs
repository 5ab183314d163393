//! Sweeps rely on what tables say about their sealed columns; and the words of levels.

use storage::{Erasure, SealedWith};

use super::*;

/// Who seals a column must follow from the table alone: the installation's tables by the installation's key, organizations'
/// by their own, a person's by the column that erasure names too, a recording's by the row's own id.
#[test]
fn every_sealed_column_says_whose_key_seals_it() {
    for table in crate::wiring::schema().tables {
        for column in table.columns {
            let Some(with) = column.sealed else { continue };
            let place = format!("{}.{}", table.name, column.name);
            let is_installations = with == SealedWith::Installation;
            assert_ne!(is_installations, table.is_organizations(), "{place}: sealed with a key of another owner");
            if with == SealedWith::Person {
                assert!(matches!(table.erasure, Erasure::PersonKey(_)), "{place}: whose key?");
            }
            if with == SealedWith::Recording {
                assert_eq!(table.erasure, Erasure::RecordingKey, "{place}: the row must be the recording's");
            }
        }
    }
}

#[test]
fn levels_are_said_as_they_are_read() {
    for level in [Level::Organization, Level::Person] {
        let read: Level = serde_json::from_str(&format!("\"{}\"", level.word())).expect("a word");
        assert_eq!(read, level);
    }
}
