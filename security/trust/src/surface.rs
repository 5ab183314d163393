//! The registry of surfaces: every way into the product and out of it, and what stands before it.
//!
//! The list stands in `surfaces.toml` and is shown on the trust page. Tests of the whole product and the probe `surfaces`
//! compare it with what the program really has; what no row names is a fault.

use std::fmt::{Display, Formatter};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

const TEXT: &str = include_str!("../surfaces.toml");

/// What kind of way it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A path of the HTTP listener.
    Route,
    /// A path of the operators' own listener.
    OperatorRoute,
    /// A method of SIP.
    SipMethod,
    /// A command of the binary.
    Command,
    /// An open port.
    Listener,
    /// A source file that reaches out of the process.
    Client,
}

impl Display for Kind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Route => "Web addresses",
            Self::OperatorRoute => "Addresses of the operators' pages",
            Self::SipMethod => "SIP methods",
            Self::Command => "Commands",
            Self::Listener => "Ports",
            Self::Client => "Ways out",
        })
    }
}

/// Some surfaces of one kind, with what stands before them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// What kind.
    pub kind: Kind,
    /// What people call them.
    pub title: String,
    /// Their names; one that ends with `*` stands for everything that begins so.
    pub names: Vec<String>,
    /// What stands before them.
    pub controls: Vec<String>,
}

impl Surface {
    fn names(&self, name: &str) -> bool {
        self.names.iter().any(|known| stands_for(known, name))
    }
}

/// Does this name of a row stand for that surface?
fn stands_for(known: &str, name: &str) -> bool {
    match known.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => known == name,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    surface: Vec<Surface>,
}

/// Reads a registry.
///
/// # Errors
/// What of the text cannot be read.
pub fn parse(text: &str) -> Result<Vec<Surface>, toml::de::Error> {
    toml::from_str::<File>(text).map(|file| file.surface)
}

/// The registry of this version; empty only if the file in the binary could not be read, which a test rules out.
pub fn all() -> &'static [Surface] {
    static ALL: LazyLock<Vec<Surface>> = LazyLock::new(|| parse(TEXT).unwrap_or_default());
    &ALL
}

/// The names that no row of this kind has, each once.
pub fn unmapped<'a>(registry: &[Surface], kind: Kind, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let of_kind: Vec<&Surface> = registry.iter().filter(|surface| surface.kind == kind).collect();
    let mut missing: Vec<String> = Vec::new();
    for name in names {
        let is_known = of_kind.iter().any(|surface| surface.names(name));
        if !is_known && !missing.iter().any(|known| known == name) {
            missing.push(name.to_owned());
        }
    }
    missing
}

/// The names of rows of this kind that stand for nothing that there is: what has gone, or was never made.
pub fn unused(registry: &[Surface], kind: Kind, names: &[&str]) -> Vec<String> {
    let known = registry.iter().filter(|surface| surface.kind == kind).flat_map(|surface| &surface.names);
    known.filter(|known| !names.iter().any(|name| stands_for(known, name))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_reads_and_each_row_says_something() {
        let registry = parse(TEXT).expect("surfaces.toml reads");
        for surface in &registry {
            assert!(!surface.names.is_empty() && !surface.controls.is_empty(), "{}", surface.title);
            assert!(
                !surface.names.iter().any(|name| name == "*" || name == "/*"),
                "{}: everything is nothing",
                surface.title
            );
            // A new file that reaches out is looked at by somebody, whatever its folder.
            let is_broad = surface.kind == Kind::Client && surface.names.iter().any(|name| name.contains('*'));
            assert!(!is_broad, "{}: name each file", surface.title);
        }
        let kinds = [Kind::Route, Kind::OperatorRoute, Kind::SipMethod, Kind::Command, Kind::Listener, Kind::Client];
        for kind in kinds {
            assert!(registry.iter().any(|surface| surface.kind == kind), "{kind}");
        }
        assert_eq!(all(), registry.as_slice());
    }

    #[test]
    fn names_that_stand_for_nothing_are_found() {
        let text = "[[surface]]\nkind = \"route\"\ntitle = \"a\"\nnames = [\"/a\", \"/b/*\", \"/gone\", \"/past*\"]\ncontrols = [\"c\"]";
        let registry = parse(text).expect("reads");
        assert_eq!(unused(&registry, Kind::Route, &["/a", "/b/1", "/a/past"]), ["/gone", "/past*"]);
        assert_eq!(unused(&registry, Kind::Command, &["/a"]), Vec::<String>::new(), "another kind");
    }

    #[test]
    fn what_no_row_names_is_found() {
        let text = "[[surface]]\nkind = \"route\"\ntitle = \"a\"\nnames = [\"/a\", \"/b/*\"]\ncontrols = [\"c\"]";
        let registry = parse(text).expect("reads");
        let missing = unmapped(&registry, Kind::Route, ["/a", "/a/b", "/b/1", "/b", "/c", "/c"]);
        assert_eq!(missing, ["/a/b", "/b", "/c"]);
        assert_eq!(unmapped(&registry, Kind::Command, ["/a"]), ["/a"], "another kind");
        assert!(parse("[[surface]]\nkind = \"tunnel\"\ntitle = \"\"\nnames = []\ncontrols = []").is_err());
    }
}
