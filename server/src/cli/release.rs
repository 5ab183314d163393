//! `ringfence release`: what is known of versions and weaknesses, what this binary is made of, and the evidence of a release.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use audit::checkpoint::{MAXIMUM_NOTE_LENGTH, VerifierKey};
use clap::{Args, Subcommand};
use storage::SystemEntropy;
use trust::release::client::sha256_of;
use trust::release::{self, Components, PRODUCT, ReleaseEvidence, ReleaseList, SigningKey};
use zeroize::Zeroizing;

use super::{Answer, Node, complain, say};
use crate::wiring::House;

/// The signed note beside the files of a release.
const EVIDENCE: &str = "evidence.note";
/// Only its owner reads a key.
const KEY_MODE: u32 = 0o600;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read the signed list of releases now: is a newer version out, has this one a known weakness?
    Check {
        #[command(flatten)]
        node: Node,
    },
    /// Print every crate that is built into this binary, with its version
    Components,
    /// Check the evidence of a release: who signed it, and that each file is the one that was tested
    Verify {
        /// The folder with `evidence.note` and the files
        folder: PathBuf,
        /// The publisher's public key: name+id+key
        #[arg(long)]
        key: VerifierKey,
    },
    /// Make a key to sign lists and evidence with, and print its public half
    Key {
        /// Its name, which stands in every note: an address or a path of yours, without spaces
        name: String,
        /// The file to write the secret half to; it must not exist
        #[arg(long)]
        out: PathBuf,
    },
    /// Sign the text of a list or of evidence, and print the note
    Sign {
        /// The file of the text
        text: PathBuf,
        /// The file of the key
        #[arg(long)]
        key_file: PathBuf,
    },
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    match arguments.command {
        Command::Check { node } => check(&node).await,
        Command::Components => {
            say(Components::of_this_binary().text().trim_end());
            Ok(Answer::Good)
        }
        Command::Verify { folder, key } => verify(&folder, &key),
        Command::Key { name, out } => make_key(&name, &out),
        Command::Sign { text, key_file } => sign(&text, &key_file),
    }
}

async fn check(node: &Node) -> anyhow::Result<Answer> {
    let settings = node.existing()?;
    let watch = settings.releases.watch()?;
    let watch = watch.context("no list is set: name its key and address under [releases] in the settings")?;
    let house = House::open(settings).await?;
    let looked = watch.look(&house.platform).await;
    house.platform.database.close().await;
    match looked {
        Ok(list) => Ok(judge(&list)),
        Err(reason) => {
            complain(&format!("the list of releases was not taken: {reason}"));
            Ok(Answer::NotSo)
        }
    }
}

fn judge(list: &ReleaseList) -> Answer {
    let version = release::version();
    let issued = web::instant::to_rfc3339(list.issued_at);
    say(&format!("{PRODUCT} {version}; list {} of {issued}, signed", list.serial));
    match list.newer_than(&version) {
        Some(newer) => say(&format!("{newer} is out")),
        None => say("no newer version is out"),
    }
    let affected = list.affecting(&version, &Components::of_this_binary());
    for weak in &affected {
        say(&format!("WEAK   {} {} has {}", weak.component, weak.version, weak.id));
    }
    if affected.is_empty() {
        say(&format!("none of {} known weaknesses is in this binary", list.weaknesses()));
    }
    if affected.is_empty() { Answer::Good } else { Answer::NotSo }
}

fn verify(folder: &Path, key: &VerifierKey) -> anyhow::Result<Answer> {
    let evidence = match ReleaseEvidence::open(key, &read(&folder.join(EVIDENCE))?) {
        Ok(evidence) => evidence,
        Err(reason) => {
            complain(&format!("the evidence is not believed: {reason}"));
            return Ok(Answer::NotSo);
        }
    };
    say(&format!("signed by {}", key.name()));
    for (word, fact) in &evidence.facts {
        say(&format!("{word} {fact}"));
    }
    let mut good = true;
    for (hash, name) in &evidence.files {
        let found = sha256_of(&folder.join(name));
        let mark = match &found {
            Ok(found) if found == hash => "same  ",
            Ok(_) => "OTHER ",
            Err(_) => "GONE  ",
        };
        good &= found.is_ok_and(|found| found == *hash);
        say(&format!("{mark} {name}"));
    }
    Ok(if good { Answer::Good } else { Answer::NotSo })
}

fn make_key(name: &str, out: &Path) -> anyhow::Result<Answer> {
    let key = SigningKey::make(name, &SystemEntropy).context("a name has no spaces and no `+`")?;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(KEY_MODE).open(out);
    let mut file = file.with_context(|| format!("{} cannot be made", out.display()))?;
    file.write_all(key.to_text().as_bytes())?;
    file.sync_all()?;
    say(&key.verifier_key().to_string());
    Ok(Answer::Good)
}

fn sign(text: &Path, key_file: &Path) -> anyhow::Result<Answer> {
    let key = Zeroizing::new(read(key_file)?);
    let key = SigningKey::parse(&key).with_context(|| format!("{} holds no key for signing", key_file.display()))?;
    let name = key.verifier_key().name().to_owned();
    match key.sign(&read(text)?) {
        Some(note) => say(note.trim_end()),
        None => bail!(
            "a text to sign begins with the line `{name}`, has no empty line, and ends with a line break; evidence that says \
             `advisories not looked up` is not signed: run the tests with RINGFENCE_ADVISORIES set to a clone of the database"
        ),
    }
    Ok(Answer::Good)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let file = path.display();
    let length = std::fs::metadata(path).with_context(|| format!("{file}"))?.len();
    ensure!(length <= MAXIMUM_NOTE_LENGTH as u64, "{file} is larger than a signed note can be");
    std::fs::read_to_string(path).with_context(|| format!("{file}"))
}
