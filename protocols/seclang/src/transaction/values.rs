//! The members of all variables that do not change while a phase runs.

use crate::transaction::texts::{TextId, Texts};
use crate::variable::{Target, Variable};

/// One member: its name, its text, and whether it is free text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    pub name: TextId,
    pub text: TextId,
    pub free: bool,
}

/// A member as a rule sees it, with the variable it was found by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub variable: Variable,
    pub name: TextId,
    pub text: TextId,
    pub free: bool,
}

/// All members, by variable.
#[derive(Debug)]
pub(crate) struct Values {
    members: Vec<Vec<Value>>,
    /// Arguments of query and body that were not taken in, but count.
    pub left_out: [usize; 2],
    /// Some member is free text.
    pub has_free: bool,
}

impl Default for Values {
    fn default() -> Self {
        Self { members: Variable::ALL.iter().map(|_| Vec::new()).collect(), left_out: [0; 2], has_free: false }
    }
}

impl Values {
    /// Members of a variable that holds them itself.
    pub(crate) fn of(&self, variable: Variable) -> &[Value] {
        &self.members[variable as usize]
    }

    /// One more member.
    pub(crate) fn push(&mut self, variable: Variable, value: Value) {
        self.has_free |= value.free;
        self.members[variable as usize].push(value);
    }

    /// The one value of a variable without members.
    pub(crate) fn single(&mut self, texts: &mut Texts, variable: Variable, text: &[u8]) {
        let text = texts.add(text);
        self.members[variable as usize] = vec![Value { name: Texts::EMPTY, text, free: false }];
    }

    /// The same, made from free text.
    pub(crate) fn free_single(&mut self, texts: &mut Texts, variable: Variable, text: &[u8]) {
        let text = texts.add(text);
        self.has_free = true;
        self.members[variable as usize] = vec![Value { name: Texts::EMPTY, text, free: true }];
    }

    /// Gives every member that the target selects.
    pub(crate) fn each(&self, target: &Target, texts: &Texts, mut give: impl FnMut(Seen)) {
        use Variable as V;
        let (bases, names): (&[V], bool) = match target.variable {
            V::Args => (&[V::ArgsGet, V::ArgsPost], false),
            V::ArgsNames => (&[V::ArgsGet, V::ArgsPost], true),
            V::ArgsGetNames => (&[V::ArgsGet], true),
            V::ArgsPostNames => (&[V::ArgsPost], true),
            V::RequestCookiesNames => (&[V::RequestCookies], true),
            V::RequestHeadersNames => (&[V::RequestHeaders], true),
            V::ResponseHeadersNames => (&[V::ResponseHeaders], true),
            ref own => (std::slice::from_ref(own), false),
        };
        for value in bases.iter().flat_map(|base| self.of(*base)) {
            if target.selector.takes(texts.get(value.name)) {
                let (text, free) = if names { (value.name, false) } else { (value.text, value.free) };
                give(Seen { variable: target.variable, name: value.name, text, free });
            }
        }
    }

    /// How many members the target selects, with those that were left out.
    pub(crate) fn count(&self, target: &Target, texts: &Texts) -> usize {
        let mut count = 0;
        self.each(target, texts, |_| count += 1);
        let all = matches!(target.selector, crate::variable::Selector::All);
        let [query, body] = self.left_out;
        count
            + match target.variable {
                Variable::Args | Variable::ArgsNames if all => query + body,
                Variable::ArgsGet | Variable::ArgsGetNames if all => query,
                Variable::ArgsPost | Variable::ArgsPostNames if all => body,
                _ => 0,
            }
    }
}

/// What a rule calls it: `ARGS:q`, `REQUEST_URI`.
pub(crate) fn text_of(variable: Variable, name: &[u8]) -> Vec<u8> {
    let mut text = variable.name().as_bytes().to_vec();
    if variable.is_collection() {
        text.push(b':');
        text.extend_from_slice(name);
    }
    text
}
