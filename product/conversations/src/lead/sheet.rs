//! Leads as comma-separated values (RFC 4180), safe to open in a spreadsheet.

use web::instant::to_rfc3339;

use super::Lead;

const COLUMNS: [&str; 8] = ["reference", "state", "taken_at", "name", "phone", "email", "text", "conversation_id"];

/// The first line.
pub(super) fn heading() -> String {
    let mut text = COLUMNS.join(",");
    text.push_str("\r\n");
    text
}

/// The line of a lead.
pub(super) fn line(text: &mut String, lead: &Lead) {
    let taken_at = to_rfc3339(lead.created_at);
    let conversation = lead.conversation_id.map(|id| id.to_string()).unwrap_or_default();
    let given = &lead.given;
    let values: [String; COLUMNS.len()] = [
        lead.reference.clone(),
        lead.state.name().to_owned(),
        taken_at,
        given.name.clone().unwrap_or_default(),
        given.phone.clone().unwrap_or_default(),
        given.email.clone().unwrap_or_default(),
        given.text.clone().unwrap_or_default(),
        conversation,
    ];
    let cells: Vec<String> = values.iter().map(|value| cell(value)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// One value: quoted where it must be, and with an apostrophe before what a spreadsheet would take for a formula. A telephone
/// number in international form (`+` and digits) is left as it is: as a formula it is the same number.
fn cell(value: &str) -> String {
    let number = value.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number;
    let guarded = if formula { format!("'{value}") } else { value.to_owned() };
    let quoted = guarded.contains([',', '"', '\n', '\r']);
    if quoted { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_run_nothing() {
        for (value, wanted) in [
            ("Ada", "Ada"),
            ("Lovelace, Ada", "\"Lovelace, Ada\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-1", "'-1"),
            ("+1-2", "'+1-2"),
            ("+49301234567", "+49301234567"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("", ""),
        ] {
            assert_eq!(cell(value), wanted);
        }
    }
}
