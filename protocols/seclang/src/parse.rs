//! Directives from text: continued lines, quoted words, and what each directive takes.

use crate::action::{Action, mode, phase, ranges};
use crate::error::{Error, Fault};
use crate::operator::Operator;
use crate::rule_set::Source;
use crate::settings::Mode;
use crate::variable::Target;

/// Bytes of all rule files together.
const RULE_BYTES: usize = 16 * 1024 * 1024;
/// Directives of all files together.
const DIRECTIVES: usize = 50_000;

/// Where a directive stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub file: String,
    pub line: usize,
}

impl Place {
    pub(crate) fn error(&self, rule: Option<u64>, fault: Fault) -> Error {
        Error { file: self.file.clone(), line: self.line, rule, fault }
    }
}

/// One directive as it was written.
pub(crate) struct Directive {
    pub place: Place,
    pub kind: Kind,
}

/// What a directive says.
pub(crate) enum Kind {
    Rule { targets: Vec<Target>, operator: Operator, negated: bool, pattern: Option<String>, actions: Vec<Action> },
    Marker(String),
    Defaults { phase: u8, actions: Vec<Action> },
    Mode(Mode),
    BodyAccess(bool),
    RemoveById(Vec<(u64, u64)>),
    RemoveByTag(String),
    UpdateTargetById(Vec<(u64, u64)>, Vec<Target>),
    UpdateTargetByTag(String, Vec<Target>),
}

/// Settings of other engines that mean nothing here: their logs, their memory, their time.
const IGNORED: &[&str] = &[
    "seccomponentsignature",
    "seccollectiontimeout",
    "secauditengine",
    "secauditlog",
    "secauditlogparts",
    "secauditlogtype",
    "secauditlogformat",
    "secauditlogstoragedir",
    "secauditlogrelevantstatus",
    "secdebuglog",
    "secdebugloglevel",
    "sectmpdir",
    "secdatadir",
    "secuploaddir",
    "secuploadkeepfiles",
    "secargumentseparator",
    "seccookieformat",
    "secstatusengine",
    "secunicodemapfile",
    "secpcrematchlimit",
    "secpcrematchlimitrecursion",
    "secrequestbodylimit",
    "secrequestbodynofileslimit",
    "secrequestbodyinmemorylimit",
    "secrequestbodylimitaction",
    "secrequestbodyjsondepthlimit",
    "secresponsebodyaccess",
    "secresponsebodymimetype",
    "secresponsebodylimit",
    "secresponsebodylimitaction",
    "secargumentslimit",
];

/// Reads all files, in the order in which they come.
pub(crate) fn directives(rules: &[Source<'_>], data: &[Source<'_>]) -> Result<Vec<Directive>, Error> {
    let mut all = Vec::new();
    let mut bytes = 0;
    for source in rules {
        bytes += source.text.len();
        for (line, text) in logical_lines(source.text) {
            let place = Place { file: source.name.to_owned(), line };
            if bytes > RULE_BYTES || all.len() > DIRECTIVES {
                return Err(place.error(None, Fault::TooMuch("16 MiB or 50,000 directives")));
            }
            let words = words(&text).map_err(|fault| place.error(None, fault))?;
            let Some((name, arguments)) = words.split_first() else { continue };
            let kind = directive(name, arguments, data);
            // A fault names the rule where its number can be read from the text.
            let kind = kind.map_err(|fault| place.error(number_in(&text), fault))?;
            all.extend(kind.map(|kind| Directive { place, kind }));
        }
    }
    Ok(all)
}

/// Joins lines that end in `\`, and drops comments and empty lines. With the number of the first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let (mut lines, mut joined, mut start) = (Vec::new(), String::new(), 0);
    for (number, line) in text.lines().enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if joined.is_empty() {
            if line.trim_start().starts_with('#') || line.trim().is_empty() {
                continue;
            }
            start = number + 1;
        }
        if let Some(continued) = line.strip_suffix('\\') {
            joined.push_str(continued);
            // A continued line is never empty, so that the next one is not read as a new directive.
            joined.push(' ');
            joined.truncate(joined.len() - usize::from(joined.len() > 1));
        } else {
            joined.push_str(line);
            lines.push((start, std::mem::take(&mut joined)));
        }
    }
    if !joined.is_empty() {
        lines.push((start, joined));
    }
    lines
}

/// Words between white space; `"…"` holds one word, with `\"` for the quotation mark itself.
fn words(text: &str) -> Result<Vec<String>, Fault> {
    let (mut words, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let Some(quote) = quote else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = rest[end..].trim_start();
            continue;
        };
        let end = closing(&rest[1..], quote).ok_or(Fault::OpenQuote)?;
        words.push(rest[1..=end].replace(&format!("\\{quote}"), &quote.to_string()));
        rest = rest[end + 2..].trim_start();
    }
    Ok(words)
}

/// Where the word ends that this quotation mark opened.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (place, each) in text.char_indices() {
        match each {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            each if each == quote => return Some(place),
            _ => {}
        }
    }
    None
}

/// The number behind `id:`.
fn number_in(text: &str) -> Option<u64> {
    let rest = &text[text.find("id:")? + 3..];
    let rest = rest.trim_start_matches('\'');
    rest[..rest.find(|each: char| !each.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
}

fn directive(name: &str, arguments: &[String], data: &[Source<'_>]) -> Result<Option<Kind>, Fault> {
    let lower = name.to_ascii_lowercase();
    if IGNORED.contains(&lower.as_str()) {
        return Ok(None);
    }
    let one = |directive, expected| match arguments {
        [one] => Ok(one.as_str()),
        _ => Err(Fault::Words { directive, expected }),
    };
    Ok(Some(match lower.as_str() {
        "secrule" => rule(arguments, data)?,
        "secaction" => {
            let actions = Action::parse_list(one("SecAction", "a list of actions")?)?;
            Kind::Rule { targets: Vec::new(), operator: Operator::Always, negated: false, pattern: None, actions }
        }
        "secmarker" => Kind::Marker(one("SecMarker", "a name")?.to_owned()),
        "secdefaultaction" => defaults(one("SecDefaultAction", "a list of actions")?)?,
        "secruleengine" => {
            let text = one("SecRuleEngine", "On, Off or DetectionOnly")?;
            Kind::Mode(
                mode(text).ok_or(Fault::Words { directive: "SecRuleEngine", expected: "On, Off or DetectionOnly" })?,
            )
        }
        "secrequestbodyaccess" => {
            Kind::BodyAccess(one("SecRequestBodyAccess", "On or Off")?.eq_ignore_ascii_case("on"))
        }
        "secruleremovebyid" => {
            let expected = Fault::Words { directive: "SecRuleRemoveById", expected: "numbers and ranges" };
            Kind::RemoveById(ranges(&arguments.join(" ")).ok_or(expected)?)
        }
        "secruleremovebytag" => Kind::RemoveByTag(one("SecRuleRemoveByTag", "a tag")?.to_owned()),
        "secruleupdatetargetbyid" => match arguments {
            [of, targets, ..] => {
                let expected = Fault::Words { directive: "SecRuleUpdateTargetById", expected: "a number and targets" };
                Kind::UpdateTargetById(ranges(of).ok_or(expected)?, Target::parse_list(&targets.replace(',', "|"))?)
            }
            _ => {
                return Err(Fault::Words { directive: "SecRuleUpdateTargetById", expected: "a number and targets" });
            }
        },
        "secruleupdatetargetbytag" => match arguments {
            [tag, targets, ..] => Kind::UpdateTargetByTag(tag.clone(), Target::parse_list(&targets.replace(',', "|"))?),
            _ => return Err(Fault::Words { directive: "SecRuleUpdateTargetByTag", expected: "a tag and targets" }),
        },
        _ => return Err(Fault::UnknownDirective(name.to_owned())),
    }))
}

fn rule(arguments: &[String], data: &[Source<'_>]) -> Result<Kind, Fault> {
    let (targets, operator, actions) = match arguments {
        [targets, operator] => (targets, operator, ""),
        [targets, operator, actions] => (targets, operator, actions.as_str()),
        _ => return Err(Fault::Words { directive: "SecRule", expected: "variables, an operator and actions" }),
    };
    // Phrase files are named as they lie beside the rules.
    let find = |name: &str| data.iter().find(|source| source.name == name).map(|source| source.text);
    let (operator, negated, pattern) = Operator::parse(operator, find)?;
    let actions = Action::parse_list(actions)?;
    Ok(Kind::Rule { targets: Target::parse_list(targets)?, operator, negated, pattern, actions })
}

fn defaults(text: &str) -> Result<Kind, Fault> {
    let actions = Action::parse_list(text)?;
    let at = actions.iter().find_map(|action| if let Action::Phase(phase) = action { Some(*phase) } else { None });
    Ok(Kind::Defaults { phase: at.map_or_else(|| phase(""), Ok)?, actions })
}

#[cfg(test)]
mod tests;
