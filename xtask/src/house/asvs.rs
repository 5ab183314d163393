//! The OWASP Application Security Verification Standard 5.0.0, requirement by requirement (`docs/asvs.toml`): each names the tests that show it,
//! or says why it is not shown. Of what is aimed at (level 2 whole, and level 3 of the chapters named below) only a falling number may be open.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::proof::why_no_test;
use super::tree::{SourceFile, Tree};
use super::{Fault, Rule};

/// Every requirement has a test or a reason.
pub const RULE: Rule =
    Rule { name: "asvs", promise: "every ASVS 5.0.0 requirement names a test that exists, or a reason", check };

const LIST: &str = "docs/asvs.toml";
/// Requirements of version 5.0.0.
const REQUIREMENTS: usize = 345;
/// Chapters of which level 3 is aimed at, too.
const LEVEL_3_CHAPTERS: &[&str] = &["V3", "V5", "V6", "V7", "V8", "V11", "V14", "V16"];
/// Sections that ask for documentation, so that a page is the proof. Everywhere else something is asked of the software, and a page only says
/// what a test has to show.
const DOCUMENTATION: &[&str] =
    &["V2.1", "V3.1", "V5.1", "V6.1", "V7.1", "V8.1", "V11.1", "V13.1", "V14.1", "V15.1", "V16.1"];
/// What is aimed at and still open: nothing. This number never rises.
const OPEN_STILL: usize = 0;
/// A reason says something.
const SHORTEST_REASON: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Standing {
    #[serde(rename = "requirement")]
    requirements: Vec<Requirement>,
}

/// One requirement: exactly one of `tests`, `pages`, `apart` and `open` says how it stands.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    /// The id of the standard, `V3.4.1`.
    id: String,
    /// The lowest level that asks for it: 1, 2 or 3.
    level: u8,
    /// Tests that show it, as `folder/file.rs::name`.
    #[serde(default)]
    tests: Vec<String>,
    /// Where it is written: alone only for requirements on documentation.
    #[serde(default)]
    pages: Vec<String>,
    /// Why it does not apply to this product.
    #[serde(default)]
    apart: Option<String>,
    /// What is missing, or why it is not shown by a test.
    #[serde(default)]
    open: Option<String>,
    /// What a reader must know beside the tests.
    #[serde(default)]
    note: Option<String>,
}

impl Requirement {
    fn is_aimed_at(&self) -> bool {
        let chapter = self.id.split('.').next().unwrap_or_default();
        self.level <= 2 || LEVEL_3_CHAPTERS.contains(&chapter)
    }

    fn is_about_documentation(&self) -> bool {
        self.id.rsplit_once('.').is_some_and(|(section, _)| DOCUMENTATION.contains(&section))
    }

    fn faults(&self, tree: &Tree) -> Vec<String> {
        let mut faults = Vec::new();
        let said = [!self.tests.is_empty() || !self.pages.is_empty(), self.apart.is_some(), self.open.is_some()];
        if said.iter().filter(|one| **one).count() != 1 {
            faults.push("needs tests or pages, or else a reason in `apart` or `open`".to_owned());
        }
        if self.tests.is_empty() && !self.pages.is_empty() && !self.is_about_documentation() {
            faults.push("asks something of the software: a page alone does not show it, name a test".to_owned());
        }
        let reasons = [&self.apart, &self.open, &self.note];
        if reasons.iter().filter_map(|reason| reason.as_ref()).any(|reason| reason.trim().len() < SHORTEST_REASON) {
            faults.push("gives a reason that says nothing".to_owned());
        }
        faults.extend(self.tests.iter().filter_map(|test| Some(format!("{test}: {}", why_no_test(tree, test)?))));
        for page in &self.pages {
            let path = page.split('#').next().unwrap_or_default();
            if !tree.has(path) {
                faults.push(format!("{path} does not exist"));
            }
        }
        faults
    }
}

fn check(tree: &Tree) -> Vec<Fault> {
    let Some(file) = tree.file(LIST) else { return Vec::new() };
    let standing: Standing = match toml::from_str(&file.text) {
        Ok(standing) => standing,
        Err(error) => return vec![Fault::at(LIST, 0, error.to_string())],
    };
    let mut faults = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for requirement in &standing.requirements {
        let line = line_of(file, &requirement.id);
        *seen.entry(&requirement.id).or_default() += 1;
        if !(1..=3).contains(&requirement.level) {
            faults.push(Fault::at(LIST, line, format!("{} has no level", requirement.id)));
        }
        let own = requirement.faults(tree);
        faults.extend(own.into_iter().map(|what| Fault::at(LIST, line, format!("{} {what}", requirement.id))));
    }
    faults.extend(
        seen.iter().filter(|(_, count)| **count > 1).map(|(id, _)| Fault::at(LIST, 0, format!("{id} stands twice"))),
    );
    let open = standing.requirements.iter().filter(|one| one.is_aimed_at() && one.open.is_some()).count();
    if open > OPEN_STILL {
        faults.push(Fault::at(LIST, 0, format!("{open} that are aimed at may not stay open, {OPEN_STILL} did")));
    }
    if seen.len() != REQUIREMENTS {
        faults.push(Fault::at(LIST, 0, format!("has {} requirements, the standard has {REQUIREMENTS}", seen.len())));
    }
    faults
}

fn line_of(file: &SourceFile, id: &str) -> usize {
    let wanted = format!("id = \"{id}\"");
    file.lines().find(|(_, line)| line.trim() == wanted).map_or(0, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};

    use super::{DOCUMENTATION, LIST, REQUIREMENTS, RULE, Standing, Tree};

    const CODE: &str = "#[test]\nfn good() {}\nfn helper() {}\nmod tests {\n#[tokio::test]\nasync fn inner() {}\n#[test]\n#[ignore]\nfn asleep() {}\n}\n";

    fn list(tail: &str, count: usize) -> String {
        let more = (0..count).map(|number| {
            format!("[[requirement]]\nid = \"V9.9.{number}\"\nlevel = 3\nopen = \"nobody has looked at it yet\"\n")
        });
        format!("{}{tail}", more.collect::<String>())
    }

    #[test]
    fn a_page_alone_shows_documentation_only() {
        let row = |id: &str, tests: &str| {
            faults(&format!("[[requirement]]\nid = \"{id}\"\nlevel = 2\npages = [\"docs/x.md\"]\n{tests}"))
        };
        assert_eq!(row("V6.1.2", ""), Vec::<String>::new());
        for id in ["V6.2.10", "V12.1.1", "V1.1.1", "V16.10.1"] {
            let found = row(id, "");
            assert!(found.len() == 1 && found[0].contains("name a test"), "{id}: {found:?}");
            assert_eq!(row(id, "tests = [\"a.rs::good\"]\n"), Vec::<String>::new(), "{id}");
        }
    }

    fn faults(tail: &str) -> Vec<String> {
        let text = list(tail, REQUIREMENTS - 1);
        let tree = Tree::planted(&[(LIST, &text), ("a.rs", CODE), ("docs/x.md", "x")]);
        (RULE.check)(&tree).into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn tests_pages_and_reasons_are_all_right() {
        for said in [
            "level = 1\ntests = [\"a.rs::good\", \"a.rs::inner\"]",
            "level = 2\ntests = [\"a.rs::good\"]\npages = [\"docs/x.md#there\"]",
            "level = 2\napart = \"there is no such thing in this product\"",
            "level = 3\nopen = \"a hardware module is nothing software can bring\"",
        ] {
            let found = faults(&format!("[[requirement]]\nid = \"V1.1.1\"\n{said}\n"));
            assert!(found.is_empty(), "{said}: {found:?}");
        }
    }

    #[test]
    fn what_shows_nothing_is_a_fault() {
        for (said, word) in [
            ("level = 1", "needs tests"),
            ("level = 1\ntests = [\"a.rs::gone\"]", "no such function"),
            ("level = 1\ntests = [\"b.rs::good\"]", "no such file"),
            ("level = 1\ntests = [\"a.rs::helper\"]", "is no test"),
            ("level = 1\ntests = [\"a.rs::asleep\"]", "is ignored"),
            ("level = 1\ntests = [\"a.rs::good\"]\npages = [\"docs/y.md\"]", "does not exist"),
            ("level = 1\napart = \"no\"", "says nothing"),
            ("level = 4\napart = \"there is no such thing in this product\"", "has no level"),
            ("level = 1\ntests = [\"a.rs::good\"]\napart = \"there is no such thing in this product\"", "needs tests"),
        ] {
            let found = faults(&format!("[[requirement]]\nid = \"V1.1.1\"\n{said}\n"));
            assert!(found.len() == 1 && found[0].contains(word), "{said}: {found:?}");
        }
    }

    #[test]
    fn no_more_stays_open_of_what_is_aimed_at() {
        let open = |number| {
            format!("[[requirement]]\nid = \"V6.1.{number}\"\nlevel = 3\nopen = \"still to be shown by somebody\"\n")
        };
        let text = |count: usize| list(&(0..count).map(open).collect::<String>(), REQUIREMENTS - count);
        let count = |text: &str| (RULE.check)(&Tree::planted(&[(LIST, text)])).len();
        assert_eq!((count(&text(super::OPEN_STILL)), count(&text(super::OPEN_STILL + 1))), (0, 1));
    }

    #[test]
    fn a_forgotten_or_doubled_requirement_is_a_fault() {
        assert!(faults("").iter().any(|what| what.contains("345")));
        let twice = list("", REQUIREMENTS) + &list("", 1);
        let found = (RULE.check)(&Tree::planted(&[(LIST, &twice)]));
        assert!(found.iter().any(|fault| fault.what.contains("stands twice")), "{found:?}");
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root")
    }

    /// The requirements of the standard itself, where they stand beside the project.
    fn standard(test: &str) -> Option<serde_json::Value> {
        let sets = std::env::var_os("RINGFENCE_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
        let Ok(text) = std::fs::read_to_string(sets.join("asvs/asvs-5.0.0.flat.json")) else {
            println!("not measured: {test}: the standard is not beside the project");
            return None;
        };
        Some(serde_json::from_str(&text).expect("the standard can be read"))
    }

    #[test]
    fn sections_on_documentation_are_those_of_the_standard() {
        let Some(standard) = standard("sections_on_documentation_are_those_of_the_standard") else { return };
        let requirements = standard["requirements"].as_array().expect("a list");
        let sections: BTreeSet<&str> = requirements
            .iter()
            .filter(|one| one["section_name"].as_str().is_some_and(|name| name.contains("Documentation")))
            .filter_map(|one| one["section_id"].as_str())
            .collect();
        assert_eq!(DOCUMENTATION.iter().copied().collect::<BTreeSet<_>>(), sections);
    }

    #[test]
    fn ids_and_levels_are_those_of_the_standard() {
        let Some(standard) = standard("ids_and_levels_are_those_of_the_standard") else { return };
        let wanted: BTreeMap<String, u8> = standard["requirements"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| {
                let level = one["L"].as_str().and_then(|level| level.parse().ok()).expect("a level");
                (one["req_id"].as_str().expect("an id").to_owned(), level)
            })
            .collect();
        let own = std::fs::read_to_string(root().join(LIST)).expect("the list is there");
        let own: Standing = toml::from_str(&own).expect("the list can be read");
        let own: BTreeMap<String, u8> = own.requirements.into_iter().map(|one| (one.id, one.level)).collect();
        assert_eq!(own, wanted);
    }
}
