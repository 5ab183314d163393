//! SQL as words, arguments, signs and parentheses; literals and comments cannot hide anything.

use std::iter::Peekable;
use std::str::Chars;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A keyword or name, in lower case; a quoted name too.
    Word(String),
    /// `$n`.
    Argument(usize),
    /// A number or text.
    Literal,
    /// Any other sign.
    Sign(char),
    /// What stands in parentheses.
    Group(Vec<Node>),
}

impl Node {
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }

    pub fn is_word(&self, expected: &str) -> bool {
        self.word() == Some(expected)
    }
}

/// Deeper nesting is refused, so that no text exhausts the stack.
const DEEPEST: usize = 30;

/// Reads a whole text.
pub(super) fn read(sql: &str) -> Result<Vec<Node>, String> {
    let mut characters = sql.chars().peekable();
    let nodes = group(&mut characters, 0)?;
    match characters.next() {
        None => Ok(nodes),
        Some(_) => Err("a parenthesis closes that was not opened".to_owned()),
    }
}

/// Does `$1` occur?
pub(super) fn uses_first_argument(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Argument(number) => *number == 1,
        Node::Group(nodes) => uses_first_argument(nodes),
        _ => false,
    })
}

fn group(characters: &mut Peekable<Chars<'_>>, depth: usize) -> Result<Vec<Node>, String> {
    if depth > DEEPEST {
        return Err(format!("more than {DEEPEST} parentheses in one another"));
    }
    let mut nodes = Vec::new();
    while let Some(&character) = characters.peek() {
        if character == ')' {
            if depth == 0 {
                return Ok(nodes);
            }
            characters.next();
            return Ok(nodes);
        }
        characters.next();
        match character {
            '(' => nodes.push(Node::Group(group(characters, depth + 1)?)),
            '\'' => {
                quoted(characters, '\'')?;
                nodes.push(Node::Literal);
            }
            '"' => nodes.push(Node::Word(quoted(characters, '"')?)),
            '$' => nodes.push(argument(characters)?),
            '-' if characters.peek() == Some(&'-') => while characters.next_if(|&next| next != '\n').is_some() {},
            '/' if characters.peek() == Some(&'*') => return Err("holds a /* comment".to_owned()),
            ';' => return Err("holds a semicolon".to_owned()),
            '?' | '`' | '[' | ']' | '{' | '}' | '\\' => return Err(format!("holds the sign {character}")),
            _ if character.is_ascii_digit() => {
                while characters.next_if(|next| next.is_ascii_alphanumeric() || *next == '.').is_some() {}
                nodes.push(Node::Literal);
            }
            _ if character.is_ascii_alphabetic() || character == '_' => {
                let mut word = String::from(character.to_ascii_lowercase());
                while let Some(next) = characters.next_if(|next| next.is_ascii_alphanumeric() || *next == '_') {
                    word.push(next.to_ascii_lowercase());
                }
                if characters.peek() == Some(&'\'') {
                    return Err("holds a literal with a prefix".to_owned());
                }
                nodes.push(Node::Word(word));
            }
            _ if character.is_ascii_whitespace() => {}
            _ if character.is_ascii() => nodes.push(Node::Sign(character)),
            _ => return Err("holds a letter outside ASCII and literals".to_owned()),
        }
    }
    if depth == 0 { Ok(nodes) } else { Err("a parenthesis is not closed".to_owned()) }
}

/// The inside of a literal or quoted name, where a doubled quote stands for one.
fn quoted(characters: &mut Peekable<Chars<'_>>, quote: char) -> Result<String, String> {
    let mut text = String::new();
    while let Some(character) = characters.next() {
        if character == quote && characters.next_if_eq(&quote).is_none() {
            return Ok(text.to_ascii_lowercase());
        }
        text.push(character);
    }
    Err("a quote is not closed".to_owned())
}

fn argument(characters: &mut Peekable<Chars<'_>>) -> Result<Node, String> {
    let mut digits = String::new();
    while let Some(digit) = characters.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    match digits.parse() {
        Ok(number) if number > 0 && !digits.starts_with('0') => Ok(Node::Argument(number)),
        _ => Err("a $ is not followed by the number of an argument".to_owned()),
    }
}
