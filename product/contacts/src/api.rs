//! `/v1/contacts`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use identity::{Caller, Permission, Platform};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use web::instant::to_rfc3339;
use web::{Access, Audited, Json, Page, PageQuery, Path, Problem, Query, Routes};

use crate::contact::{Contact, Details, Error};
use crate::store;

/// The routes.
pub fn routes() -> Routes<Platform> {
    let may = Access::Permission;
    Routes::new()
        .get("/v1/contacts", may(Permission::ContactRead), Audited::Read("contact.list"), list_contacts)
        .post("/v1/contacts", may(Permission::ContactWrite), Audited::Change("contact.create"), create_contact)
        .free_text(&["name", "phone", "email"])
        .get("/v1/contacts/{id}", may(Permission::ContactRead), Audited::Read("contact.read"), get_contact)
        .patch("/v1/contacts/{id}", may(Permission::ContactWrite), Audited::Change("contact.edit"), edit_contact)
        .free_text(&["name", "phone", "email"])
        .delete("/v1/contacts/{id}", may(Permission::ContactWrite), Audited::Change("contact.erase"), erase_contact)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(list_contacts, create_contact, get_contact, edit_contact, erase_contact))]
pub struct Description;

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match error {
            Error::NotFound => Problem::not_found(),
            Error::Invalid(field) => Problem::field(field, error.to_string()),
            Error::Identity(error) => error.into(),
            Error::Storage(error) => error.into(),
            Error::Vault(error) => error.into(),
        }
    }
}

/// A person who called or wrote.
#[derive(Serialize, ToSchema)]
pub struct ContactView {
    id: Uuid,
    /// `phone`, `chat` or `entered`.
    source: &'static str,
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    /// Another contact who gave the same number or address.
    same_as: Option<Uuid>,
    /// The person was erased: nothing is known of them any more.
    erased: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

storage::debug_shows!(struct ContactView { id, source, same_as, erased });

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        ContactView {
            id: contact.id,
            source: contact.source.name(),
            name: contact.details.name,
            phone: contact.details.phone,
            email: contact.details.email,
            same_as: contact.same_as,
            erased: contact.erased,
            created_at: to_rfc3339(contact.created_at),
            updated_at: to_rfc3339(contact.updated_at),
        }
    }
}

/// What is known of a contact. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactRequest {
    #[schema(max_length = 120, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    #[serde(default)]
    name: Option<String>,
    /// International (`+49 …`) or national digits.
    #[schema(
        pattern = r"^$|^\+?(?:[ ()./-]*[1-9])(?:[ ()./-]*[0-9]){4,14}[ ()./-]*$|^0(?:[ ()./-]*[1-9])(?:[ ()./-]*[0-9]){3,13}[ ()./-]*$"
    )]
    #[serde(default)]
    phone: Option<String>,
    #[schema(
        max_length = 254,
        pattern = r"^$|^[^\s@\x00-\x1f\x7f-\x9f]+@(?:[^\s@.\x00-\x1f\x7f-\x9f]+\.)+[^\s@.\x00-\x1f\x7f-\x9f]+$"
    )]
    #[serde(default)]
    email: Option<String>,
}

storage::debug_shows!(
    struct ContactRequest {}
);

impl From<ContactRequest> for Details {
    fn from(wanted: ContactRequest) -> Details {
        Details { name: wanted.name, phone: wanted.phone, email: wanted.email }
    }
}

/// The contacts, newest first.
#[utoipa::path(get, path = "/v1/contacts", tag = "contacts", params(PageQuery), responses((status = 200, body = Page<ContactView>)))]
async fn list_contacts(
    State(platform): State<Platform>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ContactView>>, Problem> {
    let contacts = store::list(&platform, &caller, query.before_or_end(), query.fetch()).await?;
    Ok(Json(Page::of(contacts, &query, |contact| contact.id).map(ContactView::from)))
}

/// Enters a contact.
#[utoipa::path(post, path = "/v1/contacts", tag = "contacts", request_body = ContactRequest, responses((status = 201, body = ContactView)))]
async fn create_contact(
    State(platform): State<Platform>,
    caller: Caller,
    Json(wanted): Json<ContactRequest>,
) -> Result<Response, Problem> {
    let contact = store::enter(&platform, &caller, &wanted.into()).await?;
    let headers = [(header::LOCATION, format!("/v1/contacts/{}", contact.id))];
    Ok((StatusCode::CREATED, headers, Json(ContactView::from(contact))).into_response())
}

/// One contact.
#[utoipa::path(get, path = "/v1/contacts/{id}", tag = "contacts", params(("id" = Uuid, Path)), responses((status = 200, body = ContactView)))]
async fn get_contact(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<ContactView>, Problem> {
    Ok(Json(store::get(&platform, &caller, id).await?.into()))
}

/// Changes what is known of a contact.
#[utoipa::path(patch, path = "/v1/contacts/{id}", tag = "contacts", params(("id" = Uuid, Path)), request_body = ContactRequest, responses((status = 200, body = ContactView)))]
async fn edit_contact(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(wanted): Json<ContactRequest>,
) -> Result<Json<ContactView>, Problem> {
    Ok(Json(store::edit(&platform, &caller, id, &wanted.into()).await?.into()))
}

/// Erases a person: their key is destroyed, and with it everything that was sealed with it, in every copy.
#[utoipa::path(delete, path = "/v1/contacts/{id}", tag = "contacts", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn erase_contact(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    store::erase(&platform, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
