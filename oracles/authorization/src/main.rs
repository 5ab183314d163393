//! Compares every cell of who may do what with Cedar, which reads the same rules from `role/policy.cedar`.
//!
//! The product's own functions are asked for: every role, membership state and permission; keys of every role and the key
//! of a directory; and every permission under a grant of every permission, of all objects and of one. The other cells stand
//! for walls that are no such function: another organization (what is stored of one opens only by its own `OrganizationDb`),
//! a grant or key that is over (it authenticates nobody), and operators (they are in no organization). There "no" is written
//! here, and the comparison holds the policy file to it; that the product keeps these walls is shown by what a running server
//! answered over HTTP: every cell of `docs/access-matrix.txt` is asked again of the policy, too. Exits with 1 and names the cells
//! where the two disagree.

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;

use anyhow::Context as _;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
};
use identity::api_key::KeyRole;
use identity::support::Scope;
use identity::{MembershipState, Permission, Role, allows};

mod matrix;

const POLICY: &str = include_str!("../../../security/identity/src/role/policy.cedar");
const MATRIX: &str = include_str!("../../../docs/access-matrix.txt");
const HERE: &str = "here";
const THERE: &str = "there";
/// The object that a grant may be narrowed to, and another one.
const OBJECTS: [u128; 2] = [1, 2];

/// One question, and what the product answers.
struct Cell {
    words: String,
    principal: Entity,
    permission: Permission,
    resource: Entity,
    ours: bool,
    /// Whether a function of the product answered; else a wall that is none.
    asked: bool,
}

/// How many there are, in words.
fn counted(cells: &[Cell]) -> String {
    let asked = cells.iter().filter(|cell| cell.asked).count();
    format!("{} cells compared, in {asked} of them the product's own functions were asked", cells.len())
}

fn main() -> anyhow::Result<ExitCode> {
    let cells = cells()?;
    let differing = differences(POLICY, &cells)?;
    for words in &differing {
        println!("differs: {words}");
    }
    println!("{}; {} differ", counted(&cells), differing.len());
    let answered = answered(POLICY, MATRIX)?;
    println!("{} cells of what a running server answered over HTTP; none differs", answered.cells);
    Ok(if differing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cells that Cedar decides otherwise under this policy.
fn differences(policy: &str, cells: &[Cell]) -> anyhow::Result<Vec<String>> {
    let policies: PolicySet = policy.parse().context("the policy file")?;
    let authorizer = Authorizer::new();
    let mut differing = Vec::new();
    for cell in cells {
        let theirs = decided(&authorizer, &policies, cell)?;
        if theirs != cell.ours {
            differing.push(format!("{}: the product says {}, Cedar {theirs}", cell.words, cell.ours));
        }
    }
    Ok(differing)
}

/// Whether Cedar permits it.
fn decided(authorizer: &Authorizer, policies: &PolicySet, cell: &Cell) -> anyhow::Result<bool> {
    let action = action(cell.permission)?;
    let entities = Entities::from_entities([cell.principal.clone(), cell.resource.clone()], None)?;
    let request = Request::new(cell.principal.uid(), action, cell.resource.uid(), Context::empty(), None)?;
    let answer = authorizer.is_authorized(&request, policies, &entities);
    let errors: Vec<String> = answer.diagnostics().errors().map(ToString::to_string).collect();
    anyhow::ensure!(errors.is_empty(), "{}: {errors:?}", cell.words);
    Ok(answer.decision() == Decision::Allow)
}

/// The matrix of what a running server answered, held against this policy.
fn answered(policy: &str, matrix: &str) -> anyhow::Result<matrix::Compared> {
    let policies: PolicySet = policy.parse().context("the policy file")?;
    let authorizer = Authorizer::new();
    matrix::compare(matrix, |cell| decided(&authorizer, &policies, cell))
}

/// Every cell.
fn cells() -> anyhow::Result<Vec<Cell>> {
    let mut cells = Vec::new();
    for permission in Permission::ALL {
        for there in [HERE, THERE] {
            for role in Role::ALL {
                for state in MembershipState::ALL {
                    let facts = [("role", text(role.as_str())), ("state", text(state.as_str()))];
                    let asked = there == HERE;
                    let ours = asked && allows(role, state, permission);
                    let words = format!("{} {} {} {there}", role.as_str(), state.as_str(), permission.dotted());
                    let principal = entity("Member", facts.into())?;
                    cells.push(Cell { words, principal, permission, resource: thing(there, OBJECTS[0])?, ours, asked });
                }
            }
            key_cells(permission, there, &mut cells)?;
            let resource = thing(there, OBJECTS[0])?;
            let words = format!("operator {} {there}", permission.dotted());
            let principal = entity("Operator", Vec::new())?;
            cells.push(Cell { words, principal, permission, resource, ours: false, asked: false });
        }
        support_cells(permission, &mut cells)?;
    }
    Ok(cells)
}

/// Keys of each role, and of a directory, good and over.
fn key_cells(permission: Permission, there: &str, cells: &mut Vec<Cell>) -> anyhow::Result<()> {
    for state in ["active", "over"] {
        let asked = there == HERE && state == "active";
        for key in Role::ALL.map(KeyRole::Of).into_iter().chain([KeyRole::Provisioning]) {
            let principal = match key {
                KeyRole::Of(role) => entity("Member", vec![("role", text(role.as_str())), ("state", text(state))])?,
                KeyRole::Provisioning => entity("Directory", vec![("state", text(state))])?,
            };
            let words = format!("{} key, {state}, {} {there}", key.as_str(), permission.dotted());
            let ours = asked && key.allows(permission);
            cells.push(Cell { words, principal, permission, resource: thing(there, OBJECTS[0])?, ours, asked });
        }
    }
    Ok(())
}

/// A grant of each permission, asked for this one: of all objects or of one, in its time or over, here and elsewhere.
fn support_cells(permission: Permission, cells: &mut Vec<Cell>) -> anyhow::Result<()> {
    for granted in Permission::ALL {
        for narrowed in [None, Some(OBJECTS[0])] {
            for state in ["active", "over"] {
                for (there, object) in [(HERE, OBJECTS[0]), (HERE, OBJECTS[1]), (THERE, OBJECTS[0])] {
                    let objects: Vec<_> = narrowed.map(id).into_iter().collect();
                    let scope = Scope::as_stored(&[granted], &objects);
                    let asked = there == HERE && state == "active";
                    let ours = asked && scope.permits(permission) && scope.covers(&[id(object)]);
                    let facts = vec![
                        ("state", text(state)),
                        ("granted", RestrictedExpression::new_set([uid(granted)?])),
                        ("objects", RestrictedExpression::new_set(objects.iter().map(|id| text(&id.to_string())))),
                    ];
                    let words = format!(
                        "support granted {} of {narrowed:?}, {state}, asks {} of {object} {there}",
                        granted.dotted(),
                        permission.dotted()
                    );
                    let principal = entity("Support", facts)?;
                    cells.push(Cell { words, principal, permission, resource: thing(there, object)?, ours, asked });
                }
            }
        }
    }
    Ok(())
}

fn id(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

fn text(words: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(words.to_owned())
}

fn action(permission: Permission) -> anyhow::Result<EntityUid> {
    Ok(format!("Action::\"{}\"", permission.dotted()).parse()?)
}

fn uid(permission: Permission) -> anyhow::Result<RestrictedExpression> {
    Ok(RestrictedExpression::new_entity_uid(action(permission)?))
}

/// Somebody of this organization.
fn entity(kind: &str, facts: Vec<(&str, RestrictedExpression)>) -> anyhow::Result<Entity> {
    with_facts(&format!("{kind}::\"asker\""), HERE, facts)
}

/// Something of that organization.
fn thing(organization: &str, object: u128) -> anyhow::Result<Entity> {
    with_facts("Thing::\"asked\"", organization, vec![("id", text(&id(object).to_string()))])
}

fn with_facts(uid: &str, organization: &str, facts: Vec<(&str, RestrictedExpression)>) -> anyhow::Result<Entity> {
    let facts = facts.into_iter().chain([("organization", text(organization))]);
    let facts: HashMap<String, RestrictedExpression> = facts.map(|(name, fact)| (name.to_owned(), fact)).collect();
    Ok(Entity::new(uid.parse()?, facts, HashSet::new())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_decide_the_same() {
        let cells = cells().expect("cells");
        assert_eq!(differences(POLICY, &cells).expect("decided"), Vec::<String>::new());
        let (asked, told) = (counted(&cells), include_str!("../../../docs/guide/operators.md"));
        println!("{asked}");
        assert!(
            told.split_whitespace().collect::<Vec<_>>().join(" ").contains(&asked),
            "the guide says otherwise: {asked}"
        );
    }

    #[test]
    fn what_a_running_server_answered_is_what_the_policy_says() {
        let compared = answered(POLICY, MATRIX).expect("no cell differs");
        println!("{} cells of docs/access-matrix.txt", compared.cells);
        assert!(compared.cells > 5_000, "{compared:?}");
        assert_eq!(compared.idle(), Vec::<&str>::new(), "written down for nothing");
        // A policy that gives less or more, and a server that lets one more in, are noticed.
        let admin = POLICY.replacen("Action::\"key.read\", Action::\"key.write\",", "", 2);
        let everyone =
            POLICY.replace("principal.state == \"active\" && principal.organization", "principal.organization");
        for altered in [admin, everyone] {
            assert_ne!(altered, POLICY);
            assert!(answered(&altered, MATRIX).is_err());
        }
        let opened = MATRIX.replacen(
            "00+++---+++-----0000000000000++-0--+-- GET    /agents ",
            "00++++--+++-----0000000000000++-0--+-- GET    /agents ",
            1,
        );
        assert_ne!(opened, MATRIX);
        assert!(
            answered(POLICY, &opened).is_err_and(|error| error.to_string().contains("viewer, signed in: GET /agents"))
        );
        let unknown = MATRIX.replacen("viewer, left", "somebody new", 1);
        assert!(answered(POLICY, &unknown).is_err());
    }

    #[test]
    fn a_rule_that_gives_too_much_or_too_little_is_noticed() {
        let cells = cells().expect("cells");
        for (from, to) in [
            ("principal.state == \"active\"", "principal.state != \"left\""),
            ("&& principal.organization == resource.organization };", "};"),
            ("Action::\"analytics.read\"\n]", "Action::\"audit.read\"\n]"),
            ("principal.granted.contains(action) &&", ""),
            ("action in [Action::\"member.provision\"]", "action"),
            ("(principal.objects.isEmpty() || principal.objects.contains(resource.id))", "true"),
        ] {
            let altered = POLICY.replace(from, to);
            assert_ne!(altered, POLICY, "{from}");
            assert!(!differences(&altered, &cells).expect("decided").is_empty(), "{from} -> {to}");
        }
    }
}
