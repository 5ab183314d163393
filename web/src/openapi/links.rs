//! From what was made to what can be done with it: every answer that holds an `id` says which operations take it.
//!
//! Nothing is written by hand. `POST /v1/keys` answers with an `id`, and `/v1/keys/{id}` with everything below takes one: that is the
//! link. Programs that follow descriptions, testers of sequences among them, find their way by it.

use std::collections::BTreeMap;

use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Components, OpenApi, Ref, RefOr, Schema};

/// Where the identifier stands in the answer (OpenAPI 3.1, section 4.8.20.4).
const FROM_BODY: &str = "$response.body#/id";

/// Adds the links of every operation that makes something.
pub(super) fn add(document: &mut OpenApi) {
    let items = document.paths.paths.iter();
    let operations: Vec<(String, &'static str, String)> = items
        .flat_map(|(path, item)| methods(item).into_iter().map(|(method, id)| (path.clone(), method, id.to_owned())))
        .collect();
    let components = document.components.clone().unwrap_or_default();
    for (path, item) in &mut document.paths.paths {
        let Some(operation) = item.post.as_mut() else { continue };
        let targets: Vec<_> =
            operations.iter().filter_map(|(target, method, id)| follow(path, target, method, id)).collect();
        link(operation, &components, &targets);
    }
}

/// The methods of a path with the names of their operations.
fn methods(item: &PathItem) -> Vec<(&'static str, &str)> {
    let all = [
        ("get", &item.get),
        ("put", &item.put),
        ("post", &item.post),
        ("patch", &item.patch),
        ("delete", &item.delete),
    ];
    all.into_iter().filter_map(|(name, found)| Some((name, found.as_ref()?.operation_id.as_deref()?))).collect()
}

/// A link: its name, the operation that it leads to, and where that one's variables come from.
struct Target {
    name: String,
    operation: String,
    parameters: BTreeMap<String, String>,
}

/// How the operation `target` is reached from what a `POST` to `path` has made; none when it is about something else.
///
/// The collection may be named by the way in (`…/knowledge/texts` makes what `…/knowledge/{id}` is), so the last piece of `path` may
/// be left out.
fn follow(path: &str, target: &str, method: &str, operation: &str) -> Option<Target> {
    let collection = collection_of(path, target)?;
    let rest = target.strip_prefix(collection)?.strip_prefix('/')?;
    let (variable, below) = rest.split_once('/').unwrap_or((rest, ""));
    let variable = variable.strip_prefix('{')?.strip_suffix('}')?;
    if below.contains('{') {
        return None;
    }
    let known = collection.split('/').filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: BTreeMap<String, String> =
        known.map(|name| (name.to_owned(), format!("$request.path.{name}"))).collect();
    parameters.insert(variable.to_owned(), FROM_BODY.to_owned());
    let words = below.split(['/', '-', '.']).map(capitalised).collect::<String>();
    Some(Target { name: format!("{method}{words}"), operation: operation.to_owned(), parameters })
}

/// `path` itself, or what it is a way into: the longest that stands right before a variable of `target`.
fn collection_of<'a>(path: &'a str, target: &str) -> Option<&'a str> {
    let before_variable = |collection: &str| target.strip_prefix(collection).is_some_and(|rest| rest.starts_with("/{"));
    if before_variable(path) {
        return Some(path);
    }
    let (collection, last) = path.rsplit_once('/')?;
    // One piece of a path below an item (`/v1/calls/{id}/events`) belongs to the item, not to a collection.
    let is_way_in = ["texts", "uploads", "urls"].contains(&last);
    (is_way_in && before_variable(collection)).then_some(collection)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn link(operation: &mut Operation, components: &Components, targets: &[Target]) {
    let good = operation.responses.responses.iter_mut().filter(|(status, _)| status.starts_with('2'));
    for (_, response) in good {
        let RefOr::T(response) = response else { continue };
        let holds_id = response.content.values().any(|content| match content {
            RefOr::T(content) => content.schema.as_ref().is_some_and(|schema| has_id(schema, components)),
            RefOr::Ref(_) => false,
        });
        if !holds_id {
            continue;
        }
        for target in targets {
            let mut link = LinkBuilder::new().operation_id(&target.operation);
            for (name, value) in &target.parameters {
                link = link.parameter(name, value.as_str());
            }
            response.links.insert(target.name.clone(), RefOr::T(link.build()));
        }
    }
}

/// Whether what this shape describes has a field `id`.
fn has_id(schema: &RefOr<Schema>, components: &Components) -> bool {
    match schema {
        RefOr::Ref(Ref { ref_location, .. }) => {
            let name = ref_location.rsplit('/').next().unwrap_or_default();
            components.schemas.get(name).is_some_and(|schema| has_id(schema, components))
        }
        RefOr::T(Schema::Object(object)) => object.properties.contains_key("id"),
        RefOr::T(Schema::AllOf(all)) => all.items.iter().any(|part| has_id(part, components)),
        RefOr::T(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::follow;

    #[test]
    fn what_was_made_leads_to_what_takes_it() {
        let found = follow("/v1/keys", "/v1/keys/{id}/rotate", "post", "rotateKey").expect("a link");
        assert_eq!((found.name.as_str(), found.operation.as_str()), ("postRotate", "rotateKey"));
        assert_eq!(found.parameters["id"], "$response.body#/id");
        let nested =
            follow("/v1/agents/{agent_id}/knowledge/texts", "/v1/agents/{agent_id}/knowledge/{id}", "get", "get");
        let nested = nested.expect("a way into a collection");
        assert_eq!(nested.parameters["agent_id"], "$request.path.agent_id");
    }

    #[test]
    fn other_things_and_deeper_variables_are_not_linked() {
        for (path, target) in [
            ("/v1/keys", "/v1/contacts/{id}"),
            ("/v1/keys", "/v1/keys/pattern"),
            ("/v1/agents", "/v1/agents/{agent_id}/knowledge/{id}"),
            ("/v1/keys/{id}/rotate", "/v1/keys/{id}"),
        ] {
            assert!(follow(path, target, "get", "get").is_none(), "{path} {target}");
        }
    }
}
