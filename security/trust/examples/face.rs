//! Writes the page of promises with made-up evidence, to be looked at: `cargo run -p trust --example face -- FOLDER [broken]`, then serve FOLDER.

use std::path::Path;

use edge::Nonce;
use storage::{Clock, SeededEntropy, SystemClock};
use trust::finding::Figure;
use trust::page::Face;
use trust::standing::Run;
use trust::{Promise, Promises, State};

/// Runs made up for each promise.
const RUNS: i64 = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let folder = words.next().ok_or("name a folder to write to")?;
    let breaks = words.next().is_some();
    let now = SystemClock.now();
    let promises = Promises::published()?;
    let run = |place: usize, promise: &Promise, age: i64| {
        let state = match (place, age) {
            (2, 0..3) if breaks => State::Broken,
            (3, _) | (_, 17) => State::NotMeasured,
            _ => State::Holds,
        };
        let evidence = match state {
            State::Holds => {
                "Made-up words were stored as a row and as an object, and not found in any of the 14 files written since."
            }
            State::Broken => "the made-up words stand in clear in server.log; and 2 more",
            State::NotMeasured => "This process serves no HTTP, so there is nothing to ask.",
        };
        Run {
            promise: promise.id.clone(),
            state,
            evidence: evidence.to_owned(),
            figures: vec![Figure { name: "Files searched".to_owned(), value: "14".to_owned() }],
            started_at: now.plus_seconds(-30 - age * 60 * i64::from(promise.every_minutes)),
            took_microseconds: 41_000 + age * 977,
            version: "0.1.0".to_owned(),
        }
    };
    let mut runs: Vec<Run> = promises
        .all()
        .enumerate()
        .filter(|(_, promise)| promise.probe.is_some())
        .flat_map(|(place, promise)| (0..RUNS).map(move |age| run(place, promise, age)))
        .collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
    let face = Face::of(&promises, runs, now);
    let page = trust::pages::render(&face, Nonce::generate(&SeededEntropy::new(1)))?;
    let folder = Path::new(&folder);
    let assets = folder.join("assets").join(web::assets::version());
    std::fs::create_dir_all(&assets)?;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/assets"))? {
        let entry = entry?;
        std::fs::copy(entry.path(), assets.join(entry.file_name()))?;
    }
    Ok(std::fs::write(folder.join("index.html"), page)?)
}
