//! The pages of contacts: the list, and one person with what is known, its correction and erasure.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use identity::{Permission, Platform};
use serde::Deserialize;
use uuid::Uuid;
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::phone_number::PhoneNumber;
use web::shell::{Done, Html, Nav, Shell};
use web::{Access, Audited, Form, PageContext, PageQuery, Path, Problem, Query, Routes};

use crate::contact::{Contact, ContactSource, Details, Error};
use crate::store;

/// The routes.
pub fn routes() -> Routes<Platform> {
    let (read, write) = (Access::Permission(Permission::ContactRead), Access::Permission(Permission::ContactWrite));
    Routes::new()
        .get("/contacts", read, Audited::Read("contact.list"), list)
        .get("/contacts/{id}", read, Audited::Read("contact.read"), show)
        .post("/contacts/{id}", write, Audited::Change("contact.edit"), edit)
        .free_text(&["name", "phone", "email"])
        .post("/contacts/{id}/erasure", write, Audited::Change("contact.erase"), erase)
}

struct Line {
    id: Uuid,
    name: String,
    phone: String,
    email: String,
    source: &'static str,
    met: Moment,
    learned: Moment,
    same_as: Option<Uuid>,
    erased: Option<Chip>,
}

fn line(contact: &Contact) -> Line {
    let (details, id) = (&contact.details, contact.id);
    // Ids begin with the time, so their end tells unnamed contacts apart.
    let unnamed = || format!("Contact {}", id.simple().to_string().split_off(26).to_uppercase());
    Line {
        id,
        name: details.name.clone().unwrap_or_else(unnamed),
        phone: details.phone.clone().map(|phone| PhoneNumber(phone).to_string()).unwrap_or_default(),
        email: details.email.clone().unwrap_or_default(),
        source: match contact.source {
            ContactSource::Phone => "Phone",
            ContactSource::Chat => "Chat",
            ContactSource::Entered => "Entered by hand",
        },
        met: Moment::new(contact.created_at),
        learned: Moment::new(contact.updated_at),
        same_as: contact.same_as,
        erased: contact.erased.then(|| Chip::new(Tone::Done, "Erased")),
    }
}

#[derive(Template)]
#[template(path = "contacts.html")]
struct ContactsPage {
    shell: Shell,
    contacts: Vec<Line>,
    older: Option<Uuid>,
}

async fn list(
    State(platform): State<Platform>,
    page: PageContext,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let mut rows = store::list(&platform, &page.caller, query.before_or_end(), query.fetch()).await?;
    let more = rows.len() > query.limit();
    rows.truncate(query.limit());
    let shown = ContactsPage {
        shell: page.shell("Contacts", Nav::Contacts),
        older: rows.last().filter(|_| more).map(|contact| contact.id),
        contacts: rows.iter().map(line).collect(),
    };
    Ok(Html(shown).into_response())
}

#[derive(Template)]
#[template(path = "contact.html")]
struct ContactPage {
    shell: Shell,
    contact: Line,
    may_write: bool,
    name: String,
    name_error: String,
    phone: String,
    phone_error: String,
    email: String,
    email_error: String,
}

fn contact_page(page: &PageContext, contact: &Contact) -> ContactPage {
    let shown = line(contact);
    let details = contact.details.clone();
    ContactPage {
        shell: page.shell(&shown.name, Nav::Contacts),
        contact: shown,
        may_write: page.caller.permits(Permission::ContactWrite),
        name: details.name.unwrap_or_default(),
        name_error: String::new(),
        phone: details.phone.unwrap_or_default(),
        phone_error: String::new(),
        email: details.email.unwrap_or_default(),
        email_error: String::new(),
    }
}

async fn show(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Query(done): Query<Done>,
) -> Result<Response, Problem> {
    let contact = store::get(&platform, &page.caller, id).await?;
    let mut shown = contact_page(&page, &contact);
    shown.shell = done.told(shown.shell);
    Ok(Html(shown).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DetailsForm {
    name: String,
    phone: String,
    email: String,
}

async fn edit(
    State(platform): State<Platform>,
    page: PageContext,
    Path(id): Path<Uuid>,
    Form(form): Form<DetailsForm>,
) -> Result<Response, Problem> {
    let given = |text: &str| Some(text.to_owned());
    let details = Details { name: given(&form.name), phone: given(&form.phone), email: given(&form.email) };
    let field = match store::edit(&platform, &page.caller, id, &details).await {
        Ok(_) => return Ok(Redirect::to(&Done::address(&format!("/contacts/{id}"), "saved")).into_response()),
        Err(Error::Invalid(field)) => field,
        Err(other) => return Err(other.into()),
    };
    let mut again = contact_page(&page, &store::get(&platform, &page.caller, id).await?);
    (again.name, again.phone, again.email) = (form.name, form.phone, form.email);
    let (error, words) = match field {
        "phone" => (&mut again.phone_error, "A number has 5 to 15 digits, best with + and the country's code."),
        "email" => (&mut again.email_error, "An address has a name, an @ and a domain."),
        _ => (&mut again.name_error, "A name has at most 120 characters."),
    };
    words.clone_into(error);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(again)).into_response())
}

async fn erase(State(platform): State<Platform>, page: PageContext, Path(id): Path<Uuid>) -> Result<Redirect, Problem> {
    store::erase(&platform, &page.caller, id).await?;
    Ok(Redirect::to(&format!("/contacts/{id}")))
}
