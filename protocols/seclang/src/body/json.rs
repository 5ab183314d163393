//! JSON: every value with its path, duplicates included.
//!
//! Read as a stream, not as a tree: a map would keep only one of two equal names, and the other could be the attack. There is one
//! path, which grows and shrinks as the reader goes: a long name above many values is not copied for each of them.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::body::Body;
use crate::body::intake::{Arguments, Intake};

pub(super) fn read(bytes: &[u8], intake: &mut Intake) -> Body {
    let depth = intake.limits.depth;
    let mut path = Path { name: b"json".to_vec(), field: String::new(), intake, arguments: Arguments::default() };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let error = Place { path: &mut path, depth }.deserialize(&mut reader).is_err() || reader.end().is_err();
    Body { arguments: path.arguments, error, ..Body::default() }
}

/// The way to where the reader stands, and what it found so far.
struct Path<'a> {
    name: Vec<u8>,
    field: String,
    intake: &'a mut Intake,
    arguments: Arguments,
}

impl Path<'_> {
    fn leaf(&mut self, value: &[u8]) {
        self.intake.argument(&mut self.arguments, &self.name, &self.field, value);
    }

    /// The name of a list or an object is a word of the sender's, too, and stands for itself once.
    fn container(&mut self) {
        if !self.field.is_empty() && !self.field.ends_with('*') {
            self.leaf(b"");
        }
    }

    /// One step down; gives what leads up again.
    fn enter(&mut self, name: &str, field: &str) -> (usize, usize) {
        let above = (self.name.len(), self.field.len());
        self.name.push(b'.');
        self.name.extend_from_slice(name.as_bytes());
        if !self.field.is_empty() {
            self.field.push('.');
        }
        self.field.push_str(field);
        above
    }

    fn leave(&mut self, above: (usize, usize)) {
        self.name.truncate(above.0);
        self.field.truncate(above.1);
    }
}

/// Where the reader stands.
struct Place<'p, 'a> {
    path: &'p mut Path<'a>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth == 0 {
            return Err(D::Error::custom("too deep"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.path.leaf(value.to_string().as_bytes());
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.path.leaf(value.to_string().as_bytes());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.path.leaf(value.to_string().as_bytes());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.path.leaf(value.to_string().as_bytes());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.path.leaf(value.as_bytes());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.path.leaf(b"");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.path.container();
        let mut place = 0_usize;
        loop {
            let above = self.path.enter(&format!("array_{place}"), "*");
            let below = Place { path: &mut *self.path, depth: self.depth - 1 };
            let found = list.next_element_seed(below)?;
            self.path.leave(above);
            if found.is_none() {
                return Ok(());
            }
            place += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.path.container();
        while let Some(key) = map.next_key::<String>()? {
            let above = self.path.enter(&key, &key);
            map.next_value_seed(Place { path: &mut *self.path, depth: self.depth - 1 })?;
            self.path.leave(above);
        }
        Ok(())
    }
}
