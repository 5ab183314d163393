//! JSON: every value with its path, duplicates included.
//!
//! Read as a stream, not as a tree: a map would keep only one of two equal names, and the other could be the attack.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::body::{Argument, Body};
use crate::settings::Limits;

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Body {
    let mut arguments = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let root = Place { name: b"json".to_vec(), field: String::new(), depth: limits.depth, arguments: &mut arguments };
    let error = root.deserialize(&mut reader).is_err() || reader.end().is_err();
    Body { arguments, error, ..Body::default() }
}

/// Where the reader stands.
struct Place<'a> {
    name: Vec<u8>,
    field: String,
    depth: usize,
    arguments: &'a mut Vec<Argument>,
}

impl Place<'_> {
    fn leaf(self, value: Vec<u8>) {
        self.arguments.push(Argument { name: self.name, field: self.field, value });
    }

    /// The name of a list or an object is a word of the sender's, too, and stands for itself once.
    fn container(&mut self) {
        if !self.field.is_empty() && !self.field.ends_with('*') {
            self.arguments.push(Argument { name: self.name.clone(), field: self.field.clone(), value: Vec::new() });
        }
    }

    fn below(&mut self, name: &[u8], field: &str) -> Place<'_> {
        let joined = if self.field.is_empty() { field.to_owned() } else { format!("{}.{field}", self.field) };
        Place {
            name: [&self.name, &b"."[..], name].concat(),
            field: joined,
            depth: self.depth.saturating_sub(1),
            arguments: self.arguments,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth == 0 {
            return Err(D::Error::custom("too deep"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.leaf(value.to_string().into_bytes());
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.leaf(value.to_string().into_bytes());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.leaf(value.to_string().into_bytes());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.leaf(value.to_string().into_bytes());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.leaf(value.as_bytes().to_vec());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.leaf(Vec::new());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.container();
        let mut place = 0_usize;
        while list.next_element_seed(self.below(format!("array_{place}").as_bytes(), "*"))?.is_some() {
            place += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.container();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(self.below(key.as_bytes(), &key))?;
        }
        Ok(())
    }
}
