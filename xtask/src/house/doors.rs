//! Keys have few makers: an organization's data is opened, and a caller without credentials is made, only in files that the list of exceptions
//! names with the reason.

use super::code::{Seen, look, product_files};
use super::tree::Tree;
use super::{Fault, Rule};

/// Who may open an organization's data by its bare id.
pub const ORGANIZATION: Rule = Rule {
    name: "organization-door",
    promise: "an organization's data is opened by its id only in listed files",
    check: organization,
};
/// Who may put a handler behind an address at all.
pub const ROUTER: Rule = Rule {
    name: "router-door",
    promise: "a router is made only where every route has said who may use it, or in listed files",
    check: router,
};
/// Who may make a caller that showed no credential.
pub const CALLER: Rule = Rule {
    name: "caller-door",
    promise: "a caller without credentials (phone, visitor, worker) is made only in listed files",
    check: caller,
};

fn organization(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in product_files(tree).filter(|file| !file.path.starts_with("storage/")) {
        look(file, &mut |seen, line| {
            // `caller.organization()` only asks for the id, and `row.organization("column")` reads a field.
            if matches!(&seen, Seen::Method(name, 1) if name == "organization") {
                faults.push(Fault::at(&file.path, line, "opens an organization's data by id; use caller.database(…)"));
            }
        });
    }
    faults
}

fn caller(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in product_files(tree) {
        look(file, &mut |seen, line| {
            if matches!(&seen, Seen::Path(path) if path.ends_with("Caller::for_channel")) {
                faults.push(Fault::at(&file.path, line, "makes a caller without credentials"));
            }
        });
    }
    faults
}

/// The two makers of routers that ask for each route's permission, what the log hears and how much it takes.
const MAKERS: &[&str] = &["web/src/routes.rs", "web/src/guard.rs", "security/operator/src/door.rs"];

fn router(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in product_files(tree).filter(|file| !MAKERS.contains(&file.path.as_str())) {
        look(file, &mut |seen, line| {
            if matches!(&seen, Seen::Path(path) if path.ends_with("Router::new") || path.ends_with("Router::default")) {
                faults.push(Fault::at(&file.path, line, "makes a router whose routes say nothing; use web::Routes"));
            }
        });
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{caller, organization, router};
    use crate::house::tree::Tree;

    #[test]
    fn opening_by_id_is_found_and_asking_for_the_id_is_not() {
        let planted = |body: &str| {
            organization(&Tree::planted(&[("product/chat/src/store.rs", &format!("fn f() {{ {body} }}"))])).len()
        };
        assert_eq!(planted("platform.database.organization(id).get(T, x)"), 1);
        assert_eq!(planted("tokio::join!(platform.database.organization(id))"), 1);
        assert_eq!(planted("caller.organization()"), 0);
        assert_eq!(planted("row.organization(\"organization_id\")"), 0);
    }

    #[test]
    fn a_router_beside_the_door_is_found() {
        let code = "fn f() { let r = axum::Router::new().route(x, get(open)); }";
        assert_eq!(router(&Tree::planted(&[("product/chat/src/api.rs", code)])).len(), 1);
        assert_eq!(router(&Tree::planted(&[("web/src/routes.rs", code)])).len(), 0);
        assert_eq!(router(&Tree::planted(&[("product/chat/src/api.rs", "fn f() { web::Routes::new(); }")])).len(), 0);
    }

    #[test]
    fn made_up_callers_are_found() {
        let code = "fn f() { let c = identity::Caller::for_channel(id, actor); }";
        assert_eq!(caller(&Tree::planted(&[("product/chat/src/visitor.rs", code)])).len(), 1);
    }
}
