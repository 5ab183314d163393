//! The one document of the API, put together from the parts' descriptions and held against the routes.
//!
//! What every route shares stands here once: how to authenticate, and that every error is a problem document.

mod links;
mod soundness;

use std::collections::BTreeSet;

use utoipa::PartialSchema as _;
use utoipa::ToSchema as _;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

use crate::idempotency::MAXIMUM_KEY_LENGTH;
use crate::problem::{MEDIA_TYPE, Problem};
use crate::routes::{Access, RouteRule};

pub use self::soundness::{collisions, faults};

const SCHEME: &str = "api_key";

/// The document of all parts.
pub fn assemble(parts: Vec<OpenApi>, table: &[RouteRule], version: &str) -> OpenApi {
    let mut document = OpenApi::default();
    for part in parts {
        document.merge(part);
    }
    document.info = InfoBuilder::new()
        .title("Ringfence")
        .version(version)
        .description(Some(
            "Agents that answer a business's phone and website chat. Every error is an RFC 9457 problem.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    let scheme = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("rf_live_…");
    components.add_security_scheme(SCHEME, SecurityScheme::Http(scheme.build()));
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let mut nested = Vec::new();
    Problem::schemas(&mut nested);
    components.schemas.extend(nested);
    for rule in table {
        if let Some(operation) = operation_of(&mut document, rule) {
            complete(operation, rule);
        }
    }
    links::add(&mut document);
    document
}

/// Routes under `/v1` that no description names, and descriptions that no route has: both must be empty.
pub fn differences(document: &OpenApi, table: &[RouteRule]) -> Vec<String> {
    let api = |path: &str| path.starts_with("/v1/");
    let routed: BTreeSet<String> = table
        .iter()
        .filter(|rule| api(rule.path))
        .map(|rule| format!("{} {}", rule.method.as_str().to_lowercase(), rule.path))
        .collect();
    let mut described = BTreeSet::new();
    for (path, item) in &document.paths.paths {
        let operations = [
            ("get", &item.get),
            ("post", &item.post),
            ("put", &item.put),
            ("patch", &item.patch),
            ("delete", &item.delete),
            ("options", &item.options),
        ];
        described
            .extend(operations.iter().filter(|(_, found)| found.is_some()).map(|(name, _)| format!("{name} {path}")));
    }
    let missing = routed.difference(&described).map(|route| format!("not described: {route}"));
    let invented = described.difference(&routed).map(|route| format!("no such route: {route}"));
    missing.chain(invented).collect()
}

fn operation_of<'a>(document: &'a mut OpenApi, rule: &RouteRule) -> Option<&'a mut Operation> {
    let item = document.paths.paths.get_mut(rule.path)?;
    match rule.method.as_str() {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "PUT" => item.put.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

/// What follows from the rule: the security, the refusals it can answer, and the permission in words.
fn complete(operation: &mut Operation, rule: &RouteRule) {
    let mut refusals = vec![
        // The firewall looks at every request, whoever sends it.
        ("403", "Not allowed"),
        ("429", "Too many requests"),
        ("500", "Something failed on the server"),
        ("503", "Not at the moment"),
    ];
    if let Access::Permission(permission) = rule.access {
        let words = format!("Needs the permission `{}`.", permission.name());
        let description = operation.description.take().map_or(words.clone(), |text| format!("{text}\n\n{words}"));
        operation.description = Some(description);
    }
    if matches!(rule.access, Access::Permission(_) | Access::Member) {
        refusals.push(("401", "Nobody is known"));
        if rule.while_sealed.is_none() {
            refusals.push(("423", "The organization is sealed"));
        }
        operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
    }
    if rule.path.contains('{') {
        refusals.push(("404", "There is nothing here"));
    }
    if operation.request_body.is_some() {
        refusals.extend([
            ("400", "Not readable"),
            ("408", "Not in time"),
            ("413", "Too large"),
            ("415", "Another media type"),
        ]);
    }
    if operation.request_body.is_some()
        || operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty())
    {
        refusals.push(("422", "Readable but not acceptable"));
    }
    if rule.method == http::Method::POST && rule.path.starts_with("/v1/") && operation.security.is_some() {
        refusals.extend([
            ("400", "Not readable"),
            ("409", "It contradicts what is there, or the Idempotency-Key is in use"),
            ("422", "Readable but not acceptable"),
        ]);
        let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
        let schema = schema.max_length(Some(MAXIMUM_KEY_LENGTH)).pattern(Some("^[!-~]+$"));
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .description(Some("The same key, address and body within 24 hours: the work is done once."))
            .schema(Some(schema));
        operation.parameters.get_or_insert_default().push(RefOr::T(parameter.build()));
    }
    // What a part names itself becomes what it is: every refusal is a problem.
    for (status, response) in &mut operation.responses.responses {
        if let (false, RefOr::T(response)) = (status.starts_with('2'), response) {
            response.content.clear();
            response.content.insert(MEDIA_TYPE.to_owned(), RefOr::T(problem()));
        }
    }
    for (status, description) in refusals {
        let response = ResponseBuilder::new().description(description).content(MEDIA_TYPE, problem()).build();
        operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response));
    }
}

fn problem() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build()
}
