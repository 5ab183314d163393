//! What is taken in of a request's arguments while they are read: as many of them, and as much of their names and values, as may
//! be inspected. Of the rest only what a verdict needs is kept, namely how many and how long they were, and whether any of them
//! was something else than free text.
//!
//! Readers hand over what they find as they find it and keep nothing, so that what a request holds in memory is bounded by
//! [`Limits::inspected_bytes`] and [`Limits::arguments`], whatever its body makes of a few bytes.

use crate::settings::Limits;

/// A name with a value, as far as they are inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Argument {
    /// What rules call it: `json.rows.array_0.name`.
    pub name: Vec<u8>,
    pub value: Vec<u8>,
    /// Its field is declared as free text.
    pub free: bool,
}

/// The arguments of a query or a body.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub taken: Vec<Argument>,
    /// How many more there were.
    pub left_out: usize,
    /// Bytes of all names and values, those that were left out as well.
    pub bytes: usize,
    /// The field of any of them is free text.
    pub any_free: bool,
}

/// The limits of one request, and what of them is used up.
#[derive(Debug)]
pub(crate) struct Intake {
    pub limits: Limits,
    free_text: Vec<String>,
    arguments: usize,
    bytes: usize,
    uninspected: bool,
}

impl Intake {
    /// Nothing is taken in yet, and nothing is free text.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, free_text: Vec::new(), arguments: 0, bytes: 0, uninspected: false }
    }

    /// Declares fields as free text.
    pub(crate) fn declare(&mut self, free_text: &[&str]) {
        self.free_text = free_text.iter().map(|field| (*field).to_owned()).collect();
    }

    /// Takes in one argument, or what may be inspected of it. `field` is its name as declarations call it: `rows.*.name`.
    pub(crate) fn argument(&mut self, arguments: &mut Arguments, name: &[u8], field: &str, value: &[u8]) {
        let free = self.is_free(field);
        arguments.any_free |= free;
        arguments.bytes = arguments.bytes.saturating_add(name.len()).saturating_add(value.len());
        if self.arguments >= self.limits.arguments {
            arguments.left_out += 1;
            self.pass_over(free);
            return;
        }
        self.arguments += 1;
        // Names below `**` are the sender's words, too.
        let free_name = free && self.is_free_below(field);
        let name = self.within(if free_name { b"free" } else { name }, free_name).to_vec();
        let value = self.within(value, free).to_vec();
        arguments.taken.push(Argument { name, value, free });
    }

    /// As much of it as may still be inspected.
    pub(crate) fn within<'t>(&mut self, text: &'t [u8], free: bool) -> &'t [u8] {
        let left = self.limits.inspected_bytes.saturating_sub(self.bytes);
        let taken = &text[..text.len().min(left)];
        self.bytes += taken.len();
        if taken.len() < text.len() {
            self.pass_over(free);
        }
        taken
    }

    /// Something was not taken in.
    pub(crate) fn pass_over(&mut self, free: bool) {
        self.uninspected |= !free;
    }

    /// Something that is not free text was not taken in.
    pub(crate) fn uninspected(&self) -> bool {
        self.uninspected
    }

    /// The field is declared as free text. The empty field is the body as a whole.
    pub(crate) fn is_free(&self, field: &str) -> bool {
        self.free_text.iter().any(|declared| declared == field) || self.is_free_below(field)
    }

    fn is_free_below(&self, field: &str) -> bool {
        let below = |declared: &String| match declared.strip_suffix("**") {
            Some("") => true,
            Some(prefix) => field.starts_with(prefix),
            None => false,
        };
        self.free_text.iter().any(below)
    }
}
