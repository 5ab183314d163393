//! Why rules cannot be used: what is wrong, in which file, line and rule.

use std::fmt;

/// A fault in rules, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The name of the file as it came in.
    pub file: String,
    /// The line where the directive begins, from 1.
    pub line: usize,
    /// The rule, where it is known.
    pub rule: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: ", self.file, self.line)?;
        if let Some(rule) = self.rule {
            write!(formatter, "rule {rule}: ")?;
        }
        write!(formatter, "{}", self.fault)
    }
}

/// What can be wrong with a directive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No such directive here.
    #[error("`{0}` is not a directive that this engine knows")]
    UnknownDirective(String),
    /// A directive with too few or too many words.
    #[error("`{directive}` takes {expected}")]
    Words {
        /// Which directive.
        directive: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A quotation mark without its partner.
    #[error("a quotation mark is not closed")]
    OpenQuote,
    /// A variable that does not exist here.
    #[error("`{0}` is not a variable that this engine knows")]
    UnknownVariable(String),
    /// A selector that cannot be read.
    #[error("`{0}` does not select anything that this engine can look up")]
    Selector(String),
    /// An operator that does not exist here.
    #[error("`@{0}` is not an operator that this engine knows")]
    UnknownOperator(String),
    /// An operator's argument that cannot be read.
    #[error("`@{operator}` cannot use its argument: {reason}")]
    Argument {
        /// Which operator.
        operator: &'static str,
        /// Why not.
        reason: String,
    },
    /// A transformation that does not exist here.
    #[error("`t:{0}` is not a transformation that this engine knows")]
    UnknownTransformation(String),
    /// An action that does not exist here.
    #[error("`{0}` is not an action that this engine knows")]
    UnknownAction(String),
    /// An action's value that cannot be read.
    #[error("the value of `{action}` cannot be read: {value}")]
    ActionValue {
        /// Which action.
        action: String,
        /// The value.
        value: String,
    },
    /// A rule without a number.
    #[error("the rule has no id")]
    NoId,
    /// A number that is taken.
    #[error("the id is already taken, at {0}")]
    TakenId(String),
    /// A chain that ends in the air.
    #[error("the chain has no further rule")]
    OpenChain,
    /// An action of the first rule stands in a later one of the chain.
    #[error("`{0}` belongs to the first rule of a chain")]
    NotFirst(&'static str),
    /// A phase beyond 1 to 5.
    #[error("`{0}` is no phase: phases are 1 to 5")]
    Phase(String),
    /// A jump to nowhere.
    #[error("no marker is called `{0}`")]
    NoMarker(String),
    /// A phrase file that did not come along.
    #[error("the file `{0}` was not given")]
    NoData(String),
    /// More rules, or more text, than is taken.
    #[error("there is more than {0} in the rules")]
    TooMuch(&'static str),
}
