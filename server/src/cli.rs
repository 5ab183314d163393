//! The command line: what can be asked of the binary, and which exit code each outcome has.

mod audit;
mod call;
mod demo;
mod doctor;
pub(crate) mod key;
mod openapi;
mod operator;
mod organization;
mod passwords;
mod release;
mod serve;
mod user;
mod vault;
mod verify;
mod who_can;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::config::Settings;
use crate::wiring::embedded_database;

/// The thing asked about is not so.
const NOT_SO: u8 = 1;
/// Wrong use, or it could not be looked at or done: a script must never take that for an answer.
const COULD_NOT: u8 = 2;

/// AI agents that answer a business's phone and website chat, on its own server, with a security page that proves itself.
#[derive(Parser)]
#[command(name = "ringfence", version, arg_required_else_help = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve an organization: dashboard, API, widget and phone
    Serve(serve::Arguments),
    /// Start a sample dental practice on this machine only, with something to show
    Demo(demo::Arguments),
    /// Look at settings, data, keys, ports and the machine, and say what to do about each fault
    Doctor(doctor::Arguments),
    /// Call a SIP address: a small phone with WAV files for mouth and ears
    Call(call::Arguments),
    /// Run every probe of the trust page, or replay a conversation
    Verify(verify::Arguments),
    /// The audit log, without the server
    Audit(audit::Arguments),
    /// API keys, without the server
    Key(key::Arguments),
    /// People, without the server
    User(user::Arguments),
    /// Organizations of this installation, without the server
    Organization(organization::Arguments),
    /// The keys that seal the data: rotate them, seal an organization, look through everything
    Vault(vault::Arguments),
    /// The set of breached passwords that nobody may choose
    Passwords(passwords::Arguments),
    /// News of versions and weaknesses, and the evidence of a release
    Release(release::Arguments),
    /// Operators of this installation, without the server
    Operator(operator::Arguments),
    /// Which roles hold a permission, and who has them
    WhoCan(who_can::Arguments),
    /// Print the description of the API (OpenAPI 3.1)
    Openapi,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Read a PDF from standard input and write its text: the product starts itself this way, so that a hostile file
    /// can take nothing down
    #[command(hide = true, name = "read-pdf")]
    ReadPdf,
}

/// What every command needs that works on a node's data.
#[derive(Args, Clone, Default)]
pub(crate) struct Node {
    /// Settings file (TOML)
    #[arg(long, env = "RINGFENCE_SETTINGS")]
    settings: Option<PathBuf>,
    /// Data folder
    #[arg(long, env = "RINGFENCE_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Address of dashboard, API and widget; port 0 picks a free one
    #[arg(long, env = "RINGFENCE_HTTP")]
    http: Option<SocketAddr>,
    /// Address of SIP over UDP and TCP; port 0 picks a free one
    #[arg(long, env = "RINGFENCE_SIP")]
    sip: Option<SocketAddr>,
    /// Rows are in this PostgreSQL (`postgres://role@host/database`, or `file:PATH` of a file that says so), not in the data
    /// folder
    #[arg(long, env = "RINGFENCE_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

impl Node {
    /// The settings: file, then environment and command line over it.
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings::load(self.settings.as_deref())?;
        if let Some(data_dir) = &self.data_dir {
            settings.data_dir.clone_from(data_dir);
        }
        settings.http = self.http.unwrap_or(settings.http);
        settings.sip = self.sip.unwrap_or(settings.sip);
        if let Some(url) = given(self.database_url.as_ref()) {
            settings.database_url.clone_from(url);
        }
        settings.check()?;
        Ok(settings)
    }

    /// The same for commands that need the folder alone, before or after the first start.
    fn with_folder(&self) -> anyhow::Result<Settings> {
        let settings = self.settings()?;
        let folder = settings.data_dir.display();
        anyhow::ensure!(settings.data_dir.is_dir(), "there is no data folder {folder}; name it with --data-dir");
        Ok(settings)
    }

    /// The same for commands that look at data which must be there already. What PostgreSQL holds is seen when it is opened.
    fn existing(&self) -> anyhow::Result<Settings> {
        let settings = self.with_folder()?;
        let folder = settings.data_dir.display();
        anyhow::ensure!(
            has_data(&settings),
            "there is no data of an installation in {folder}; name the right folder with --data-dir, or let `ringfence serve` make it"
        );
        Ok(settings)
    }
}

/// Whether the data folder is there, with the database where that is embedded.
fn has_data(settings: &Settings) -> bool {
    settings.data_dir.is_dir() && embedded_database(settings).is_none_or(|file| file.is_file())
}

/// Reads one of these words as what it stands for; others are refused with the words that there are.
fn one_of<Meant: Clone + Send + Sync + 'static>(
    words: impl IntoIterator<Item = &'static str> + 'static,
    parse: fn(&str) -> Option<Meant>,
) -> impl TypedValueParser<Value = Meant> {
    PossibleValuesParser::new(words).try_map(move |word| parse(&word).ok_or("there is no such word"))
}

/// An option that was given; an empty variable is none.
fn given(option: Option<&String>) -> Option<&String> {
    option.filter(|text| !text.is_empty())
}

/// Reads the command line, does what it says.
pub fn run() -> ExitCode {
    // Before anything else is read, so that it holds for every command there is and will be.
    if std::env::args_os().any(|word| is_secret(&word.to_string_lossy())) {
        complain(
            "an API key or a password stands on the command line, where every user of this machine can read it; put it into a file or a variable",
        );
        return ExitCode::from(COULD_NOT);
    }
    let command = CommandLine::parse().command;
    let outcome = match command {
        Command::Openapi => openapi::print(),
        Command::Completions { shell } => Ok(completions(shell)),
        Command::ReadPdf => return agents::knowledge::pdf::child_main(),
        Command::Call(arguments) => on_runtime(call::run(arguments)),
        Command::Serve(arguments) => on_runtime(serve::run(arguments)),
        Command::Demo(arguments) => on_runtime(demo::run(arguments)),
        Command::Doctor(arguments) => on_runtime(doctor::run(arguments)),
        Command::Verify(arguments) => on_runtime(verify::run(arguments)),
        Command::Audit(arguments) => on_runtime(audit::run(arguments)),
        Command::Key(arguments) => on_runtime(key::run(arguments)),
        Command::User(arguments) => on_runtime(user::run(arguments)),
        Command::Organization(arguments) => on_runtime(organization::run(arguments)),
        Command::Vault(arguments) => on_runtime(vault::run(arguments)),
        Command::Passwords(arguments) => passwords::run(arguments),
        Command::Release(arguments) => on_runtime(release::run(arguments)),
        Command::Operator(arguments) => on_runtime(operator::run(arguments)),
        Command::WhoCan(arguments) => match who_can::check(&arguments) {
            Ok(()) => on_runtime(who_can::run(arguments)),
            Err(wrong_use) => return wrong_use,
        },
    };
    match outcome {
        Ok(Answer::Good) => ExitCode::SUCCESS,
        Ok(Answer::NotSo) => ExitCode::from(NOT_SO),
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(COULD_NOT)
        }
    }
}

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All is well.
    Good,
    /// The thing asked about is not so.
    NotSo,
}

/// How our own secrets begin: keys of programs, sessions of support and of operators. No command takes them, and the log masks them.
pub(crate) const SECRET_PREFIXES: [&str; 4] =
    ["rf_live_", "rf_test_", identity::support::TOKEN_PREFIX, identity::token::OPERATOR_PREFIX];

/// Whether a word of the command line looks like one of our own secrets, or holds the password of a database (promise S7:
/// secrets come from files or variables).
fn is_secret(word: &str) -> bool {
    word.len() > 20 && SECRET_PREFIXES.iter().any(|prefix| word.contains(prefix)) || has_database_password(word)
}

/// Whether it is an address of PostgreSQL with a password in it (`postgres://role:password@host`, `…?password=`).
fn has_database_password(word: &str) -> bool {
    let Some((before, rest)) = word.split_once("://") else { return false };
    let is_database = before.ends_with("postgres") || before.ends_with("postgresql");
    is_database && (rest.rsplit_once('@').is_some_and(|(role, _)| role.contains(':')) || rest.contains("password="))
}

fn on_runtime(work: impl Future<Output = anyhow::Result<Answer>>) -> anyhow::Result<Answer> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

fn completions(shell: clap_complete::Shell) -> Answer {
    clap_complete::generate(shell, &mut CommandLine::command(), "ringfence", &mut std::io::stdout().lock());
    Answer::Good
}

/// Writes a line for the person at the terminal. A closed pipe is the reader's choice, not our fault.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a complaint.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "ringfence: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn options_win_over_the_defaults() {
        let node = Node { data_dir: Some("x".into()), http: "127.0.0.1:0".parse().ok(), ..Node::default() };
        let settings = node.settings().expect("valid");
        assert_eq!((settings.data_dir.to_str(), settings.http.port(), settings.sip.port()), (Some("x"), 0, 5060));
    }

    #[test]
    fn every_role_that_there_is_can_be_named_and_no_other() {
        let taken = |words: &[&str]| CommandLine::try_parse_from(["ringfence"].iter().chain(words)).map(|_| ());
        for role in identity::Role::ALL.map(identity::Role::as_str) {
            taken(&["key", "create", "--name", "x", "--role", role]).expect(role);
        }
        let operator = ["operator", "create", "--name", "x", "--email", "x@y.example", "--role"];
        for role in ::operator::OperatorRole::ALL.map(::operator::OperatorRole::as_str) {
            taken(&[&operator[..], &[role]].concat()).expect(role);
        }
        for words in
            [&["key", "create", "--name", "x", "--role", "king"][..], &[&operator[..], &["owner"]].concat()[..]]
        {
            let refused = taken(words).expect_err("no such role").to_string();
            assert!(refused.contains("admin"), "the roles that there are: {refused}");
        }
    }

    #[test]
    fn keys_on_the_command_line_are_recognised() {
        assert!(is_secret("--key=rf_live_0123456789abcdefghij") && !is_secret("rf_live_") && !is_secret("--data-dir"));
        for prefix in SECRET_PREFIXES {
            assert!(is_secret(&format!("{prefix}0123456789abcdefghij")), "{prefix}");
        }
    }

    #[test]
    fn the_password_of_a_database_is_recognised() {
        for word in [
            "postgres://ringfence:made-up@host/x",
            "--database-url=postgresql://r:p/w@h:1/x",
            "postgres://h/x?password=p",
        ] {
            assert!(is_secret(word), "{word}");
        }
        for word in ["postgres://ringfence@host:5432/x", "file:/etc/ringfence/database", "https://a:b@desk.example"] {
            assert!(!is_secret(word), "{word}");
        }
    }

    #[test]
    fn no_command_takes_a_secret_as_an_argument() {
        fn walk(command: &clap::Command, faults: &mut Vec<String>) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                if ["password", "secret", "token", "api_key", "root_key"].iter().any(|word| name.contains(word)) {
                    faults.push(format!("{} --{name}", command.get_name()));
                }
            }
            command.get_subcommands().for_each(|command| walk(command, faults));
        }
        let mut faults = Vec::new();
        walk(&CommandLine::command(), &mut faults);
        assert!(faults.is_empty(), "secrets come from files, variables or standard input: {faults:?}");
    }
}
