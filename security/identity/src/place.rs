//! One person in two places at once: the sign of a shared login, or of a stolen session.
//!
//! There is no map behind this: a place is the network (the /16 of an IPv4 address, the /32 of an IPv6 address, or "this
//! site" for private addresses) and the device (session, and the browser's name without its versions). When a person is seen
//! in two networks with two devices within [`WINDOW_SECONDS`], an alert is raised. Somebody who works at a desk and on a phone
//! raises it once, says that it was them, and both places are known for [`KNOWN_SECONDS`]. A thief in the same network with
//! the same browser is not seen by this.
//!
//! Networks and devices are stored as keyed hashes: they can be compared, and read only by who has the installation's key.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use storage::Row;
use uuid::Uuid;
use vault::{Field, Keyring};

use crate::alert::{self, Detail, Kind, NewAlert, State};
use crate::incident::{self, PersonLocked};
use crate::member::leaving;
use crate::session::Device;
use crate::store::people::{
    INVITATIONS_SWEEP, KNOWN_PLACE_KEEP, KNOWN_PLACES, KNOWN_PLACES_SWEEP, MEMBER_SEEN, SIGHTING, SIGHTING_KEEP,
    SIGHTING_OF_SESSION, SIGHTINGS_ELSEWHERE, SIGHTINGS_SWEEP,
};
use crate::{Caller, Error, Permission, Platform, Result, notice};

/// Two places within so long are one too many.
pub const WINDOW_SECONDS: i64 = 10 * 60;
/// A place that a person has called theirs is known for so long.
pub const KNOWN_SECONDS: i64 = 90 * 86_400;
/// A place is written down at most this often.
const SECONDS_BETWEEN_SIGHTINGS: i64 = 60;
/// Other places that are compared.
const MAXIMUM_ELSEWHERE: i64 = 20;

/// A network and a device, as keyed hashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    network: Vec<u8>,
    device: Vec<u8>,
}

impl Place {
    fn of(keyring: &Keyring, address: IpAddr, agent: &str) -> Result<Self> {
        Ok(Self {
            network: keyring.blind_index(&SIGHTING, "network_index", &network(address))?,
            device: keyring.blind_index(&SIGHTING, "device_index", &device(agent))?,
        })
    }

    fn read(row: &Row) -> Result<Self> {
        Ok(Self { network: row.bytes("network_index")?, device: row.bytes("device_index")? })
    }
}

/// The network of an address, as far as it is one place.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) if is_of_this_site(address) => "this site".to_owned(),
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            format!("{first}.{second}.0.0/16")
        }
        IpAddr::V6(address)
            if address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local() =>
        {
            "this site".to_owned()
        }
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            format!("{}/32", Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0))
        }
    }
}

/// Private addresses (RFC 1918), loopback, link-local, and those shared behind a carrier (RFC 6598).
fn is_of_this_site(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    address.is_private() || address.is_loopback() || address.is_link_local() || shared
}

/// A browser's name without versions: an update is no other device.
fn device(agent: &str) -> String {
    agent.chars().filter(char::is_ascii_alphabetic).take(200).collect()
}

/// Writes down where a session is used, and raises an alert when the same person was seen elsewhere a moment ago. Called
/// at every request of a session; once a minute it has something to do.
pub(crate) async fn look(platform: &Platform, caller: &Caller, session: Uuid, agent: &str) -> Result<()> {
    let (Some(address), Some(user)) = (caller.address(), caller.user()) else { return Ok(()) };
    let keyring = platform.vault.installation_keyring();
    let (here, now) = (Place::of(&keyring, address, agent)?, platform.now());
    let known = [session.into(), here.network.as_slice().into(), here.device.as_slice().into()];
    let rows = platform.database.installation().query(&SIGHTING_OF_SESSION, &known).await?;
    let last = rows.first().map(|row| row.timestamp("seen_at")).transpose()?;
    if last.is_some_and(|last| now < last.plus_seconds(SECONDS_BETWEEN_SIGHTINGS)) {
        return Ok(());
    }
    let id = platform.identifiers.next();
    let words = serde_json::to_vec(&Device::new(Some(address), agent)).unwrap_or_default();
    let mut transaction = platform.database.installation().begin().await?;
    let sighting = [
        id.into(),
        user.into(),
        session.into(),
        here.network.as_slice().into(),
        here.device.as_slice().into(),
        keyring.seal(Field::new(&SIGHTING, "place", id), &words)?.into(),
        now.into(),
    ];
    transaction.execute(&SIGHTING_KEEP, &sighting).await?;
    transaction.execute(&MEMBER_SEEN, &[caller.organization().into(), user.into(), now.into()]).await?;
    transaction.commit().await?;
    // Looked for only now: of two that came at the same moment, at least one sees the other.
    match compare(platform, caller, session, &here, &keyring).await {
        // A sealed organization cannot be told; the person must not be kept out for it.
        Err(Error::Vault(_)) => Ok(()),
        other => other,
    }
}

async fn compare(platform: &Platform, caller: &Caller, session: Uuid, here: &Place, keyring: &Keyring) -> Result<()> {
    let Some(user) = caller.user() else { return Ok(()) };
    let (database, now) = (platform.database.installation(), platform.now());
    let arguments = [
        user.into(),
        here.network.as_slice().into(),
        here.device.as_slice().into(),
        session.into(),
        now.plus_seconds(-WINDOW_SECONDS).into(),
        MAXIMUM_ELSEWHERE.into(),
    ];
    let elsewhere = database.query(&SIGHTINGS_ELSEWHERE, &arguments).await?;
    if elsewhere.is_empty() {
        return Ok(());
    }
    let rows = database.query(&KNOWN_PLACES, &[user.into(), now.into()]).await?;
    let known = rows.iter().map(Place::read).collect::<Result<Vec<_>>>()?;
    for row in &elsewhere {
        let there = Place::read(row)?;
        if known.contains(here) && known.contains(&there) {
            continue;
        }
        let id = row.uuid("id")?;
        let words = keyring.open(Field::new(&SIGHTING, "place", id), &row.bytes("place")?)?;
        let device: Device = serde_json::from_slice(&words).unwrap_or_default();
        let earlier = device.address.map(|address| address.to_string()).unwrap_or_default();
        let later = caller.address().map(|address| address.to_string()).unwrap_or_default();
        let mut places = [here.clone(), there];
        places.sort();
        let [first, second] = &places;
        let fingerprint = [user.as_bytes(), &*first.network, &first.device, &second.network, &second.device].concat();
        let detail = Detail {
            facts: vec![
                ("Person".to_owned(), caller.display_name().to_owned()),
                ("Seen from".to_owned(), earlier),
                ("And from".to_owned(), later),
                (
                    "Minutes between".to_owned(),
                    (now.microseconds_since(row.timestamp("seen_at")?) / 60_000_000).to_string(),
                ),
            ],
            places: places.into_iter().map(|place| (place.network, place.device)).collect(),
        };
        let raised = NewAlert { kind: Kind::ConcurrentPlaces, subject: session, user: Some(user), fingerprint, detail };
        if alert::raise(platform, caller, raised).await?.is_some() {
            // Which of the two sessions is the thief's nobody knows: both show it.
            let mut transaction = platform.database.installation().begin().await?;
            notice::write(&mut transaction, platform, user, notice::Kind::TwoPlaces, None).await?;
            transaction.commit().await?;
        }
        return Ok(());
    }
    Ok(())
}

/// The person says that both places were theirs: the alert is settled, and they are known for a while.
pub async fn was_mine(platform: &Platform, caller: &Caller, id: Uuid) -> Result<()> {
    let alert = alert::get(platform, caller, id).await?;
    let Some(user) = alert.user.filter(|user| caller.user() == Some(*user)) else {
        return Err(Error::Conflict("only the person concerned can say that it was them"));
    };
    let expires_at = platform.now().plus_seconds(KNOWN_SECONDS);
    let mut change = caller.change(platform, "alert.settle").await?;
    if alert.kind != Kind::ConcurrentPlaces || !alert::settle(&mut change, id, State::Own, Some(user)).await? {
        return Err(Error::Conflict("this alert is settled already"));
    }
    for (network, device) in &alert.detail.places {
        let place = [
            platform.identifiers.next().into(),
            user.into(),
            network.as_slice().into(),
            device.as_slice().into(),
            expires_at.into(),
        ];
        change.execute(&KNOWN_PLACE_KEEP, &place).await?;
    }
    change.commit("security_alert", Some(id), vec![("as", State::Own.as_str().to_owned())]).await
}

/// It was not them, or nobody knows: the person is locked out ([`incident::lock_person`]), with an incident that says so. The
/// person themself ends their sessions everywhere, somebody who may change members those of this organization.
pub async fn lock(platform: &Platform, caller: &Caller, id: Uuid) -> Result<PersonLocked> {
    let alert = alert::get(platform, caller, id).await?;
    let Some(user) = alert.user.filter(|_| alert.kind == Kind::ConcurrentPlaces) else {
        return Err(Error::Conflict("there is nobody to lock out here"));
    };
    let own = caller.user() == Some(user);
    if !own && !caller.permits(Permission::MemberWrite) {
        return Err(Error::NotFound);
    }
    let mut change = caller.change(platform, "alert.settle").await?;
    if !alert::settle(&mut change, id, State::Locked, caller.user()).await? {
        return Err(Error::Conflict("this alert is settled already"));
    }
    let locked = incident::lock_person(&mut change, user, own, "One person in two places at once").await?;
    let mut facts = vec![("as", State::Locked.as_str().to_owned()), ("incident", locked.incident.to_string())];
    facts.extend(leaving::facts(&locked.ended));
    change.commit("security_alert", Some(id), facts).await?;
    Ok(locked)
}

/// Deletes what is over: sightings, known places, invitations. Called on a timer; the limits hold without it.
pub async fn sweep(platform: &Platform) -> Result<()> {
    let now = platform.now();
    let mut transaction = platform.database.installation().begin().await?;
    transaction.execute(&SIGHTINGS_SWEEP, &[now.plus_seconds(-WINDOW_SECONDS).into()]).await?;
    transaction.execute(&KNOWN_PLACES_SWEEP, &[now.into()]).await?;
    transaction.execute(&INVITATIONS_SWEEP, &[now.into()]).await?;
    transaction.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{device, network};

    fn of(address: &str) -> String {
        network(address.parse().expect("an address"))
    }

    #[test]
    fn a_network_is_as_wide_as_it_is_said() {
        assert_eq!(of("198.51.100.7"), of("198.51.255.255"));
        assert_ne!(of("198.51.100.7"), of("198.52.0.0"));
        assert_eq!(of("2001:db8::1"), of("2001:db8:ffff::1"));
        assert_ne!(of("2001:db8::1"), of("2001:db9::1"));
        assert_eq!(of("::ffff:198.51.100.7"), of("198.51.1.1"), "an IPv4 address in the clothes of IPv6");
    }

    #[test]
    fn addresses_of_one_site_are_one_place() {
        for address in [
            "10.1.2.3",
            "192.168.0.9",
            "172.31.0.1",
            "127.0.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert_eq!(of(address), "this site", "{address}");
        }
        for address in ["172.32.0.1", "100.128.0.1", "100.63.255.255", "11.0.0.1", "2001:db8::1"] {
            assert_ne!(of(address), "this site", "{address}");
        }
    }

    #[test]
    fn an_update_of_a_browser_is_no_other_device() {
        let older = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(device(older), device(&older.replace("140", "141")));
        assert_ne!(device(older), device(&older.replace("Linux", "Windows")));
    }
}
