//! The dashboard's forms about what is here, filled in as its own owner would: an owner from elsewhere sends the same.

use http::Method;
use web::RouteRule;

/// The fields of the form that this route takes; nothing where it takes none, or is about something that was not made.
pub fn form(rule: &RouteRule) -> Option<Vec<(&'static str, String)>> {
    let profile = agents::profile::sample();
    let hash = profile.hash();
    let fields: Vec<(&str, String)> = match rule.path {
        "/agents/{id}/documents/site" => {
            vec![("url", "https://example.com/".to_owned()), ("attested", "true".to_owned())]
        }
        "/agents/{id}/draft" => {
            vec![("based_on", hash), ("profile", serde_json::to_string(&profile).expect("a profile is JSON"))]
        }
        "/agents/{id}/publication" => vec![("hash", hash)],
        "/contacts/{id}" => vec![
            ("name", "Eve Elsewhere".to_owned()),
            ("phone", "+441174960009".to_owned()),
            ("email", "eve@elsewhere.example".to_owned()),
        ],
        "/settings/keys/{id}/rotation" => vec![("overlap_seconds", "60".to_owned())],
        "/settings/members/{id}/role" => vec![("role", "manager".to_owned())],
        "/settings/members/{id}/reset" => {
            vec![("what", "password".to_owned()), ("vouched", "They stood before me at the desk.".to_owned())]
        }
        "/settings/widgets/{id}/bounds" => {
            let bounds =
                ["conversations_per_hour", "conversations_per_day", "messages_per_day", "messages_per_conversation"];
            bounds.map(|bound| (bound, "10".to_owned())).into_iter().chain([("ends_on", String::new())]).collect()
        }
        "/settings/widgets/{id}/origins" => vec![("origins", "https://elsewhere.example".to_owned())],
        _ => return None,
    };
    (rule.method == Method::POST).then_some(fields)
}
