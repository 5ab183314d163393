//! The profile: everything a business decides about its agent, as data that is versioned, hashed, reviewed and published.
//!
//! A profile holds no secret and no personal data of callers or visitors, so it is stored sealed with the
//! organization's key but may be shown to every member who may read agents.

mod limits;
mod sample;
mod shape;

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use self::limits::{ProfileProblem, limit};
pub use self::sample::sample;
use self::shape::{digit, opening_hours, words_list};

/// What one published version of an agent says and does. Serialised as canonical JSON (`serde_json` over this
/// struct, maps ordered) it is the text whose SHA-256 is the version's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The agent's name as visitors see it, at most 80 characters.
    #[schema(
        min_length = 1,
        max_length = 80,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    pub name: String,
    /// The business's name as it is spoken and written, at most 120 characters.
    #[schema(
        min_length = 1,
        max_length = 120,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    pub business_name: String,
    /// First words of a chat, at most 400 characters; the AI notice is added by the product and cannot be left out.
    #[schema(
        min_length = 1,
        max_length = 400,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    pub greeting: String,
    /// IANA time zone of the business, for example `Europe/Berlin`.
    #[schema(min_length = 1, example = "Europe/Berlin")]
    pub time_zone: String,
    /// Opening hours by weekday (1 = Monday … 7 = Sunday, ISO 8601); a day that is missing is closed.
    #[schema(schema_with = opening_hours)]
    pub opening_hours: BTreeMap<u8, Vec<OpenPeriod>>,
    /// Services that can be booked, at most 20.
    #[schema(max_items = 20)]
    pub services: Vec<Service>,
    /// How bookings are offered.
    pub booking: BookingPolicy,
    /// What the agent says about emergencies instead of answering them.
    #[schema(
        min_length = 1,
        max_length = 400,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    pub emergency_line: String,
    /// When and how a conversation goes to a person.
    pub handoff: HandoffPolicy,
    /// The flows this agent runs, at most 20.
    #[schema(max_items = 20)]
    pub flows: Vec<Flow>,
}

/// A span of opening time within one day, in minutes after midnight; `until` is exclusive and at most 1440.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenPeriod {
    /// First open minute of the day.
    #[schema(minimum = 0, maximum = 1439)]
    pub from_minute: u16,
    /// First closed minute after it.
    #[schema(minimum = 1, maximum = 1440)]
    pub until_minute: u16,
}

/// Something that can be booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Stable key within the profile, `[a-z0-9_]{1,40}`.
    #[schema(pattern = "^[a-z0-9_]{1,40}$")]
    pub key: String,
    /// The name that is written and, on the phone, spoken.
    #[schema(
        min_length = 1,
        max_length = 120,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    pub name: String,
    /// Other words that mean this service.
    #[serde(default)]
    #[schema(schema_with = words_list::<{ limit::ALSO }>)]
    pub also: Vec<String>,
    /// Length of the appointment in minutes, 5 to 480.
    #[schema(minimum = 5, maximum = 480)]
    pub duration_minutes: u16,
}

/// How bookings are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookingPolicy {
    /// Slots start at multiples of this many minutes after opening, 5 to 120.
    #[schema(minimum = 5, maximum = 120)]
    pub slot_minutes: u16,
    /// The earliest slot lies this many minutes ahead.
    #[schema(minimum = 0, maximum = 86_400)]
    pub lead_minutes: u32,
    /// The latest slot lies this many days ahead, 1 to 365.
    #[schema(minimum = 1, maximum = 365)]
    pub horizon_days: u16,
    /// How many slots are offered at once, 1 to 9 (one keypad digit each).
    #[schema(minimum = 1, maximum = 9)]
    pub offered: u8,
}

/// When and how a conversation goes to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandoffPolicy {
    /// Words that always mean "a person, please", beside the built-in ones.
    #[serde(default)]
    #[schema(schema_with = words_list::<{ limit::KEYWORDS }>)]
    pub keywords: Vec<String>,
    /// After this many turns without an answer in a row a person is offered, 1 to 10.
    #[schema(minimum = 1, maximum = 10)]
    pub after_misses: u8,
    /// How long a visitor waits for a person before a message is offered instead, in seconds.
    #[schema(minimum = 0, maximum = 3_600)]
    pub wait_seconds: u32,
    /// SIP address or number that a caller is transferred to; none means a message is taken.
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    pub transfer_to: Option<String>,
}

/// One flow: slots that are asked for in order, then a tool that acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Stable key, `[a-z0-9_]{1,40}`.
    #[schema(value_type = String, pattern = "^[a-z0-9_]{1,40}$")]
    pub key: FlowKey,
    /// What the flow is called in menus ("Book an appointment").
    #[schema(
        min_length = 1,
        max_length = 120,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    pub title: String,
    /// Keypad digit in the phone menu, 1 to 7 or 9 (8 stops the recording of a call); none keeps it out of the menu.
    #[serde(default)]
    #[schema(schema_with = digit)]
    pub digit: Option<u8>,
    /// Slots in the order in which they are asked.
    #[schema(max_items = 12)]
    pub slots: Vec<SlotRule>,
    /// What happens when every slot is filled (and confirmed).
    pub tool: ToolKind,
    /// The questions of a flow that answers them from the documents, in the order of their keys: 1 to 6; none in any other flow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(schema_with = words_list::<{ limit::QUESTIONS }>)]
    pub questions: Vec<String>,
    /// Whether the values are read back and must be affirmed before the tool runs.
    pub confirm: bool,
}

/// Key of a flow within its profile.
pub type FlowKey = String;
/// Key of a slot within its flow.
pub type SlotKey = String;

/// One value that a flow needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlotRule {
    /// Stable key, `[a-z0-9_]{1,40}`.
    #[schema(value_type = String, pattern = "^[a-z0-9_]{1,40}$")]
    pub key: SlotKey,
    /// What kind of value it is: decides how it is understood, checked and read back.
    pub kind: SlotKind,
    /// The question in a chat.
    #[schema(
        min_length = 1,
        max_length = 300,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    )]
    pub question: String,
    /// Whether the flow may go on without it.
    #[serde(default)]
    pub optional: bool,
}

/// Kinds of slot values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// One of the profile's services.
    Service,
    /// A day (in the business's time zone).
    Day,
    /// One of the free times that the calendar offers for the chosen service and day.
    FreeTime,
    /// A person's name; on the embedded phone it is taken from a recorded message or skipped.
    PersonName,
    /// A telephone number; on the phone the caller's own number is offered first.
    PhoneNumber,
    /// An e-mail address.
    Email,
    /// Free text, at most 2,000 characters; on the embedded phone a recorded message.
    Text,
}

/// The tools a flow may end in. A model never calls one: the engine does, with checked arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// Write an appointment into the calendar.
    Book,
    /// Take a lead.
    TakeLead,
    /// Open a ticket.
    OpenTicket,
    /// Take a message (a callback request; on the phone a voicemail).
    TakeMessage,
    /// Say the opening hours.
    TellHours,
    /// Answer one of the flow's questions from the documents: what a caller, who has only keys, can ask.
    AnswerQuestions,
}

impl Profile {
    /// The service with this key.
    pub fn service(&self, key: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.key == key)
    }

    /// The flow with this key.
    pub fn flow(&self, key: &str) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.key == key)
    }

    /// The first flow that ends in this tool.
    pub fn flow_with(&self, tool: ToolKind) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.tool == tool)
    }

    /// The zone of the business; UTC when its name is unknown (validation refuses such a profile).
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// An instant (microseconds after 1970, UTC) on the clock of the business.
    pub fn local(&self, microseconds: i64) -> DateTime {
        let instant = jiff::Timestamp::from_microsecond(microseconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        instant.to_zoned(self.zone()).datetime()
    }

    /// Whether the business is open at this local time.
    pub fn is_open(&self, local: DateTime) -> bool {
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        self.periods(local.date()).iter().any(|period| (period.from_minute..period.until_minute).contains(&minute))
    }

    /// Opening periods of a day; none when it is closed.
    pub fn periods(&self, day: jiff::civil::Date) -> &[OpenPeriod] {
        let weekday = u8::try_from(day.weekday().to_monday_one_offset()).unwrap_or(1);
        self.opening_hours.get(&weekday).map_or(&[], Vec::as_slice)
    }

    /// The canonical text: JSON of this struct in the order of its fields, maps in the order of their keys.
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).expect("a profile holds only strings, numbers and maps with plain keys")
    }

    /// SHA-256 of the canonical text in lowercase hexadecimal: what a published version is known by.
    pub fn hash(&self) -> String {
        hex::encode(digest(&SHA256, self.canonical().as_bytes()))
    }
}

impl Flow {
    /// The slot with this key.
    pub fn slot(&self, key: &str) -> Option<&SlotRule> {
        self.slots.iter().find(|slot| slot.key == key)
    }
}

#[cfg(test)]
mod tests;
