//! Emergency numbers: the list that is looked at before anything else when a number is to be dialled.
//!
//! An automated agent must never place such a call and never stand between a person and one. The table is our own because
//! libraries for telephone numbers read "911" as an ordinary short number. Sources: ITU-T E.161.1 (112, 911), ITU list of
//! national emergency numbers, EU Directive 2018/1972 article 109 (112), 116xxx hot lines by Decision 2007/116/EC.

/// Numbers that reach an emergency service somewhere, with the countries (ISO 3166-1) where they do. Every number is refused
/// everywhere: a traveller's 911 rings through in most networks of the world.
pub const EMERGENCY_NUMBERS: &[(&str, &str)] = &[
    ("112", "EU GB CH NO IS TR UA IN ZA RU and every GSM network"),
    ("911", "US CA MX AR CL PH and every GSM network"),
    ("999", "GB IE HK SG MY KE AE PL"),
    ("000", "AU"),
    ("111", "NZ; GB non-urgent medical"),
    ("110", "DE CN JP"),
    ("118", "IT; JP sea rescue"),
    ("119", "JP KR CN"),
    ("113", "IT NO ID"),
    ("115", "IT FR"),
    ("117", "CH ID"),
    ("144", "CH AT"),
    ("133", "AT CL"),
    ("122", "AT EG"),
    ("140", "AT mountain rescue"),
    ("15", "FR"),
    ("17", "FR"),
    ("18", "FR"),
    ("114", "FR by text"),
    ("116000", "EU missing children"),
    ("116117", "EU medical on call"),
    ("191", "TH PK"),
    ("190", "BR TN"),
    ("192", "BR"),
    ("193", "BR"),
    ("100", "IN IL GR"),
    ("101", "IN IL BE"),
    ("102", "IN IL"),
    ("103", "RU UA"),
    ("105", "BE"),
    ("108", "IN"),
    ("10111", "ZA"),
    ("10177", "ZA"),
    ("995", "SG"),
    ("997", "SA PL"),
    ("998", "PL SA AE"),
    ("988", "US CA crisis line"),
    ("933", "US test of 911"),
    ("061", "ES"),
    ("062", "ES"),
    ("080", "ES fire"),
    ("088", "ES"),
    ("091", "ES"),
    ("092", "ES"),
];

/// Country codes after which an emergency number may stand, longest first is not needed: each is tried.
const COUNTRY_CODES: &[&str] = &[
    "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "51", "52", "54", "55", "56", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90", "91",
    "92", "212", "216", "254", "351", "352", "353", "354", "358", "359", "370", "371", "372", "380", "385", "386",
    "420", "421", "423", "852", "966", "971", "972",
];

/// Prefixes that networks put before an emergency number: international dialling and lines out.
const PREFIXES: &[&str] = &["", "00", "011", "0011", "0", "9", "00112"];

/// Whether what is dialled reaches an emergency service. Spaces, brackets, dots, dashes, a `tel:` or `sip:` scheme, a host, a `+`,
/// international and line-out prefixes and a country code do not hide it, nor do digits of other scripts.
pub fn is_emergency(dialled: &str) -> bool {
    let digits = digits_of(dialled);
    PREFIXES.iter().any(|prefix| digits.strip_prefix(prefix).is_some_and(listed_with_country))
}

fn listed_with_country(digits: &str) -> bool {
    listed(digits) || COUNTRY_CODES.iter().any(|code| digits.strip_prefix(code).is_some_and(listed))
}

fn listed(digits: &str) -> bool {
    EMERGENCY_NUMBERS.iter().any(|(number, _)| *number == digits)
}

/// The digits that are dialled: of the user part of an address, letters and hosts left out.
fn digits_of(dialled: &str) -> String {
    let lower = dialled.trim().to_ascii_lowercase();
    let rest = ["tel:", "sips:", "sip:"].iter().find_map(|scheme| lower.strip_prefix(scheme)).unwrap_or(&lower);
    let user = rest.split(['@', ';', '?']).next().unwrap_or(rest);
    let user = percent_decoded(user);
    user.chars().filter_map(digit_of).collect()
}

/// `%39%31%31` is 911.
fn percent_decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let hex = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            None => rest = &rest[at + 1..],
        }
    }
    out.push_str(rest);
    out
}

/// A digit of any script that telephones may be given in.
fn digit_of(c: char) -> Option<char> {
    /// Code points of the zeros: ASCII, Arabic-Indic, extended Arabic-Indic, Devanagari, Bengali, full width.
    const ZEROS: [u32; 6] = [0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xFF10];
    let code = u32::from(c);
    ZEROS
        .iter()
        .find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10))
        .and_then(|value| char::from_digit(value, 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parted(number: &str, separator: char) -> String {
        number.chars().flat_map(|c| [c, separator]).collect()
    }

    #[test]
    fn listed_numbers_are_found_in_every_dress() {
        for number in ["112", "911", "999", "000", "110", "116117"] {
            for dress in [
                number.to_owned(),
                format!(" {number} "),
                parted(number, ' '),
                parted(number, '-'),
                format!("+{number}"),
                format!("00{number}"),
                format!("011{number}"),
                format!("9{number}"),
                format!("+49{number}"),
                format!("0049 {number}"),
                format!("+1 ({number})"),
                format!("tel:{number}"),
                format!("sip:{number}@127.0.0.1:5060;user=phone"),
                format!("SIPS:{number}@carrier.example?x=1"),
                number.replace('1', "%31").replace('9', "%39"),
                number.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0xFF10).unwrap_or(c)).collect(),
            ] {
                assert!(is_emergency(&dress), "{dress:?}");
            }
        }
    }

    #[test]
    fn ordinary_numbers_are_not() {
        for number in [
            "+49 30 1234567",
            "+1 212 555 0112",
            "030112911",
            "0800 112 112 1",
            "sip:desk@127.0.0.1",
            "",
            "1",
            "11",
            "91120",
        ] {
            assert!(!is_emergency(number), "{number}");
        }
    }

    #[test]
    fn the_table_is_sound() {
        let numbers: std::collections::BTreeSet<_> = EMERGENCY_NUMBERS.iter().map(|(number, _)| number).collect();
        assert_eq!(numbers.len(), EMERGENCY_NUMBERS.len(), "no number twice");
        assert!(EMERGENCY_NUMBERS.iter().all(|(number, places)| {
            number.chars().all(|c| c.is_ascii_digit()) && number.len() >= 2 && !places.is_empty()
        }));
    }
}
