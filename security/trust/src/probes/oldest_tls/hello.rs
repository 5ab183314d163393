//! A greeting in one version of TLS, byte by byte (RFC 5246 section 7.4.1.2), because no library of ours would send the old
//! ones; and what came back.

/// A version that is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// RFC 2246.
    Tls10,
    /// RFC 4346.
    Tls11,
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// What the server made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// A `ServerHello`: it speaks this version.
    Accepted,
    /// An alert of this number (70 is `protocol_version`).
    Refused(u8),
    /// Something else, or nothing.
    Other,
}

impl Version {
    /// From the oldest on.
    pub const ALL: [Self; 4] = [Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13];

    /// As it is said to people.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Tls10 => "1.0",
            Self::Tls11 => "1.1",
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }

    /// Not older than this one.
    pub fn is_at_least(self, oldest: &str) -> bool {
        self.number() >= oldest
    }

    /// The highest version that the greeting itself names; TLS 1.3 hides behind 1.2.
    const fn legacy(self) -> u8 {
        match self {
            Self::Tls10 => 1,
            Self::Tls11 => 2,
            Self::Tls12 | Self::Tls13 => 3,
        }
    }

    /// The greeting: suites that servers of that time know, the P-256 group, and for TLS 1.3 a share of its key exchange.
    pub fn greeting(self) -> Vec<u8> {
        // ECDHE with ECDSA and RSA: GCM and CBC, then TLS 1.3's own two.
        const SUITES: &[u16] = &[0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc009, 0xc013, 0xc00a, 0xc014, 0x002f, 0x0035];
        const SUITES_13: &[u16] = &[0x1301, 0x1302];
        let suites = if self == Self::Tls13 { SUITES_13 } else { SUITES };
        let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        let mut extensions = Vec::new();
        extension(&mut extensions, 10, &long(&[0, 23])); // supported_groups: P-256
        extension(&mut extensions, 11, &[1, 0]); // ec_point_formats: uncompressed
        extension(&mut extensions, 13, &long(&[4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 2, 1])); // signature_algorithms
        if self == Self::Tls13 {
            extension(&mut extensions, 43, &[2, 3, 4]); // supported_versions: TLS 1.3
            extension(&mut extensions, 51, &long(&[&[0, 23][..], &long(&GENERATOR)].concat())); // key_share
        }
        let mut body = vec![3, self.legacy()];
        body.extend_from_slice(&[0x52; 32]); // random: nothing is agreed upon with it
        body.push(0); // no session
        body.extend(long(&suites));
        body.extend_from_slice(&[1, 0]); // no compression
        body.extend(long(&extensions));
        let length = (body.len() as u32).to_be_bytes();
        let handshake = [&[1][..], &length[1..], &body].concat();
        [&[0x16, 3, 1][..], &(handshake.len() as u16).to_be_bytes(), &handshake].concat()
    }

    /// Reads what came back: one record.
    pub fn judge(self, bytes: &[u8]) -> Reply {
        match bytes {
            // Alert: level and number.
            [0x15, 3, _, 0, 2, _, alert, ..] => Reply::Refused(*alert),
            // Handshake, ServerHello: it names the version, TLS 1.3 in an extension.
            [0x16, 3, _, _, _, 2, _, _, _, 3, version, ..] if *version == self.legacy() => {
                let is_13 = bytes.windows(6).any(|window| window == [0, 43, 0, 2, 3, 4]);
                if is_13 == (self == Self::Tls13) { Reply::Accepted } else { Reply::Other }
            }
            _ => Reply::Other,
        }
    }
}

/// The generator of P-256 as a share of a key exchange. Its secret is 1 and known to all: nothing is ever said over it.
const GENERATOR: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03,
    0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
    0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
    0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// Bytes with their length in two bytes before them.
fn long(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn extension(extensions: &mut Vec<u8>, kind: u16, content: &[u8]) {
    extensions.extend_from_slice(&kind.to_be_bytes());
    extensions.extend(long(content));
}

/// Host and port of an address such as `https://127.0.0.1:443`.
pub fn authority(url: &str) -> Option<(String, Option<u16>)> {
    let url: axum::http::Uri = url.parse().ok()?;
    let host = url.host()?.trim_matches(['[', ']']).to_owned();
    Some((host, url.port_u16()))
}
