//! A command in the README or the guide that nobody runs is a promise that rots: each stands in `docs/commands.toml` with the test that runs it.

use serde::Deserialize;

use super::tree::Tree;
use super::{Fault, Rule};

/// Every documented command is run by a test.
pub const RULE: Rule =
    Rule { name: "documented-commands", promise: "every command in README and guide is run by a named test", check };
/// The README stays short.
pub const README: Rule = Rule { name: "readme-length", promise: "the README has at most 900 words", check: readme };

const LIST: &str = "docs/commands.toml";
const MOST_README_WORDS: usize = 900;
/// Fences whose lines are commands.
const FENCES: &[&str] = &["```sh", "```console", "```bash", "```shell"];

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    #[serde(default, rename = "command")]
    commands: Vec<Command>,
}

/// A command and the file of the test that runs it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    line: String,
    run_by: String,
}

fn readme(tree: &Tree) -> Vec<Fault> {
    let Some(file) = tree.file("README.md") else { return Vec::new() };
    let words = file.text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
    if words <= MOST_README_WORDS {
        return Vec::new();
    }
    vec![Fault::at(&file.path, 0, format!("has {words} words, the limit is {MOST_README_WORDS}"))]
}

fn check(tree: &Tree) -> Vec<Fault> {
    let listed: Listed = match tree.file(LIST).map(|file| toml::from_str(&file.text)) {
        None => Listed::default(),
        Some(Ok(listed)) => listed,
        Some(Err(error)) => return vec![Fault::at(LIST, 0, error.to_string())],
    };
    let mut faults = Vec::new();
    let mut written: Vec<String> = Vec::new();
    for file in tree.files.iter().filter(|file| file.path == "README.md" || is_guide(&file.path)) {
        for (number, line) in commands_in(&file.text) {
            if !listed.commands.iter().any(|command| command.line == line) {
                faults.push(Fault::at(&file.path, number, format!("`{line}` is not in {LIST}: no test runs it")));
            }
            written.push(line);
        }
    }
    for command in &listed.commands {
        if !written.contains(&command.line) {
            faults.push(Fault::at(LIST, 0, format!("`{}` is written nowhere any more", command.line)));
        }
        if !tree.has(&command.run_by) {
            faults.push(Fault::at(
                LIST,
                0,
                format!("`{}` is said to be run by {}, which does not exist", command.line, command.run_by),
            ));
        }
    }
    faults
}

fn is_guide(path: &str) -> bool {
    path.starts_with("docs/guide/") && path.rsplit('.').next() == Some("md")
}

/// The command lines in fenced blocks: a `$ ` prompt is dropped, comments and output (lines without prompt in a block that has prompts) too,
/// and a line that ends in a backslash goes on.
fn commands_in(text: &str) -> Vec<(usize, String)> {
    let mut commands = Vec::new();
    let mut block: Option<Vec<(usize, &str)>> = None;
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim();
        match &mut block {
            None if FENCES.contains(&fence) => block = Some(Vec::new()),
            None => {}
            Some(lines) if fence == "```" => {
                commands.extend(commands_of_block(lines));
                block = None;
            }
            Some(lines) => lines.push((index + 1, line.trim())),
        }
    }
    commands
}

fn commands_of_block(lines: &[(usize, &str)]) -> Vec<(usize, String)> {
    let has_prompts = lines.iter().any(|(_, line)| line.starts_with("$ "));
    let mut commands: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (number, line) in lines {
        let (is_command, words) = match line.strip_prefix("$ ") {
            Some(words) => (true, words),
            None => (!has_prompts, *line),
        };
        let words_end = words.trim_end_matches('\\').trim();
        if goes_on {
            if let Some((_, command)) = commands.last_mut() {
                command.push(' ');
                command.push_str(words_end);
            }
        } else if is_command && !words_end.is_empty() && !words_end.starts_with('#') {
            commands.push((*number, words_end.to_owned()));
        }
        goes_on = words.ends_with('\\') && (goes_on || is_command);
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::{MOST_README_WORDS, check, commands_in, readme};
    use crate::house::tree::Tree;

    const LISTED: &str = "[[command]]\nline = \"ringfence doctor\"\nrun_by = \"server/tests/guide.rs\"\n";

    #[test]
    fn reads_commands_as_a_person_would_type_them() {
        let text = "```sh\n# first\nringfence serve \\\n  --http 127.0.0.1:0\n```\n```console\n$ ringfence doctor\nall is well\n```\n```toml\nx = 1\n```\n";
        let lines: Vec<String> = commands_in(text).into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines, ["ringfence serve --http 127.0.0.1:0", "ringfence doctor"]);
    }

    #[test]
    fn a_command_that_no_test_runs_is_found() {
        let readme = "```sh\nringfence doctor\nringfence fly\n```\n";
        let tree =
            Tree::planted(&[("README.md", readme), ("docs/commands.toml", LISTED), ("server/tests/guide.rs", "")]);
        assert_eq!(check(&tree).len(), 1);
    }

    #[test]
    fn a_test_that_is_gone_and_a_command_that_is_gone_are_found() {
        assert_eq!(check(&Tree::planted(&[("README.md", "none"), ("docs/commands.toml", LISTED)])).len(), 2);
    }

    #[test]
    fn the_readme_has_its_limit() {
        assert!(readme(&Tree::planted(&[("README.md", &"word ".repeat(MOST_README_WORDS))])).is_empty());
        assert_eq!(readme(&Tree::planted(&[("README.md", &"word ".repeat(MOST_README_WORDS + 1))])).len(), 1);
    }
}
