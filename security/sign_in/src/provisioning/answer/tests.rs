//! Queries, versions, the attributes that are shown, and the descriptions of the server.

use super::*;
use crate::provisioning::user;
use identity::Role;

fn maria() -> Object {
    user::tests::maria(Role::Manager).resource("https://desk.example")
}

#[test]
fn pages_hold_at_their_edges() {
    let page = |query: &str| Query::parse(query).map(|query| (query.start_index, query.count)).ok();
    assert_eq!(page(""), Some((1, MAXIMUM_PAGE)));
    assert_eq!(page("startIndex=0&count=-1"), Some((1, 0)));
    assert_eq!(page("startIndex=3&count=200&sortBy=userName"), Some((3, 200)));
    assert_eq!(page("startindex=-7&COUNT=201"), Some((1, 200)));
    assert_eq!(page("startIndex=one"), None);
    assert_eq!(page("count=99999999999999999999"), None);
    assert_eq!(Query::parse("filter=userName+eq+%22a%22").expect("read").filter.as_deref(), Some("userName eq \"a\""));
    assert!(Query::parse("attributes=id&excludedAttributes=meta").is_err());
    let many = |count: usize| Query::parse(&format!("attributes={}", vec!["id"; count].join(",")));
    assert!(many(MAXIMUM_NAMES).is_ok() && many(MAXIMUM_NAMES + 1).is_err());
}

#[test]
fn a_search_says_the_same_in_a_body() {
    let body = json!({
        "schemas": [SEARCH_SCHEMA], "attributes": ["userName", "meta.version"], "filter": "userName eq \"a&b=c\"",
        "startIndex": 2, "count": 7
    });
    let address = "attributes=userName,meta.version&filter=userName+eq+%22a%26b%3Dc%22&startIndex=2&count=7";
    assert_eq!(Query::of_body(&body).expect("read"), Query::parse(address).expect("read"));
    assert!(Query::of_body(&json!({"filter": "active eq true"})).is_err());
    assert!(Query::of_body(&json!({"schemas": [SEARCH_SCHEMA], "filter": {"a": 1}})).is_err());
}

#[test]
fn only_what_was_asked_for_is_shown_and_the_id_always() {
    let cut = |query: &str| {
        let shown = Query::parse(query).expect("read").shown.cut(maria(), &USER);
        let mut names: Vec<String> = shown.keys().cloned().collect();
        names.sort_unstable();
        (names, Value::Object(shown))
    };
    assert_eq!(cut("attributes=USERNAME,title").0, ["id", "schemas", "userName"]);
    let (names, shown) = cut("attributes=meta.version,emails.value");
    assert_eq!(names, ["emails", "id", "meta", "schemas"]);
    assert!(shown["meta"].get("created").is_none() && shown["emails"][0] == json!({"value": "maria@harbour.example"}));
    let (names, shown) = cut("excludedAttributes=groups,id,emails.type");
    assert!(!names.contains(&"groups".to_owned()) && names.contains(&"id".to_owned()));
    assert!(shown["emails"][0].get("type").is_none() && shown["emails"][0].get("value").is_some());
}

#[test]
fn versions_are_compared_weakly() {
    let resource = maria();
    let own = version(&resource).to_owned();
    assert!(own.starts_with("W/\"") && own.len() == 2 * VERSION_BYTES + 4, "{own}");
    for header in [own.as_str(), &own[2..], "*", &format!("W/\"0\", {own}")] {
        assert!(names_version(header, &own), "{header}");
    }
    assert!(!names_version("W/\"0\"", &own) && !names_version("", &own));
}

#[test]
fn the_server_describes_what_it_holds() {
    let schemas = schemas("");
    assert_eq!(schemas["totalResults"], 2);
    let user = schema_named("", USER.urn).expect("there");
    let user_name = user["attributes"].as_array().expect("a list").iter().find(|one| one["name"] == "userName");
    assert_eq!(user_name.expect("there")["uniqueness"], "server");
    assert!(schema_named("", "urn:other").is_err());
    assert_eq!(resource_type_named("", "Group").expect("there")["endpoint"], "/Groups");
    assert!(resource_type_named("", "Devices").is_err());
    assert_eq!(service_provider_config("")["bulk"]["supported"], false);
}
