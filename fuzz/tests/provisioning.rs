//! Filters and PATCH requests of directories: whatever is sent, nothing panics, nothing outgrows its limits, and what was
//! read means the same when it is written down and read again.

use bolero::check;
use serde_json::{Value, json};
use sign_in::provisioning::attribute::{GROUP, Object, USER};
use sign_in::provisioning::filter::Filter;
use sign_in::provisioning::patch::{PATCH_SCHEMA, Patch};
use sign_in::provisioning::path::AttributePath;

fn maria() -> Object {
    let maria = json!({
        "id": "7", "userName": "maria@harbour.example", "active": true, "displayName": "Maria",
        "name": {"givenName": "Maria"}, "emails": [{"value": "maria@harbour.example", "type": "work"}],
        "meta": {"created": "2026-11-22T10:00:00Z"}
    });
    maria.as_object().expect("an object").clone()
}

/// Text out of the words that filters are made of, so that many of them are filters.
fn spoken(bytes: &[u8]) -> String {
    const WORDS: [&str; 32] = [
        "userName",
        "active",
        "displayName",
        "name.givenName",
        "emails",
        "emails[",
        "]",
        "(",
        ")",
        " ",
        " ",
        " eq ",
        " ne ",
        " co ",
        " sw ",
        " gt ",
        " pr",
        " and ",
        " or ",
        "not ",
        "true",
        "false",
        "null",
        "\"a\"",
        "\"M\"",
        "\"2026-01-01T00:00:00Z\"",
        "meta.created",
        "type",
        "value",
        "urn:ietf:params:scim:schemas:core:2.0:User:",
        "\"\\u0000\"",
        "é",
    ];
    bytes.iter().map(|byte| WORDS[usize::from(*byte) % WORDS.len()]).collect()
}

#[test]
fn a_filter_that_is_read_means_the_same_when_it_is_read_again() {
    check!().with_type::<Vec<u8>>().for_each(|bytes| {
        for text in [spoken(bytes), String::from_utf8_lossy(bytes).into_owned()] {
            let Ok(filter) = Filter::parse(&text, &USER) else { continue };
            let written = filter.to_string();
            // Every parenthesis is written, so a filter at the limit of length can grow beyond it.
            let Ok(again) = Filter::parse(&written, &USER) else {
                assert!(written.len() > text.len(), "{written}");
                continue;
            };
            assert_eq!(again, filter, "{written}");
            assert_eq!(again.matches(&maria()), filter.matches(&maria()), "{written}");
        }
    });
}

#[test]
fn a_path_that_is_read_is_written_the_same() {
    check!().with_type::<Vec<u8>>().for_each(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Some(path) = AttributePath::parse(&text) {
            assert_eq!(path.to_string(), text);
        }
    });
}

/// Operations out of the pieces that directories use, in any combination.
fn operations(bytes: &[u8]) -> Value {
    const PATHS: [&str; 10] = [
        "active",
        "displayName",
        "name",
        "name.givenName",
        "members",
        "members[value eq \"1\"]",
        "emails[type eq \"work\"].value",
        "members[value eq \"1\"].value",
        "shoeSize",
        "id",
    ];
    let values = [
        json!(true),
        json!("False"),
        json!("Mia"),
        json!(null),
        json!({"givenName": "Mia"}),
        json!([{"value": "1"}, {"value": "2"}]),
        json!({"value": "3"}),
        json!({"active": false, "name.familyName": "B"}),
        json!([1, null]),
        json!(7),
    ];
    let operation = |piece: &[u8]| {
        let at = |index: usize| usize::from(piece.get(index).copied().unwrap_or_default());
        let verb = ["add", "Replace", "remove", "move"][at(0) % 4];
        let mut operation = json!({"op": verb, "value": values[at(1) % values.len()]});
        if at(2) % 4 > 0 {
            operation["path"] = PATHS[at(3) % PATHS.len()].into();
        }
        operation
    };
    json!({"schemas": [PATCH_SCHEMA], "Operations": bytes.chunks(4).map(operation).collect::<Vec<_>>()})
}

#[test]
fn a_patch_never_leaves_what_a_client_could_not_have_sent() {
    check!().with_type::<Vec<u8>>().for_each(|bytes| {
        for (schema, before) in
            [(&USER, maria()), (&GROUP, Object::from_iter([("displayName".to_owned(), json!("Admin"))]))]
        {
            let raw = serde_json::from_slice(bytes).unwrap_or(Value::Null);
            for body in [operations(bytes), raw] {
                let Ok(patch) = Patch::parse(&body, schema) else { continue };
                let mut after = before.clone();
                if patch.apply(&mut after).is_err() {
                    continue;
                }
                assert_eq!(after.get("id"), before.get("id"), "what is the server's own stays");
                assert_eq!(after.get("emails"), before.get("emails"));
                let mut once_more = after.clone();
                once_more.insert("schemas".to_owned(), json!([schema.urn]));
                schema.read(&Value::Object(once_more)).expect("what is left is of the shape that is read");
            }
        }
    });
}
