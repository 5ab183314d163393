//! Text with macros, `%{TX.score}`: read once, filled in while rules run.

use crate::error::Fault;
use crate::variable::Target;

/// A piece of a template.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(Vec<u8>),
    /// The first member that the target names.
    Macro(Target),
    /// The rule's own number.
    RuleId,
}

/// Text with macros.
#[derive(Debug, Clone)]
pub(crate) struct Template(pub Vec<Piece>);

impl Template {
    /// Reads `%{VARIABLE}`, `%{COLLECTION.name}` and `%{COLLECTION:name}`; an unclosed `%{` is text.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(start) = rest.find("%{") {
            let Some(length) = rest[start..].find('}') else { break };
            if start > 0 {
                pieces.push(Piece::Text(rest.as_bytes()[..start].to_vec()));
            }
            let inside = &rest[start + 2..start + length];
            pieces.push(Self::parse_macro(inside)?);
            rest = &rest[start + length + 1..];
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(rest.as_bytes().to_vec()));
        }
        Ok(Self(pieces))
    }

    fn parse_macro(inside: &str) -> Result<Piece, Fault> {
        if inside.eq_ignore_ascii_case("rule.id") {
            return Ok(Piece::RuleId);
        }
        match inside.split_once('.') {
            Some((collection, name)) => Target::parse(&format!("{collection}:{name}")),
            None => Target::parse(inside),
        }
        .map(Piece::Macro)
    }

    /// The text, where no macro stands in it.
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        match self.0.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}
