//! How an organization begins: with its keys, its owner, and the first entry of its log, all in one transaction.

use audit::{Actor, ActorKind, Entry, Outcome};
use storage::{OrganizationId, Transaction};
use uuid::Uuid;

use crate::password_change::judge;
use crate::session::{self, Device};
use crate::store::{MEMBERSHIP, ORGANIZATION, ORGANIZATIONS_COUNT};
use crate::token::Secret;
use crate::user::{self, EmailAddress};
use crate::{Factor, MembershipState, Platform, Result, Role, change, one_time, password};

/// Purposes of organizations, as stored.
const BUSINESS: &str = "business";
const PROBE: &str = "probe";

/// What the first owner fills in.
pub struct Founding<'a> {
    /// The business, as callers shall hear it.
    pub organization_name: &'a str,
    /// The owner's name.
    pub name: &'a str,
    /// The owner's e-mail address.
    pub email: &'a str,
    /// The owner's password.
    pub password: &'a str,
}

/// A new organization and its owner.
#[derive(Debug, Clone, Copy)]
pub struct Founded {
    /// The organization.
    pub organization: OrganizationId,
    /// The owner.
    pub owner: Uuid,
}

/// Is there any organization yet? Without one the server prints the owner's token.
pub async fn is_needed(platform: &Platform) -> Result<bool> {
    let rows = platform.database.installation().query(&ORGANIZATIONS_COUNT, &[]).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.integer("organizations"))? == 0)
}

/// Founds an organization for whoever holds the printed token, and signs them in.
pub async fn found_with_token(
    platform: &Platform,
    token: &str,
    founding: &Founding<'_>,
    device: &Device,
) -> Result<(Founded, Secret)> {
    let prepared = Prepared::new(platform, founding).await?;
    let mut transaction = platform.database.organization(prepared.founded.organization).begin().await?;
    one_time::consume(&mut transaction, platform, one_time::Purpose::FirstOwner, token).await?;
    prepared.write(&mut transaction, platform, device).await?;
    let Founded { organization, owner } = prepared.founded;
    let session = session::open(&mut transaction, platform, organization, owner, device, &[Factor::Password]).await?;
    transaction.commit().await?;
    Ok((prepared.founded, session))
}

/// Founds an organization from the command line of the machine itself (the demo, `ringfence user`).
pub async fn found(platform: &Platform, founding: &Founding<'_>) -> Result<Founded> {
    found_as(platform, founding, BUSINESS).await
}

/// Founds an organization that exists to be attacked by the probes of the trust page. It works like any other, but does not
/// count: the first owner's place stays free, and the one business of an installation stays the only one.
pub async fn found_for_probes(platform: &Platform, founding: &Founding<'_>) -> Result<Founded> {
    found_as(platform, founding, PROBE).await
}

async fn found_as(platform: &Platform, founding: &Founding<'_>, purpose: &'static str) -> Result<Founded> {
    let prepared = Prepared { purpose, ..Prepared::new(platform, founding).await? };
    let mut transaction = platform.database.organization(prepared.founded.organization).begin().await?;
    prepared.write(&mut transaction, platform, &Device::default()).await?;
    transaction.commit().await?;
    Ok(prepared.founded)
}

/// Everything checked and hashed before the transaction begins, so that it is short.
struct Prepared {
    founded: Founded,
    purpose: &'static str,
    organization_name: String,
    name: String,
    email: EmailAddress,
    password_hash: String,
}

impl Prepared {
    async fn new(platform: &Platform, founding: &Founding<'_>) -> Result<Self> {
        let organization_name = user::name("organization", founding.organization_name)?;
        let name = user::name("name", founding.name)?;
        let email = EmailAddress::parse(founding.email)?;
        let related = [email.as_str(), &name, &organization_name];
        judge(platform, founding.password, password::MINIMUM_LENGTH_ALONE, &related).await?;
        let founded =
            Founded { organization: OrganizationId(platform.identifiers.next()), owner: platform.identifiers.next() };
        let password_hash = user::hash_password(founding.password, platform.entropy.clone()).await?;
        Ok(Self { founded, purpose: BUSINESS, organization_name, name, email, password_hash })
    }

    async fn write(&self, transaction: &mut Transaction, platform: &Platform, device: &Device) -> Result<()> {
        let Founded { organization, owner } = self.founded;
        let now = platform.now();
        let fields = [
            ("id", organization.into()),
            ("name", self.organization_name.as_str().into()),
            ("state", "active".into()),
            ("purpose", self.purpose.into()),
            ("created_at", now.into()),
        ];
        transaction.insert(&ORGANIZATION, &fields).await?;
        platform.vault.create_organization(transaction, now).await?;
        self.write_owner(transaction, platform).await?;
        let entry = Entry {
            actor: Actor { kind: ActorKind::User, id: Some(owner), address: device.address },
            action: "organization.found",
            object_kind: "organization",
            object_id: Some(organization.0),
            outcome: Outcome::Done,
            facts: Vec::new(),
            personal: Vec::new(),
        };
        change::append(transaction, platform, &entry).await
    }

    async fn write_owner(&self, transaction: &mut Transaction, platform: &Platform) -> Result<()> {
        let Founded { organization, owner } = self.founded;
        let now = platform.now();
        user::insert(transaction, platform, owner, (&self.email, &self.name), &self.password_hash).await?;
        let fields = [
            ("id", platform.identifiers.next().into()),
            ("organization_id", organization.into()),
            ("user_id", owner.into()),
            ("role", Role::Owner.as_str().into()),
            ("state", MembershipState::Active.as_str().into()),
            ("created_at", now.into()),
        ];
        transaction.insert(&MEMBERSHIP, &fields).await?;
        Ok(())
    }
}
