//! The frame around every page: the rail of nouns, who is signed in, and the pages that stand alone.
//!
//! A page of another part extends `shell.html` and carries a [`Shell`] in a field of that name; a page without a
//! signed-in person extends `alone.html` the same way. Markup of ours carries the nonce of its answer, no inline
//! style and no inline script.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge::Nonce;
use serde::Deserialize;

use crate::assets;
use crate::form_token::{FormField, FormToken};
use crate::moment::Moment;
use crate::sign::Sign;

/// Where a page stands in the rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nav {
    /// What goes on at this moment.
    Overview,
    /// Conversations in writing.
    Inbox,
    /// Conversations by phone.
    Calls,
    /// Appointments.
    Bookings,
    /// People who showed interest.
    Leads,
    /// Matters that somebody must settle.
    Tickets,
    /// Callers and visitors who are known.
    Contacts,
    /// The software that answers.
    Agents,
    /// The page of promises and proofs.
    Trust,
    /// Who did what.
    Audit,
    /// Organization, members, keys, widgets.
    Settings,
}

/// The rail in groups: what happens, what came of it, what answers, what guards.
const RAIL: [&[Nav]; 4] = [
    &[Nav::Overview, Nav::Inbox, Nav::Calls],
    &[Nav::Bookings, Nav::Leads, Nav::Tickets, Nav::Contacts],
    &[Nav::Agents],
    &[Nav::Trust, Nav::Audit, Nav::Settings],
];

impl Nav {
    const fn face(self) -> (Sign, &'static str, &'static str) {
        match self {
            Self::Overview => (Sign::Overview, "Overview", "/"),
            Self::Inbox => (Sign::Inbox, "Inbox", "/inbox"),
            Self::Calls => (Sign::Calls, "Calls", "/calls"),
            Self::Bookings => (Sign::Bookings, "Bookings", "/bookings"),
            Self::Leads => (Sign::Leads, "Leads", "/leads"),
            Self::Tickets => (Sign::Tickets, "Tickets", "/tickets"),
            Self::Contacts => (Sign::Contacts, "Contacts", "/contacts"),
            Self::Agents => (Sign::Agents, "Agents", "/agents"),
            Self::Trust => (Sign::Trust, "Trust", "/trust"),
            Self::Audit => (Sign::Audit, "Audit", "/audit"),
            Self::Settings => (Sign::Settings, "Settings", "/settings"),
        }
    }
}

/// One entry of the rail, as the template reads it.
#[derive(Clone, Copy, Debug)]
pub struct Noun {
    /// Its sign.
    pub sign: Sign,
    /// Its word.
    pub word: &'static str,
    /// Where it leads.
    pub address: &'static str,
    /// Whether the page shown belongs to it.
    pub current: bool,
}

/// Something the page tells once, after a change or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    good: bool,
    words: String,
}

impl Told {
    /// The class of the notice.
    pub const fn class(&self) -> &'static str {
        if self.good { "good" } else { "bad" }
    }

    /// The sign of the notice.
    pub const fn sign(&self) -> Sign {
        if self.good { Sign::Done } else { Sign::Warning }
    }

    /// Its words.
    pub fn words(&self) -> &str {
        &self.words
    }
}

/// A change of the person's account that this browser has not acknowledged.
#[derive(Clone, Debug)]
pub struct AccountNotice {
    /// What happened.
    pub words: &'static str,
    /// When.
    pub at: Moment,
    /// From where; empty when that is not known or not theirs.
    pub address: String,
}

impl From<identity::notice::Notice> for AccountNotice {
    fn from(notice: identity::notice::Notice) -> Self {
        Self {
            words: notice.kind.words(),
            at: Moment::new(notice.at),
            address: notice.address.map_or_else(String::new, |address| address.to_string()),
        }
    }
}

/// The frame of one page.
#[derive(Clone)]
pub struct Shell {
    title: String,
    nav: Option<Nav>,
    nonce: Nonce,
    organization_name: String,
    person_name: String,
    form_token: Option<FormToken>,
    looking: Vec<String>,
    notices: Vec<AccountNotice>,
    told: Option<Told>,
}

storage::debug_shows!(struct Shell { title, organization_name });

impl Shell {
    /// The frame of a page for a signed-in person.
    pub fn new(title: &str, nav: Nav, nonce: Nonce, organization_name: &str, person_name: &str) -> Self {
        Self {
            nav: Some(nav),
            organization_name: organization_name.to_owned(),
            person_name: person_name.to_owned(),
            ..Self::alone(title, nonce)
        }
    }

    /// The frame of a page that stands alone.
    pub fn alone(title: &str, nonce: Nonce) -> Self {
        Self {
            title: title.to_owned(),
            nav: None,
            nonce,
            organization_name: String::new(),
            person_name: String::new(),
            form_token: None,
            looking: Vec::new(),
            notices: Vec::new(),
            told: None,
        }
    }

    /// The same for the pages of a session: its forms carry this token.
    #[must_use]
    pub fn with_form_token(self, form_token: Option<FormToken>) -> Self {
        Self { form_token, ..self }
    }

    /// The hidden field that stands first in every form that changes something; nothing without a session.
    pub const fn form_token(&self) -> FormField<'_> {
        FormField(self.form_token.as_ref())
    }

    /// The token for scripts; empty without a session.
    pub fn form_token_text(&self) -> &str {
        self.form_token.as_ref().map_or("", FormToken::as_str)
    }

    /// The same, naming the operators who look into the organization at this moment.
    #[must_use]
    pub fn with_looking(self, looking: Vec<String>) -> Self {
        Self { looking, ..self }
    }

    /// The same, with what the person has to acknowledge about changes of their account.
    #[must_use]
    pub fn with_notices(self, notices: Vec<AccountNotice>) -> Self {
        Self { notices, ..self }
    }

    /// What the person has to acknowledge, newest first.
    pub fn notices(&self) -> &[AccountNotice] {
        &self.notices
    }

    /// The operators who look at this moment, by support access.
    pub fn looking(&self) -> String {
        self.looking.join(", ")
    }

    /// The same, telling that something was done.
    pub fn telling(mut self, words: impl Into<String>) -> Self {
        self.told = Some(Told { good: true, words: words.into() });
        self
    }

    /// The same, telling why something was not done.
    pub fn refusing(mut self, words: impl Into<String>) -> Self {
        self.told = Some(Told { good: false, words: words.into() });
        self
    }

    /// Title of the page.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The nonce for script elements.
    pub fn nonce(&self) -> &str {
        self.nonce.as_str()
    }

    /// The organization's name.
    pub fn organization_name(&self) -> &str {
        &self.organization_name
    }

    /// Who is signed in.
    pub fn person_name(&self) -> &str {
        &self.person_name
    }

    /// What is told once, if anything.
    pub const fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// Address of an asset.
    pub fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// The product's sign.
    pub const fn sign(&self) -> Sign {
        Sign::Ringfence
    }

    /// The sign of light and dark.
    pub const fn scheme_sign(&self) -> Sign {
        Sign::Scheme
    }

    /// The sign of a warning.
    pub const fn warning_sign(&self) -> Sign {
        Sign::Warning
    }

    /// The rail's groups.
    pub fn nouns(&self) -> Vec<Vec<Noun>> {
        let noun = |nav: &Nav| {
            let (sign, word, address) = nav.face();
            Noun { sign, word, address, current: self.nav == Some(*nav) }
        };
        RAIL.iter().map(|group| group.iter().map(noun).collect()).collect()
    }
}

/// What a page was redirected to after a change, as a word in its address; only these words are known, so that no
/// address can put its own words on a page of ours.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Done {
    done: Option<String>,
}

impl Done {
    /// The address of a page that tells this.
    pub fn address(page: &str, word: &str) -> String {
        format!("{page}?done={word}")
    }

    /// The frame, telling what was done, if anything was.
    pub fn told(&self, shell: Shell) -> Shell {
        let words = match self.done.as_deref() {
            Some("created") => "Made.",
            Some("saved") => "Saved.",
            Some("ended") => "Ended.",
            Some("removed") => "Removed.",
            Some("factor") => "Saved. If something was lost or stolen, sign out your other browsers below.",
            Some("connected") => "Connected. You can sign in by your organization's provider from now on.",
            Some("password") => "Your password is changed. Other browsers are signed out.",
            Some("left") => "Removed. Everything of theirs is refused from now on.",
            Some("suspended") => "Suspended. They are let in again when you say so.",
            Some("withdrawn") => "Withdrawn. The link is worth nothing now.",
            Some("locked") => "Locked out. Sessions, keys, widgets and links ended; an incident is written down.",
            Some("known") => "Noted. Both places are known for 90 days.",
            Some("signed") => "Signed off.",
            Some("revoked") => "Revoked. It stops working at once.",
            Some("rotated") => "Here is the new token. The one before works for another day.",
            Some("published") => "Published. Callers and visitors meet this version from now on.",
            Some("deleted") => "Deleted.",
            Some("queued") => "Taken. It is read in the background; its state stands in the list.",
            _ => return shell,
        };
        shell.telling(words)
    }
}

/// A rendered page as an answer: 200 unless said otherwise, never cached.
#[derive(Debug)]
pub struct Html<T>(pub T);

impl<T: Template> IntoResponse for Html<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(markup) => {
                let mut response = axum::response::Html(markup).into_response();
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// The sign-in page.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Its frame.
    pub shell: Shell,
    /// The e-mail address given before, to be corrected rather than typed again.
    pub email: String,
    /// Why the last attempt was refused; empty at first. Never says which of both was wrong.
    pub error: String,
}

storage::debug_shows!(struct SignInPage { error });

/// A problem as a page, for people.
#[derive(Template, Debug)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// Its frame; the title says what is wrong.
    pub shell: Shell,
    /// The status code.
    pub status: u16,
    /// What it means for the reader.
    pub detail: String,
    /// Where to go from here.
    pub next_address: String,
    /// The words of that link.
    pub next_word: String,
}

#[cfg(test)]
mod tests;
