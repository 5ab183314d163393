//! A person as the organization's directory sees them: what it may set, what is answered, and which version that is.

use identity::user::{self, EmailAddress, MAXIMUM_NAME_LENGTH};
use identity::{MembershipState, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::Timestamp;
use uuid::Uuid;
use web::instant::to_rfc3339;

use super::answer;
use super::attribute::{Object, USER};
use super::group;
use super::refusal::{Refusal, Result};

/// Names and the directory's own identifier, as the directory gave them; stored sealed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// `externalId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// `displayName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `name.formatted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
    /// `name.givenName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// `name.familyName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
}

storage::debug_shows!(
    struct Profile {}
);

/// Somebody who works in the organization, or is stopped for now.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The membership, which is the SCIM `id`.
    pub id: Uuid,
    /// The account.
    pub user: Uuid,
    /// The account's address.
    pub email: String,
    /// The account's name.
    pub name: String,
    /// What they are here.
    pub role: Role,
    /// Where the membership stands.
    pub state: MembershipState,
    /// Since when.
    pub created_at: Timestamp,
    /// What the directory said; nothing of somebody whom it did not provision.
    pub profile: Option<Profile>,
    /// Whether the account has a password, so that its person can sign in without a provider.
    pub has_password: bool,
    /// Whether the account is the directory's to rename.
    pub is_own_account: bool,
    /// When provisioning last changed something.
    pub changed_at: Option<Timestamp>,
}

storage::debug_shows!(struct User { id, user, role, state, created_at, has_password, is_own_account });

/// What a client wants a person to be.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `userName`, as it is compared.
    pub user_name: String,
    /// `active`; nothing when it was not said.
    pub active: Option<bool>,
    /// The names and the directory's identifier.
    pub profile: Profile,
}

storage::debug_shows!(struct Wanted { active });

impl Wanted {
    /// Reads what a client may set, in the shape of [`super::attribute::Schema::read`].
    pub fn read(object: &Object) -> Result<Self> {
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
        let part = |name: &str| object.get("name")?.get(name)?.as_str().map(str::to_owned);
        let Some(user_name) = text("userName") else {
            return Err(Refusal::InvalidValue("userName is missing.".to_owned()));
        };
        let profile = Profile {
            external_id: text("externalId"),
            display_name: text("displayName"),
            formatted: part("formatted"),
            given_name: part("givenName"),
            family_name: part("familyName"),
        };
        let active = object.get("active").and_then(Value::as_bool);
        Ok(Self { user_name: user_name.trim().to_lowercase(), active, profile })
    }

    /// The address, which must be one.
    pub fn email(&self) -> Result<EmailAddress> {
        EmailAddress::parse(&self.user_name).map_err(|_| {
            let words = "userName must be the person's e-mail address: map it to the mail or the user principal name.";
            Refusal::InvalidValue(words.to_owned())
        })
    }

    /// The name for the account: the first of those that were given, else what stands before the @.
    pub fn name(&self) -> Result<String> {
        let Profile { display_name, formatted, given_name, family_name, .. } = &self.profile;
        let parts: Vec<&str> = [given_name, family_name].into_iter().flatten().map(|part| part.trim()).collect();
        let joined = parts.join(" ");
        let local = self.user_name.split('@').next().unwrap_or_default();
        let given = [display_name.as_deref(), formatted.as_deref(), Some(joined.as_str()), Some(local)];
        let name = given.into_iter().flatten().map(str::trim).find(|name| !name.is_empty()).unwrap_or_default();
        let name: String = name.chars().take(MAXIMUM_NAME_LENGTH).collect();
        Ok(user::name("name", &name)?)
    }
}

impl User {
    /// What is answered of somebody whom no directory has set anything of.
    pub fn own_profile(&self) -> Profile {
        Profile { display_name: Some(self.name.clone()), ..Profile::default() }
    }

    /// Is the person let in?
    pub fn is_active(&self) -> bool {
        self.state == MembershipState::Active
    }

    /// What of the person a client may set, as it stands.
    pub fn settable(&self) -> Object {
        let mut object = Object::new();
        object.insert("userName".to_owned(), self.email.as_str().into());
        object.insert("active".to_owned(), self.is_active().into());
        self.write_names(&mut object);
        object
    }

    fn write_names(&self, object: &mut Object) {
        let Some(profile) = &self.profile else {
            object.insert("displayName".to_owned(), self.name.as_str().into());
            return;
        };
        let mut write = |name: &str, value: &Option<String>| {
            value.as_deref().map(|value| object.insert(name.to_owned(), value.into()));
        };
        write("externalId", &profile.external_id);
        write("displayName", &profile.display_name);
        let parts = [
            ("formatted", &profile.formatted),
            ("givenName", &profile.given_name),
            ("familyName", &profile.family_name),
        ];
        let parts: Object =
            parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.as_deref()?.into()))).collect();
        if !parts.is_empty() {
            object.insert("name".to_owned(), Value::Object(parts));
        }
    }

    /// The person as they are answered; `base` is the server's own address.
    pub fn resource(&self, base: &str) -> Object {
        let mut object = self.settable();
        object.insert("schemas".to_owned(), json!([USER.urn]));
        object.insert("id".to_owned(), self.id.to_string().into());
        object.insert("emails".to_owned(), json!([{"value": self.email, "type": "work", "primary": true}]));
        if let Some(group) = group::id_of(self.role) {
            let address = answer::location(base, group::LISTED, group);
            let group = json!({
                "value": group, "$ref": address, "display": group::name_of(self.role), "type": "direct"
            });
            object.insert("groups".to_owned(), json!([group]));
        }
        let changed_at = self.changed_at.unwrap_or(self.created_at).max(self.created_at);
        let meta = json!({
            "resourceType": USER.name,
            "created": to_rfc3339(self.created_at),
            "lastModified": to_rfc3339(changed_at),
            "location": answer::location(base, &USER, &self.id.to_string()),
        });
        answer::with_version(object, meta)
    }
}

#[cfg(test)]
pub(in crate::provisioning) mod tests;
