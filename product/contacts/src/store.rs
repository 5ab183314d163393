//! Contacts in the database: every value sealed with the person's own key, found by keyed indexes.

use identity::{Caller, Platform};
use storage::{Column, Erasure, Owner, Retention, Row, SealedWith, Statement, Table, Timestamp, Transaction, Value};
use uuid::Uuid;
use vault::{Field, Keyring, PersonKey};

use crate::contact::{Contact, ContactSource, Details, Error, email_form, phone_form};

/// People.
pub static CONTACT: Table = Table {
    name: "contact",
    owner: Owner::Organization,
    columns: &[
        Column::text("source"),
        Column::sealed("name", SealedWith::Person).nullable(),
        Column::sealed("phone", SealedWith::Person).nullable(),
        Column::sealed("email", SealedWith::Person).nullable(),
        Column::bytes("phone_index").nullable(),
        Column::bytes("email_index").nullable(),
        Column::uuid("same_as").nullable(),
        Column::boolean("erased"),
        Column::time("created_at"),
        Column::time("updated_at"),
    ],
    references: &[],
    unique: &[],
    indexes: &[&["phone_index"], &["email_index"]],
    retention: Retention::UntilDeleted,
    erasure: Erasure::PersonKey("id"),
};

static LIST: Statement = Statement::organization(
    "contacts.list",
    "select id, source, name, phone, email, same_as, erased, created_at, updated_at from contact
     where organization_id = $1 and id < $2 order by id desc limit $3",
);
static BY_PHONE: Statement = Statement::organization(
    "contacts.by_phone",
    "select id from contact where organization_id = $1 and phone_index = $2 and id <> $3 order by id limit 1",
);
static BY_EMAIL: Statement = Statement::organization(
    "contacts.by_email",
    "select id from contact where organization_id = $1 and email_index = $2 and id <> $3 order by id limit 1",
);

/// Tables of this part.
pub const TABLES: &[&Table] = &[&CONTACT];
/// Statements of this part.
pub const STATEMENTS: &[&Statement] = &[&LIST, &BY_PHONE, &BY_EMAIL];

/// The contact who called from this number before.
pub async fn find_by_phone(
    transaction: &mut Transaction,
    keyring: &Keyring,
    phone: &str,
) -> Result<Option<Uuid>, Error> {
    let Some(form) = phone_form(phone) else { return Ok(None) };
    let index = keyring.blind_index(&CONTACT, "phone_index", &form)?;
    let rows = transaction.query(&BY_PHONE, &[index.into(), Uuid::nil().into()]).await?;
    rows.first().map(|row| row.uuid("id")).transpose().map_err(Error::from)
}

/// A new contact with a key of its own.
pub async fn create(
    transaction: &mut Transaction,
    keyring: &Keyring,
    id: Uuid,
    source: ContactSource,
    now: Timestamp,
) -> Result<PersonKey, Error> {
    let key = keyring.create_person_key(transaction, id, now).await?;
    let fields: [(&str, Value); 5] = [
        ("id", id.into()),
        ("source", source.name().into()),
        ("erased", false.into()),
        ("created_at", now.into()),
        ("updated_at", now.into()),
    ];
    transaction.insert(&CONTACT, &fields).await?;
    Ok(key)
}

/// Writes what was learned of a person: values that were not known before, or all of them when `replace` is set. Values that
/// cannot be read are left out. Another contact with the same number or address is noted.
pub async fn learn(
    transaction: &mut Transaction,
    keyring: &Keyring,
    key: &PersonKey,
    learned: &Details,
    replace: bool,
    now: Timestamp,
) -> Result<(), Error> {
    let id = key.person();
    let row = transaction.get(&CONTACT, id).await?.ok_or(Error::NotFound)?;
    let missing = |column: &str| Ok::<bool, Error>(replace || row.optional_bytes(column)?.is_none());
    let seal = |column: &'static str, text: &str| key.seal_text(Field::new(&CONTACT, column, id), text);
    let mut fields: Vec<(&str, Value)> = vec![("updated_at", now.into())];
    let mut same_as = row.optional_uuid("same_as")?;
    if let Some(name) = learned.name.as_deref().filter(|name| !name.trim().is_empty())
        && missing("name")?
    {
        fields.push(("name", seal("name", name)?.into()));
    }
    if let Some(phone) = learned.phone.as_deref().and_then(phone_form)
        && missing("phone")?
    {
        let index = keyring.blind_index(&CONTACT, "phone_index", &phone)?;
        same_as = other(transaction, &BY_PHONE, &index, id).await?.or(same_as);
        fields.push(("phone", seal("phone", &phone)?.into()));
        fields.push(("phone_index", index.into()));
    }
    if let Some(email) = learned.email.as_deref().and_then(email_form)
        && missing("email")?
    {
        let index = keyring.blind_index(&CONTACT, "email_index", &email)?;
        same_as = other(transaction, &BY_EMAIL, &index, id).await?.or(same_as);
        fields.push(("email", seal("email", &email)?.into()));
        fields.push(("email_index", index.into()));
    }
    fields.push(("same_as", same_as.into()));
    transaction.update(&CONTACT, id, &fields).await?;
    Ok(())
}

async fn other(
    transaction: &mut Transaction,
    statement: &'static Statement,
    index: &[u8],
    id: Uuid,
) -> Result<Option<Uuid>, Error> {
    let rows = transaction.query(statement, &[index.to_vec().into(), id.into()]).await?;
    rows.first().map(|row| row.uuid("id")).transpose().map_err(Error::from)
}

/// Makes a contact for a member or a program.
pub async fn enter(platform: &Platform, caller: &Caller, details: &Details) -> Result<Contact, Error> {
    let details = details.checked()?;
    let keyring = caller.keyring(platform).await?;
    let (id, now) = (platform.identifiers.next(), platform.now());
    let mut change = caller.change(platform, "contact.create").await?;
    let key = create(&mut change, &keyring, id, ContactSource::Entered, now).await?;
    learn(&mut change, &keyring, &key, &details, true, now).await?;
    change.commit("contact", Some(id), Vec::new()).await?;
    get(platform, caller, id).await
}

/// Changes what is known of a contact.
pub async fn edit(platform: &Platform, caller: &Caller, id: Uuid, details: &Details) -> Result<Contact, Error> {
    let details = details.checked()?;
    let keyring = caller.keyring(platform).await?;
    let mut change = caller.change(platform, "contact.edit").await?;
    let row = change.get(&CONTACT, id).await?.ok_or(Error::NotFound)?;
    if row.boolean("erased")? {
        return Err(Error::NotFound);
    }
    let key = keyring.person_key_in(&mut change, id).await?;
    learn(&mut change, &keyring, &key, &details, true, platform.now()).await?;
    change.commit("contact", Some(id), Vec::new()).await?;
    get(platform, caller, id).await
}

/// Erases a person: their key is destroyed, so that everything sealed with it is gone in every copy, and the indexes by which
/// they could be found are emptied.
pub async fn erase(platform: &Platform, caller: &Caller, id: Uuid) -> Result<(), Error> {
    let keyring = caller.keyring(platform).await?;
    let mut change = caller.change(platform, "contact.erase").await?;
    change.get(&CONTACT, id).await?.ok_or(Error::NotFound)?;
    keyring.destroy_person_key(&mut change, id).await?;
    let fields: [(&str, Value); 8] = [
        ("name", Value::Null),
        ("phone", Value::Null),
        ("email", Value::Null),
        ("phone_index", Value::Null),
        ("email_index", Value::Null),
        ("same_as", Value::Null),
        ("erased", true.into()),
        ("updated_at", platform.now().into()),
    ];
    change.update(&CONTACT, id, &fields).await?;
    change.commit("contact", Some(id), Vec::new()).await?;
    Ok(())
}

/// One contact.
pub async fn get(platform: &Platform, caller: &Caller, id: Uuid) -> Result<Contact, Error> {
    let row = caller.database(platform).get(&CONTACT, id).await?.ok_or(Error::NotFound)?;
    read(platform, caller, &caller.keyring(platform).await?, &row).await
}

/// Contacts, newest first, before the given one; at most `limit`.
pub async fn list(platform: &Platform, caller: &Caller, before: Uuid, limit: i64) -> Result<Vec<Contact>, Error> {
    let keyring = caller.keyring(platform).await?;
    let rows = caller.database(platform).query(&LIST, &[before.into(), limit.into()]).await?;
    let mut contacts = Vec::with_capacity(rows.len());
    for row in &rows {
        contacts.push(read(platform, caller, &keyring, row).await?);
    }
    Ok(contacts)
}

async fn read(platform: &Platform, caller: &Caller, keyring: &Keyring, row: &Row) -> Result<Contact, Error> {
    let id = row.uuid("id")?;
    let erased = row.boolean("erased")?;
    let mut details = Details::default();
    if !erased {
        let key = keyring.person_key(&caller.database(platform), id).await?;
        let open = |column: &'static str| {
            let sealed = row.optional_bytes(column)?;
            sealed
                .map(|sealed| key.open_text(Field::new(&CONTACT, column, id), &sealed))
                .transpose()
                .map_err(Error::from)
        };
        details = Details { name: open("name")?, phone: open("phone")?, email: open("email")? };
    }
    Ok(Contact {
        id,
        source: ContactSource::named(&row.text("source")?).unwrap_or(ContactSource::Entered),
        details,
        same_as: row.optional_uuid("same_as")?,
        erased,
        created_at: row.timestamp("created_at")?,
        updated_at: row.timestamp("updated_at")?,
    })
}

#[cfg(test)]
mod tests;
