//! How much encryption calls must have, and what belongs to it: TLS for SIP, the trunk's certificate, its addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use super::{Error, Settings, Trunk};

/// How much encryption calls must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Phone {
    /// `strict` or `offered`. Must be said once calls leave this machine; on this machine alone plain calls are taken.
    pub security: Option<PhoneSecurity>,
    /// Take encrypted sound although its keys came over UDP or TCP, where they can be read. The trust page says so.
    pub keys_in_clear: bool,
}

/// How much encryption calls must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneSecurity {
    /// Encrypted where the other side offers it; plain calls are taken, too, and the trust page says so.
    Offered,
    /// SIP over TLS and sound over SRTP, or no call.
    Strict,
}

impl Trunk {
    /// Whether it is spoken to over TLS.
    pub fn is_over_tls(&self) -> bool {
        self.address.to_ascii_lowercase().contains(";transport=tls")
    }

    /// Its host, without port and parameters.
    pub fn host(&self) -> &str {
        let address = self.address.split(';').next().unwrap_or("");
        if let Some((host, _)) = address.strip_prefix('[').and_then(|address| address.split_once(']')) {
            return host;
        }
        address.split_once(':').map_or(address, |(host, _)| host)
    }

    /// Whether it is on this machine.
    pub fn is_here(&self) -> bool {
        self.host() == "localhost" || self.host().parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// The networks that it calls from, as they are written; none when one cannot be read.
    pub fn networks(&self) -> Option<Vec<IpNet>> {
        let host = self.host().parse().ok().map(|address: IpAddr| IpNet::from(address));
        let written = self
            .addresses
            .iter()
            .map(|text| text.parse().ok().or_else(|| text.parse().ok().map(|address: IpAddr| IpNet::from(address))));
        host.map(Some).into_iter().chain(written).collect()
    }
}

impl Settings {
    /// Whether only encrypted calls are taken.
    pub fn phone_is_strict(&self) -> bool {
        self.phone.security == Some(PhoneSecurity::Strict)
    }

    /// Checks what belongs to encrypted calls.
    pub(super) fn check_phone(&self) -> Result<(), Error> {
        let refuse = |name, reason| Err(Error::Refused { name, reason });
        if self.sip_tls.is_some() && self.tls.is_none() {
            return refuse("sip_tls", "needs the certificate of a table `[tls]`");
        }
        if self.phone_is_strict() && self.sip_tls.is_none() {
            return refuse("phone.security", "\"strict\" takes calls over TLS only: name its address as `sip_tls`");
        }
        let here = self.sip.ip().to_canonical().is_loopback();
        if self.phone.security.is_none() && !here {
            return refuse(
                "phone.security",
                "calls reach other machines (`sip`): say \"strict\", or \"offered\" if plain calls shall be taken, too",
            );
        }
        self.trunk.as_ref().map_or(Ok(()), |trunk| self.check_trunk(trunk))
    }

    fn check_trunk(&self, trunk: &Trunk) -> Result<(), Error> {
        let refuse = |name, reason| Err(Error::Refused { name, reason });
        if trunk.networks().is_none() {
            return refuse("trunk.addresses", "needs addresses (192.0.2.7) or networks (192.0.2.0/28)");
        }
        let kept = trunk.password_secret.as_ref();
        if kept.is_some_and(|name| vault::secrets::checked_name(name).is_err()) {
            return refuse("trunk.password_secret", "is the name of a secret: 1 to 64 of a-z, 0-9, - _ and .");
        }
        if kept.is_some() && trunk.password_file.is_some() {
            return refuse(
                "trunk.password_secret",
                "cannot stand beside `trunk.password_file`: the password has one place",
            );
        }
        if kept.is_none() && trunk.password_organization.is_some() {
            return refuse(
                "trunk.password_organization",
                "says whose `trunk.password_secret` is meant: name that, too",
            );
        }
        if trunk.user.is_none() && kept.is_some() {
            return refuse("trunk.password_secret", "goes together with `trunk.user`");
        }
        if trunk.register && (trunk.user.is_none() || (trunk.password_file.is_none() && kept.is_none())) {
            return refuse("trunk.register", "needs `trunk.user` and `trunk.password_file` or `trunk.password_secret`");
        }
        if self.phone_is_strict() && !trunk.is_over_tls() {
            return refuse("trunk.address", "needs `;transport=tls` where `phone.security` is \"strict\"");
        }
        if self.phone_is_strict() && trunk.plain_sound {
            return refuse("trunk.plain_sound", "cannot be where `phone.security` is \"strict\"");
        }
        if self.phone.security.is_none() && !trunk.is_here() && (!trunk.is_over_tls() || trunk.plain_sound) {
            return refuse(
                "phone.security",
                "the trunk is spoken to in clear: give it `;transport=tls`, or say \"offered\" if that is meant",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<String> {
        Settings::parse(text).expect("readable").check().err().map(|error| error.to_string())
    }

    const CERTIFICATE: &str =
        "public_url = \"https://desk.example\"\n[tls]\ncertificate_file = \"c\"\nkey_file = \"k\"\n";

    #[test]
    fn calls_that_leave_the_machine_in_clear_must_be_meant() {
        for (text, named) in [
            ("sip = \"0.0.0.0:5060\"", "phone.security"),
            ("trunk = { address = \"sip.carrier.example\" }", "phone.security"),
            ("trunk = { address = \"sip.carrier.example;transport=tls\", plain_sound = true }", "phone.security"),
            ("sip_tls = \"0.0.0.0:5061\"", "sip_tls"),
            ("phone = { security = \"strict\" }", "sip_tls"),
            ("trunk = { address = \"127.0.0.1\", register = true, user = \"office\" }", "trunk.register"),
            (
                "trunk = { address = \"127.0.0.1\", user = \"a\", password_secret = \"Not This\" }",
                "trunk.password_secret",
            ),
            ("trunk = { address = \"127.0.0.1\", password_secret = \"trunk\" }", "trunk.user"),
            (
                "trunk = { address = \"127.0.0.1\", user = \"a\", password_file = \"f\", password_secret = \"trunk\" }",
                "one place",
            ),
            (
                "trunk = { address = \"127.0.0.1\", password_organization = \"0190f000-0000-7000-8000-000000000000\" }",
                "trunk.password_organization",
            ),
            ("trunk = { address = \"127.0.0.1\", addresses = [\"nonsense\"] }", "trunk.addresses"),
        ] {
            let reason = refused(text).unwrap_or_default();
            assert!(reason.contains(named), "{text}: {reason}");
        }
        for text in [
            "sip = \"0.0.0.0:5060\"\nphone = { security = \"offered\" }",
            "trunk = { address = \"sip.carrier.example;transport=tls\" }",
            "trunk = { address = \"127.0.0.1:5070\" }",
            "trunk = { address = \"127.0.0.1\", register = true, user = \"a\", password_secret = \"trunk-password\" }",
            "trunk = { address = \"sip.carrier.example\" }\nphone = { security = \"offered\" }",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }

    #[test]
    fn strict_goes_with_tls_everywhere() {
        let strict = |more: &str| {
            refused(&format!(
                "sip = \"0.0.0.0:5060\"\nsip_tls = \"0.0.0.0:5061\"\n{more}\nphone = {{ security = \"strict\" }}\n{CERTIFICATE}"
            ))
        };
        assert_eq!(strict(""), None);
        assert_eq!(strict("trunk = { address = \"sip.carrier.example:5061;transport=tls\" }"), None);
        let reason = strict("trunk = { address = \"127.0.0.1\" }").unwrap_or_default();
        assert!(reason.contains("trunk.address"), "{reason}");
        let reason =
            strict("trunk = { address = \"a.example;transport=tls\", plain_sound = true }").unwrap_or_default();
        assert!(reason.contains("trunk.plain_sound"), "{reason}");
    }

    #[test]
    fn the_trunk_is_known_by_its_addresses() {
        let trunk = |address: &str| Trunk {
            address: address.into(),
            addresses: vec!["192.0.2.0/28".into(), "2001:db8::1".into()],
            ..Trunk::default()
        };
        assert_eq!(trunk("198.51.100.7:5061;transport=tls").networks().map(|networks| networks.len()), Some(3));
        assert_eq!(trunk("sip.carrier.example").networks().map(|networks| networks.len()), Some(2));
        assert_eq!(trunk("[2001:db8::2]:5061;transport=tls").host(), "2001:db8::2");
        assert!(trunk("localhost:5070").is_here() && !trunk("localhost.example").is_here());
    }
}
