//! The rule set, read from beside the project.

use std::path::PathBuf;

use seclang::{RuleSet, Source};

/// The set-up that the regression README of CRS asks for.
const TEST_SET_UP: &str = r#"
SecAction "id:900005,phase:1,nolog,pass,ctl:ruleEngine=DetectionOnly,ctl:ruleRemoveById=910000,\
    setvar:tx.blocking_paranoia_level=4,setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_name_length=100,\
    setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_num_args=255,\
    setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535"
"#;

/// The rules that the product brings and runs where nothing else is set.
const OWN: &str = include_str!("../../../../security/edge/src/firewall/pack.conf");

/// Where the shared data lies.
pub fn shared() -> PathBuf {
    std::env::var_os("RINGFENCE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from)
}

/// DetectionOnly at paranoia 4.
pub fn in_test_set_up() -> Option<RuleSet> {
    compiled(TEST_SET_UP)
}

/// As it comes: blocking, paranoia 1, threshold 5.
pub fn as_it_comes() -> Option<RuleSet> {
    compiled("")
}

/// The product's own rules, blocking.
pub fn own() -> RuleSet {
    RuleSet::compile(&[Source { name: "pack.conf", text: OWN }], &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn compiled(set_up: &str) -> Option<RuleSet> {
    let folder = shared().join("crs");
    let example = std::fs::read_to_string(folder.join("crs-setup.conf.example")).ok()?;
    let read = |extension: &str| {
        let entries = std::fs::read_dir(folder.join("rules")).expect("the rules' folder");
        let mut files: Vec<(String, String)> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|own| own == extension))
            .map(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (name, std::fs::read_to_string(&path).expect("a file of the rule set"))
            })
            .collect();
        files.sort();
        files
    };
    let (rules, data) = (read("conf"), read("data"));
    let mut all = vec![("crs-setup.conf".to_owned(), example), ("set-up".to_owned(), set_up.to_owned())];
    all.extend(rules);
    Some(RuleSet::compile(&sources(&all), &sources(&data)).unwrap_or_else(|error| panic!("{error}")))
}

fn sources(files: &[(String, String)]) -> Vec<Source<'_>> {
    files.iter().map(|(name, text)| Source { name, text }).collect()
}
