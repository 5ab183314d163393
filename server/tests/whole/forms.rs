//! Every page that a signed-in person can reach by links, and every form on it.

use std::collections::BTreeSet;

use crate::product::Product;

const FIELD: &str = "<input type=\"hidden\" name=\"form_token\" value=\"";
/// Pages that are looked at, at most: lists of a demo are short.
const PAGES_MAX: usize = 150;

/// The values of an attribute that begin with a slash.
fn addresses(markup: &str, attribute: &str) -> Vec<String> {
    let start = format!("{attribute}=\"/");
    let pieces = markup.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
    pieces.map(|path| format!("/{}", path.replace("&amp;", "&").replace("&#38;", "&"))).collect()
}

/// One page, the same for every other address of its shape: ids and query strings are left out.
pub fn shape(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let piece = |piece: &str| if uuid::Uuid::try_parse(piece).is_ok() { "{id}".to_owned() } else { piece.to_owned() };
    path.split('/').map(piece).collect::<Vec<_>>().join("/")
}

async fn page(product: &Product, cookie: &str, path: &str) -> Option<String> {
    let request = product.http.get(format!("{}{path}", product.facts.base_url));
    let request = request.header("cookie", cookie).header("accept", "text/html");
    let answer = request.send().await.expect("an answer");
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    if !kind.starts_with("text/html") {
        return None;
    }
    Some(answer.text().await.expect("a body"))
}

async fn post(product: &Product, cookie: &str, path: &str, body: &str) -> u16 {
    let request = product.http.post(format!("{}{path}", product.facts.base_url)).body(body.to_owned());
    let request = request
        .header("cookie", cookie)
        .header("origin", &product.facts.base_url)
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded");
    request.send().await.expect("an answer").status().as_u16()
}

/// Every kind of page that links lead to, each once, with its markup.
pub async fn every_page(product: &Product, cookie: &str) -> Vec<(String, String)> {
    let (mut waiting, mut seen, mut pages) = (vec!["/".to_owned()], BTreeSet::new(), Vec::new());
    while let Some(path) = waiting.pop() {
        if path.starts_with("//") || path.starts_with("/live") || !seen.insert(shape(&path)) {
            continue;
        }
        assert!(seen.len() <= PAGES_MAX, "too many pages: {seen:#?}");
        let Some(markup) = page(product, cookie, &path).await else { continue };
        waiting.extend(addresses(&markup, "href"));
        pages.push((path, markup));
    }
    pages
}

#[tokio::test]
async fn every_form_of_every_page_carries_the_token() {
    let product = Product::start_with(&["--no-caller"]).await;
    let cookie = format!("ringfence_session={}", product.sign_in().await);
    let (mut actions, mut tokens) = (BTreeSet::new(), BTreeSet::new());
    let pages = every_page(&product, &cookie).await;
    for (path, markup) in &pages {
        for form in markup.split("<form").skip(1) {
            let (tag, rest) = form.split_once('>').expect("a whole tag");
            if !tag.contains("method=\"post\"") {
                continue;
            }
            let token = rest.strip_prefix(FIELD).and_then(|rest| rest.split('"').next());
            tokens
                .insert(token.unwrap_or_else(|| panic!("a form of {path} without the token: <form{tag}>")).to_owned());
            actions.extend(addresses(tag, "action").iter().map(|action| shape(action)));
        }
    }
    assert!(
        actions.len() >= 10 && pages.len() >= 12,
        "the walk found the forms: {actions:#?} on {} pages",
        pages.len()
    );
    assert_eq!(tokens.len(), 1, "one session, one token");
    let token = tokens.pop_first().expect("one");
    for (body, status) in [("", 403), ("form_token=0", 403), (format!("form_token={token}").as_str(), 303)] {
        assert_eq!(post(&product, &cookie, "/settings/sessions/end-others", body).await, status, "{body}");
    }
    let other = format!("ringfence_session={}", product.sign_in().await);
    let foreign = format!("form_token={token}");
    assert_eq!(post(&product, &other, "/settings/sessions/end-others", &foreign).await, 403, "another session's token");
}
