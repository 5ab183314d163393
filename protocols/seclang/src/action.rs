//! What rules do when they apply.

use crate::error::Fault;
use crate::settings::Mode;
use crate::template::Template;
use crate::transformation::Transformation;
use crate::variable::Target;

/// How bad a match is, by the names of syslog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names of RFC 5424")]
pub enum Severity {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Info,
    Debug,
}

impl Severity {
    const ALL: [(Severity, &'static str); 8] = [
        (Severity::Emergency, "EMERGENCY"),
        (Severity::Alert, "ALERT"),
        (Severity::Critical, "CRITICAL"),
        (Severity::Error, "ERROR"),
        (Severity::Warning, "WARNING"),
        (Severity::Notice, "NOTICE"),
        (Severity::Info, "INFO"),
        (Severity::Debug, "DEBUG"),
    ];

    fn parse(text: &str) -> Option<Self> {
        let by_number = text.parse::<usize>().ok().and_then(|number| Self::ALL.get(number));
        let found = by_number.or_else(|| Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)));
        found.map(|(severity, _)| *severity)
    }

    /// Points of the Core Rule Set's scoring: critical 5, error 4, warning 3, notice 2, below nothing.
    pub const fn points(self) -> u32 {
        match self {
            Severity::Emergency | Severity::Alert | Severity::Critical => 5,
            Severity::Error => 4,
            Severity::Warning => 3,
            Severity::Notice => 2,
            Severity::Info | Severity::Debug => 0,
        }
    }
}

/// What becomes of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disruption {
    /// It goes on.
    Pass,
    /// Whatever the default action of the phase says.
    Block,
    /// It is refused.
    Deny,
    /// It is refused; the connection is the caller's to close.
    Drop,
    /// No further rule of any phase but the last looks at it.
    Allow,
    /// No further rule of this phase.
    AllowPhase,
    /// No further rule of the request's phases.
    AllowRequest,
}

/// A change to a value of the `TX` collection.
#[derive(Debug, Clone)]
pub struct Assignment {
    pub(crate) name: Template,
    pub(crate) change: Change,
}

/// How the value changes.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Set(Template),
    Add(Template),
    Subtract(Template),
    Remove,
}

/// A change to the engine for the rest of the request.
#[derive(Debug, Clone)]
pub enum Control {
    /// Whether rules run and count.
    RuleEngine(Mode),
    /// Rules with these numbers no longer run.
    RemoveById(Vec<(u64, u64)>),
    /// Rules with this tag no longer run.
    RemoveByTag(String),
    /// Rules with these numbers no longer look there.
    #[allow(private_interfaces, reason = "targets are made by the parser only")]
    RemoveTargetById(Vec<(u64, u64)>, Target),
    /// Rules with this tag no longer look there.
    #[allow(private_interfaces, reason = "targets are made by the parser only")]
    RemoveTargetByTag(String, Target),
    /// The body is read in this way.
    BodyProcessor(String),
    /// The body as a whole is a variable, whatever it is read as.
    ForceBodyVariable(bool),
    /// The body is looked at.
    BodyAccess(bool),
    /// Settings of other engines' logs: nothing here.
    Nothing,
}

/// One action of a rule.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(private_interfaces, reason = "templates are made by the parser only")]
pub enum Action {
    /// The rule's number.
    Id(u64),
    /// When it runs.
    Phase(u8),
    /// What becomes of the request.
    Disrupt(Disruption),
    /// The status of a refusal.
    Status(u16),
    /// Whether it wants to be heard of.
    Log(bool),
    /// What it calls what it saw.
    Message(Template),
    /// What it saw.
    Data(Template),
    /// How bad.
    Severity(Severity),
    /// A group it belongs to.
    Tag(String),
    /// What happens to a value before it is looked at; nothing clears the list.
    Transform(Option<Transformation>),
    /// The next rule must apply as well.
    Chain,
    /// The pieces that a pattern found go to TX:0 to TX:9.
    Capture,
    /// The operator looks after each transformation.
    MultiMatch,
    /// On to a marker.
    SkipAfter(String),
    /// Past so many rules.
    Skip(usize),
    /// A value changes.
    Set(Assignment),
    /// The engine changes.
    Control(Control),
    /// For people, or for collections that outlive a request: nothing here.
    Nothing,
}

impl Action {
    /// Splits at commas outside of quotes and reads each action.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, Fault> {
        let (mut actions, mut start, mut quoted, mut before) = (Vec::new(), 0, false, 0);
        for (place, byte) in text.bytes().enumerate() {
            match byte {
                b'\'' if before != b'\\' => quoted = !quoted,
                b',' if !quoted => {
                    actions.push(Self::parse(text[start..place].trim())?);
                    start = place + 1;
                }
                _ => {}
            }
            before = byte;
        }
        if quoted {
            return Err(Fault::OpenQuote);
        }
        let last = text[start..].trim();
        if !last.is_empty() {
            actions.push(Self::parse(last)?);
        }
        Ok(actions)
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        let (name, value) = text.split_once(':').map_or((text, ""), |(name, value)| (name.trim(), value.trim()));
        let value = unquoted(value);
        let unreadable = || Fault::ActionValue { action: name.to_owned(), value: value.clone() };
        let name_in_small = name.to_ascii_lowercase();
        if let Some(action) = Self::plain(&name_in_small) {
            return if value.is_empty() { Ok(action) } else { Err(unreadable()) };
        }
        Ok(match name_in_small.as_str() {
            "id" => Self::Id(value.parse().map_err(|_| unreadable())?),
            "phase" => Self::Phase(phase(&value)?),
            "status" => {
                Self::Status(value.parse().ok().filter(|status| (100..600).contains(status)).ok_or_else(unreadable)?)
            }
            "allow" => Self::Disrupt(match value.as_str() {
                "" => Disruption::Allow,
                "phase" => Disruption::AllowPhase,
                "request" => Disruption::AllowRequest,
                _ => return Err(unreadable()),
            }),
            "msg" => Self::Message(Template::parse(&value)?),
            "logdata" => Self::Data(Template::parse(&value)?),
            "severity" => Self::Severity(Severity::parse(&value).ok_or_else(unreadable)?),
            "tag" => Self::Tag(value),
            "t" if value.eq_ignore_ascii_case("none") => Self::Transform(None),
            "t" => Self::Transform(Some(
                Transformation::named(&value).ok_or_else(|| Fault::UnknownTransformation(value.clone()))?,
            )),
            "skipafter" => Self::SkipAfter(value),
            "skip" => Self::Skip(value.parse().map_err(|_| unreadable())?),
            "setvar" => Self::Set(Assignment::parse(&value).ok_or_else(unreadable)??),
            "ctl" => Self::Control(Control::parse(&value).ok_or_else(unreadable)??),
            "expirevar"
            | "initcol"
            | "rev"
            | "ver"
            | "maturity"
            | "accuracy"
            | "setenv"
            | "sanitisearg"
            | "sanitisematched"
            | "sanitisematchedbytes"
            | "sanitiserequestheader" => Self::Nothing,
            _ => return Err(Fault::UnknownAction(name.to_owned())),
        })
    }

    /// Actions without a value.
    fn plain(name: &str) -> Option<Self> {
        Some(match name {
            "pass" => Self::Disrupt(Disruption::Pass),
            "block" => Self::Disrupt(Disruption::Block),
            "deny" => Self::Disrupt(Disruption::Deny),
            "drop" => Self::Disrupt(Disruption::Drop),
            "log" => Self::Log(true),
            "nolog" => Self::Log(false),
            "auditlog" | "noauditlog" => Self::Nothing,
            "chain" => Self::Chain,
            "capture" => Self::Capture,
            "multimatch" => Self::MultiMatch,
            _ => return None,
        })
    }
}

/// The text within single quotes, with `\'` made `'`.
fn unquoted(text: &str) -> String {
    let inside = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(text);
    inside.replace("\\'", "'")
}

/// Reads a phase by number or by name.
pub(crate) fn phase(text: &str) -> Result<u8, Fault> {
    Ok(match text {
        "1" => 1,
        "2" | "request" => 2,
        "3" => 3,
        "4" | "response" => 4,
        "5" | "logging" => 5,
        _ => return Err(Fault::Phase(text.to_owned())),
    })
}

impl Assignment {
    /// Reads `[!]tx.name[=[+|-]value]`. Only `tx` exists here; nothing where it is another collection.
    fn parse(text: &str) -> Option<Result<Self, Fault>> {
        let (remove, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let (name, value) = rest.split_once('=').map_or((rest, None), |(name, value)| (name, Some(value)));
        let name = name.get(..3).filter(|head| head.eq_ignore_ascii_case("tx.")).map(|_| &name[3..])?;
        let change = match (remove, value) {
            (true, _) => Ok(Change::Remove),
            (false, None) => Template::parse("1").map(Change::Set),
            (false, Some(value)) => match value.as_bytes().first() {
                Some(b'+') => Template::parse(&value[1..]).map(Change::Add),
                Some(b'-') => Template::parse(&value[1..]).map(Change::Subtract),
                _ => Template::parse(value).map(Change::Set),
            },
        };
        Some(change.and_then(|change| Ok(Self { name: Template::parse(&name.to_ascii_lowercase())?, change })))
    }
}

impl Control {
    fn parse(text: &str) -> Option<Result<Self, Fault>> {
        let (name, value) = text.split_once('=')?;
        let target = |value: &str| value.split_once(';').map(|(of, target)| (of.to_owned(), Target::parse(target)));
        let on = |value: &str| match value.to_ascii_lowercase().as_str() {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        Some(Ok(match name.to_ascii_lowercase().as_str() {
            "ruleengine" => Self::RuleEngine(mode(value)?),
            "ruleremovebyid" => Self::RemoveById(ranges(value)?),
            "ruleremovebytag" => Self::RemoveByTag(value.to_owned()),
            "ruleremovetargetbyid" => match target(value)? {
                (of, Ok(target)) => Self::RemoveTargetById(ranges(&of)?, target),
                (_, Err(fault)) => return Some(Err(fault)),
            },
            "ruleremovetargetbytag" => match target(value)? {
                (of, Ok(target)) => Self::RemoveTargetByTag(of, target),
                (_, Err(fault)) => return Some(Err(fault)),
            },
            "requestbodyprocessor" => Self::BodyProcessor(value.to_ascii_uppercase()),
            "forcerequestbodyvariable" => Self::ForceBodyVariable(on(value)?),
            "requestbodyaccess" => Self::BodyAccess(on(value)?),
            "auditengine" | "auditlogparts" | "debugloglevel" | "responsebodyaccess" => Self::Nothing,
            _ => return Some(Err(Fault::UnknownAction(format!("ctl:{name}")))),
        }))
    }
}

/// Reads `On`, `DetectionOnly`, `Off`.
pub(crate) fn mode(text: &str) -> Option<Mode> {
    match text.to_ascii_lowercase().as_str() {
        "on" => Some(Mode::Block),
        "detectiononly" => Some(Mode::Detect),
        "off" => Some(Mode::Off),
        _ => None,
    }
}

/// Reads `1,5-9`.
pub(crate) fn ranges(text: &str) -> Option<Vec<(u64, u64)>> {
    let range = |text: &str| match text.trim().split_once('-') {
        Some((from, to)) => Some((from.trim().parse().ok()?, to.trim().parse().ok()?)),
        None => text.trim().parse().ok().map(|number| (number, number)),
    };
    text.split([',', ' ']).filter(|part| !part.is_empty()).map(range).collect()
}
