//! A review as a table that spreadsheets open (RFC 4180), safely: a cell that a spreadsheet would take for a formula is
//! marked as text.

use std::collections::HashMap;

use uuid::Uuid;

use super::Item;

/// The columns.
const HEADER: [&str; 13] = [
    "kind",
    "id",
    "name",
    "email",
    "role",
    "state",
    "second_factor",
    "created_at",
    "used_at",
    "expires_at",
    "decision",
    "decided_by",
    "decided_at",
];
/// What makes a spreadsheet calculate (OWASP, CSV injection).
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The lines as CSV. `names` are the people who may stand in `decided_by`, `instant` writes seconds since 1970.
pub fn csv(
    items: &[Item],
    names: &HashMap<Uuid, String, impl std::hash::BuildHasher>,
    instant: impl Fn(i64) -> String,
) -> String {
    let mut text = HEADER.join(",");
    text.push_str("\r\n");
    for item in items {
        let facts = &item.facts;
        let time = |seconds: Option<i64>| seconds.map(&instant).unwrap_or_default();
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        let second_factor = match facts.second_factor {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let decided_by = item.decided_by.map(|by| names.get(&by).cloned().unwrap_or_else(|| by.to_string()));
        let cells = [
            item.kind.clone(),
            item.subject.to_string(),
            facts.name.clone(),
            word(&facts.email),
            word(&facts.role),
            word(&facts.state),
            second_factor.to_owned(),
            time(facts.created_at),
            time(facts.used_at),
            time(facts.expires_at),
            item.decision.map(|decision| decision.as_str().to_owned()).unwrap_or_default(),
            decided_by.unwrap_or_default(),
            time(item.decided_at.map(storage::Timestamp::seconds)),
        ];
        text.push_str(&cells.map(|cell| quoted(&cell)).join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell: in quotes when it holds what separates cells, with an apostrophe before what would be a formula.
fn quoted(cell: &str) -> String {
    let mark = if cell.starts_with(FORMULA_STARTS) { "'" } else { "" };
    if mark.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
        return cell.to_owned();
    }
    format!("\"{mark}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use storage::Timestamp;
    use uuid::Uuid;

    use super::{csv, quoted};
    use crate::access_review::{Decision, Facts, Item};

    #[test]
    fn a_formula_becomes_text_and_cells_keep_their_commas() {
        for (cell, written) in [
            ("Ana", "Ana"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=HYPERLINK(\"http://evil.example\")", "\"'=HYPERLINK(\"\"http://evil.example\"\")\""),
            ("+1", "\"'+1\""),
            ("-1+2", "\"'-1+2\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(quoted(cell), written, "{cell:?}");
        }
    }

    #[test]
    fn a_line_says_who_decided_what_and_when() {
        let ana = Uuid::from_u128(1);
        let item = Item {
            id: Uuid::nil(),
            kind: "member".to_owned(),
            subject: Uuid::nil(),
            user: Some(ana),
            facts: Facts { name: "=Ana".to_owned(), second_factor: Some(true), used_at: Some(5), ..Facts::default() },
            decision: Some(Decision::Keep),
            decided_by: Some(ana),
            decided_at: Some(Timestamp::from_seconds(7)),
        };
        let names = HashMap::from([(ana, "Ana, the owner".to_owned())]);
        let text = csv(&[item], &names, |seconds| format!("t{seconds}"));
        let mut lines = text.split("\r\n");
        assert_eq!(lines.next().map(|line| line.split(',').count()), Some(13));
        let nil = Uuid::nil();
        assert_eq!(
            lines.next(),
            Some(format!("member,{nil},\"'=Ana\",,,,yes,,t5,,keep,\"Ana, the owner\",t7").as_str())
        );
        assert_eq!((lines.next(), lines.next()), (Some(""), None));
    }
}
