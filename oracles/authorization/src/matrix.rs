//! The cells that a running server answered over HTTP (`docs/access-matrix.txt`), asked again of the policy file: who was let in is
//! whom the policy permits.
//!
//! Never is anybody let in whom the policy refuses. Where the policy would permit and the server did not, one of the walls in
//! [`WALLS`] stands between, which are no permissions; each of them must occur, or it is out of date.

use anyhow::{Context as _, bail, ensure};
use cedar_policy::RestrictedExpression;
use identity::{Permission, support};

use crate::{Cell, HERE, OBJECTS, THERE, entity, id, text, thing, uid, with_facts};

/// Why somebody whom the policy permits was not let in.
const WALLS: [&str; 3] = [
    "a second factor is outstanding",
    "keys for trying out open what is declared for them",
    "people only: keys open it for nobody",
];
/// Whose variable is no object of one organization but a word that each has for something of its own: a role of a directory, the
/// name of a secret. Whoever asks from elsewhere is let in to their own.
const BY_NAME: [&str; 2] = ["/scim/v2/Groups/{id}", "/settings/encryption/secrets/{name}/deletion"];
/// Roles as columns name them.
const ROLES: [&str; 4] = ["owner", "admin", "manager", "viewer"];

/// Whom a column stands for, as the policy sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// No credential that opens anything: the policy is not asked, and nobody may be let in.
    Nobody,
    /// Somebody of this role and state, here or in the other organization, by a session or key.
    Member {
        role: &'static str,
        state: &'static str,
        organization: &'static str,
        wall: Option<usize>,
    },
    Directory(&'static str),
    Operator,
    /// By a grant of everything that can be granted, narrowed to one object or not, asked about this one.
    Support {
        narrowed: bool,
        object: u128,
    },
}

impl Asker {
    fn of(column: &str) -> anyhow::Result<Self> {
        let member = |role, state, organization, wall| Self::Member { role, state, organization, wall };
        let (who, how) = column.split_once([',', '\'']).map_or((column, ""), |(who, how)| (who, how.trim()));
        let role = ROLES.into_iter().find(|role| *role == who);
        Ok(match (role, how) {
            (Some(role), "signed in") => member(role, "active", HERE, None),
            (Some(role), "by a password alone") => member(role, "active", HERE, Some(0)),
            (Some(role), "s key for trying out") => member(role, "active", HERE, Some(1)),
            (Some(role), "s key") => member(role, "active", HERE, Some(2)),
            (Some(role), "invited") => member(role, "invited", HERE, None),
            (Some(role), "suspended") => member(role, "suspended", HERE, None),
            (Some(role), "left") => member(role, "left", HERE, None),
            (Some(_), "session expired" | "s key, expired" | "s key, revoked" | "s key, its owner suspended") => {
                Self::Nobody
            }
            _ => match column {
                "nobody" | "a key that was never made" | "a widget's token in the place of a key" => Self::Nobody,
                "owner of another organization, signed in, asked about what is here" => {
                    member("owner", "active", THERE, None)
                }
                "the same owner's key, asked about what is here" => member("owner", "active", THERE, Some(2)),
                "a directory's key" => Self::Directory(HERE),
                "a key of that organization's directory, asked about what is here" => Self::Directory(THERE),
                "operator, signed in with two factors and trained"
                | "the same, the token in the place of a member's cookie" => Self::Operator,
                "support by a grant of all that can be granted" => {
                    Self::Support { narrowed: false, object: OBJECTS[0] }
                }
                "the same, of one object, asked about it" => Self::Support { narrowed: true, object: OBJECTS[0] },
                "the same, asked about another object" => Self::Support { narrowed: true, object: OBJECTS[1] },
                unknown => {
                    bail!("the column `{unknown}` of the matrix says nothing to the policy: name its principal here")
                }
            },
        })
    }

    /// Of the other organization.
    fn is_elsewhere(self) -> bool {
        matches!(self, Self::Member { organization: THERE, .. } | Self::Directory(THERE))
    }

    /// The question that Cedar answers; none when the asker is nobody. What a path without a variable is about belongs to the
    /// asker's own organization, and to no single object.
    fn cell(self, permission: Permission, path: &str, words: &str) -> anyhow::Result<Option<Cell>> {
        let names_object = path.contains('{');
        let member = |kind: &str, organization: &str, facts| {
            let whose = if names_object { HERE } else { organization };
            anyhow::Ok((with_facts(&format!("{kind}::\"asker\""), organization, facts)?, thing(whose, OBJECTS[0])?))
        };
        let (principal, resource) = match self {
            Self::Nobody => return Ok(None),
            Self::Member { role, state, organization, .. } => {
                member("Member", organization, vec![("role", text(role)), ("state", text(state))])?
            }
            Self::Directory(organization) => member("Directory", organization, vec![("state", text("active"))])?,
            Self::Operator => member("Operator", HERE, Vec::new())?,
            Self::Support { narrowed, object } => {
                let granted = Permission::ALL.into_iter().filter(|permission| support::is_grantable(*permission));
                let granted = granted.map(uid).collect::<anyhow::Result<Vec<_>>>()?;
                let objects = narrowed.then(|| text(&id(OBJECTS[0]).to_string()));
                let facts = vec![
                    ("state", text("active")),
                    ("granted", RestrictedExpression::new_set(granted)),
                    ("objects", RestrictedExpression::new_set(objects)),
                ];
                // A list is about no object that a grant could name.
                let object = if names_object { object } else { 0 };
                (entity("Support", facts)?, thing(HERE, object)?)
            }
        };
        Ok(Some(Cell { words: words.to_owned(), principal, permission, resource, ours: true, asked: true }))
    }
}

/// What was compared.
#[derive(Debug, Default)]
pub struct Compared {
    /// Cells of routes that ask for a permission.
    pub cells: usize,
    /// How often each of [`WALLS`] stood between.
    walls: [usize; WALLS.len()],
    by_name: usize,
}

/// Compares every cell of a route that asks for a permission. `permits` is Cedar's answer.
///
/// # Errors
/// The first lines that differ, or a matrix that cannot be read.
pub fn compare(matrix: &str, permits: impl Fn(&Cell) -> anyhow::Result<bool>) -> anyhow::Result<Compared> {
    let columns = columns(matrix)?;
    let (mut compared, mut differing) = (Compared::default(), Vec::new());
    for line in matrix.lines() {
        let Some((marks, method, path, permission)) = row(line, columns.len()) else { continue };
        // A route that lets no key in but the people whom it lets in.
        let people_only = marks.starts_with('0') && {
            let of = |wanted: &str| {
                columns.iter().zip(marks.chars()).find(|((name, _), _)| *name == wanted).map(|(_, mark)| mark)
            };
            of("owner, signed in") == Some('+') && of("owner's key") == Some('-')
        };
        for ((name, asker), mark) in columns.iter().zip(marks.chars()) {
            let words = format!("{name}: {method} {path} ({}) was answered `{mark}`", permission.dotted());
            let permitted = match asker.cell(permission, path, &words)? {
                Some(cell) => permits(&cell)?,
                None => false,
            };
            compared.cells += 1;
            let wall = match asker {
                Asker::Member { wall: Some(2), .. } => people_only.then_some(2),
                Asker::Member { wall, .. } => *wall,
                _ => None,
            };
            match (permitted, mark == '+', wall) {
                (true, true, _) | (false, false, _) => {}
                (true, false, Some(wall)) => compared.walls[wall] += 1,
                (false, true, _) if BY_NAME.contains(&path) && asker.is_elsewhere() => compared.by_name += 1,
                _ => differing.push(words),
            }
        }
    }
    ensure!(
        differing.is_empty(),
        "{} cells differ:\n{}",
        differing.len(),
        differing[..differing.len().min(20)].join("\n")
    );
    Ok(compared)
}

impl Compared {
    /// What was written down for nothing: walls that stood nowhere, names that let nobody in.
    pub fn idle(&self) -> Vec<&'static str> {
        let walls = WALLS.into_iter().zip(self.walls).filter(|(_, times)| *times == 0).map(|(wall, _)| wall);
        walls.chain((self.by_name == 0).then_some("what has a name in each organization")).collect()
    }
}

/// The numbered columns at the head of the matrix.
fn columns(matrix: &str) -> anyhow::Result<Vec<(&str, Asker)>> {
    let mut columns = Vec::new();
    for line in matrix.lines() {
        let Some((number, name)) = line.trim_start().split_once("  ") else { continue };
        if number.parse() == Ok(columns.len() + 1) {
            columns.push((name, Asker::of(name).with_context(|| format!("column {number}"))?));
        }
    }
    ensure!(columns.len() > 20, "the matrix has {} columns", columns.len());
    Ok(columns)
}

/// Marks, method, path and permission of a row; none for every other line, and for routes that ask for no permission.
fn row(line: &str, columns: usize) -> Option<(&str, &str, &str, Permission)> {
    let marks = line.get(..columns).filter(|marks| marks.chars().all(|mark| "+-04?".contains(mark)))?;
    let mut words = line.get(columns..)?.split_whitespace();
    let (method, path, permission) = (words.next()?, words.next()?, words.next()?);
    Some((marks, method, path, Permission::parse(permission)?))
}
