//! From where an organization may be reached: networks for people in the dashboard, and others for programs with keys.
//!
//! An empty list lets in everybody who has a good credential; a list with entries refuses all other addresses, before any
//! permission is looked at. What counts is the address that the listener vouches for ([`edge::address`]): the socket's, or
//! what a configured proxy says. Nobody can shut themselves out by a change, and whoever runs the machine can clear the lists.

pub mod api;
pub mod pages;
mod store;

use std::fmt::{Display, Formatter};
use std::net::IpAddr;

use identity::{Caller, Credential, Platform};
use ipnet::IpNet;

pub(crate) use store::{DELETE, ROW};
pub use store::{NETWORK_RULE, clear, read, replace};

/// The routes: both lists for programs, and the page.
pub fn routes() -> crate::Routes<Platform> {
    api::routes().merge(pages::routes())
}

/// Networks in one list.
pub const NETWORKS_MAX: usize = 100;
/// Longest entry that is read: an IPv6 address with its prefix.
const ENTRY_LENGTH_MAX: usize = 49;

/// Why an entry cannot stand in a list; the words are for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Neither an address nor a network.
    #[error("write an address such as 203.0.113.7 or a network such as 203.0.113.0/24 or 2001:db8::/48")]
    Unreadable,
    /// Bits behind the prefix are set: was one address meant, or the network around it?
    #[error("this names one address within a network: write {0} for the network, or the address without the prefix")]
    AddressInNetwork(IpNet),
    /// `0.0.0.0/0` or `::/0`.
    #[error("this lets in everybody: leave the list empty instead")]
    Everybody,
    /// More than fit.
    #[error("at most {NETWORKS_MAX} networks stand in one list")]
    TooMany,
}

/// One list. Empty means that every address may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowlist(Vec<IpNet>);

impl Allowlist {
    /// Reads a list: addresses and networks in CIDR form (RFC 4632, RFC 4291), IPv4 inside IPv6 read as IPv4, doubles left
    /// out. An error says which entry, counted from 0.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, (usize, EntryError)> {
        let mut networks = Vec::new();
        for (position, text) in entries.into_iter().enumerate() {
            let network = network(text.trim()).map_err(|error| (position, error))?;
            if !networks.contains(&network) {
                networks.push(network);
            }
            if networks.len() > NETWORKS_MAX {
                return Err((position, EntryError::TooMany));
            }
        }
        Ok(Self(networks))
    }

    /// May a request from this address come in? An address that is not known may not, unless the list is empty.
    pub fn permits(&self, address: Option<IpAddr>) -> bool {
        self.0.is_empty()
            || address.is_some_and(|address| {
                let address = address.to_canonical();
                self.0.iter().any(|network| network.contains(&address))
            })
    }

    /// Does it let in everybody?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many networks it names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The networks as text.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

impl Display for Allowlist {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.texts().join(" "))
    }
}

fn network(text: &str) -> Result<IpNet, EntryError> {
    if text.len() > ENTRY_LENGTH_MAX {
        return Err(EntryError::Unreadable);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network: IpNet = text.parse().map_err(|_| EntryError::Unreadable)?;
    let network = match network {
        // ::ffff:a.b.c.d/96+n is the IPv4 network a.b.c.d/n.
        IpNet::V6(six) if six.prefix_len() >= 96 => match six.addr().to_ipv4_mapped() {
            Some(four) => IpNet::new(four.into(), six.prefix_len() - 96).map_err(|_| EntryError::Unreadable)?,
            None => network,
        },
        other => other,
    };
    if network.prefix_len() == 0 {
        return Err(EntryError::Everybody);
    }
    if network.trunc() != network {
        return Err(EntryError::AddressInNetwork(network.trunc()));
    }
    Ok(network)
}

/// Both lists of an organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowlists {
    /// For sessions of browsers.
    pub dashboard: Allowlist,
    /// For keys of programs.
    pub api: Allowlist,
}

impl Allowlists {
    /// May this caller come in from where it is? Channels (a phone call, a visitor's chat) have no list, nor has support: it
    /// comes by the operators' own door, as far as a grant reaches.
    pub fn permit(&self, caller: &Caller) -> bool {
        match caller.credential() {
            Credential::Session(_) => self.dashboard.permits(caller.address()),
            Credential::ApiKey(_) => self.api.permits(caller.address()),
            Credential::Channel | Credential::Support { .. } => true,
        }
    }
}

/// Why lists were not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The change would shut out whoever makes it.
    #[error(
        "This list would shut out {}, the address that this change comes from. Add it to the list, or make the change from an \
         address that stays allowed.", .0.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string())
    )]
    ShutsOutTheCaller(Option<IpAddr>),
    /// Identity, storage or the log.
    #[error(transparent)]
    Identity(#[from] identity::Error),
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::Identity(error.into())
    }
}

impl From<Error> for crate::Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::ShutsOutTheCaller(_) => Self::conflict(error.to_string()),
            Error::Identity(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
