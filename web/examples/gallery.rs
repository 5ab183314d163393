//! Renders the look with sample data, to be looked at: `cargo run -p web --example gallery -- FOLDER`, then serve FOLDER.

use std::path::Path;

use askama::Template;
use edge::Nonce;
use storage::{SeededEntropy, Timestamp};
use web::chart::{Bar, Chart};
use web::chip::{Chip, Tone};
use web::moment::Moment;
use web::shell::{Nav, ProblemPage, Shell, SignInPage};
use web::waveform::{Peaks, Waveform};

// One list of values serves all samples; no sample shows them all.
macro_rules! samples {
    ($($name:ident $path:literal),*) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        #[allow(dead_code, reason = "no sample shows every value")]
        struct $name {
            shell: Shell,
            chart: Chart,
            waveform: Waveform,
            moment: Moment,
            moment_time: Moment,
            live: Chip,
            waiting: Chip,
            good: Chip,
            bad: Chip,
            over: Chip,
            draft: Chip,
        }

        impl $name {
            fn page(shell: Shell) -> Result<String, askama::Error> {
                let at = Timestamp(1_795_349_029_000_000);
                Self {
                    shell,
                    chart: chart(),
                    waveform: waveform(),
                    moment: Moment::new(at),
                    moment_time: Moment::time(at),
                    live: Chip::new(Tone::Live, "Live"),
                    waiting: Chip::new(Tone::Wait, "Waits for a person"),
                    good: Chip::new(Tone::Good, "Settled"),
                    bad: Chip::new(Tone::Bad, "Failed: no audio"),
                    over: Chip::new(Tone::Done, "Ended"),
                    draft: Chip::new(Tone::Draft, "Draft"),
                }
                .render()
            }
        }
    )*};
}
samples!(Overview "overview.html", Inbox "inbox.html", Call "call.html", Forms "forms.html");

fn chart() -> Chart {
    let values = [0, 0, 0, 0, 0, 1, 2, 5, 9, 12, 8, 6, 4, 7, 3];
    let bar = |(hour, value): (usize, &u64)| Bar { label: format!("{hour:02}"), value: *value, live: hour == 14 };
    Chart::new("Today, by the hour", "conversations", "Hour", values.iter().enumerate().map(bar).collect())
}

fn waveform() -> Waveform {
    let channel = |phase: u32| -> Vec<u8> {
        let level = |step: u32| {
            let speaks = (step / 37 + phase).is_multiple_of(2);
            if speaks { u8::try_from((step * step * 7919 + step * 104_729) % 200 + 30).unwrap_or(0) } else { 2 }
        };
        (0..400).map(level).collect()
    };
    Waveform::new(Peaks { caller: channel(0), agent: channel(1) }, 1350)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder to write to")?;
    let folder = Path::new(&folder);
    let nonce = Nonce::generate(&SeededEntropy::new(1));
    let shell = |title: &str, nav| Shell::new(title, nav, nonce.clone(), "Brightwater Dental", "Ada Okafor");
    let alone = |title: &str| Shell::alone(title, nonce.clone());
    let problem = ProblemPage {
        shell: alone("There is nothing here"),
        status: 404,
        detail: "The address is wrong, or what stood here belongs to somebody else. Both look the same, on purpose."
            .to_owned(),
        next_address: "/".to_owned(),
        next_word: "To the overview".to_owned(),
    };
    let sign_in = SignInPage {
        shell: alone("Sign in"),
        email: String::new(),
        error: "E-mail or password is not right.".to_owned(),
    };
    let pages = [
        ("overview", Overview::page(shell("Overview", Nav::Overview))?),
        ("inbox", Inbox::page(shell("Inbox", Nav::Inbox))?),
        ("call", Call::page(shell("Call", Nav::Calls))?),
        ("forms", Forms::page(shell("Settings", Nav::Settings).telling("The session was ended."))?),
        ("sign_in", sign_in.render()?),
        ("problem", problem.render()?),
    ];
    let assets = folder.join("assets").join(web::assets::version());
    std::fs::create_dir_all(&assets)?;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/assets"))? {
        let entry = entry?;
        std::fs::copy(entry.path(), assets.join(entry.file_name()))?;
    }
    for (name, markup) in pages {
        std::fs::write(folder.join(format!("{name}.html")), markup)?;
    }
    Ok(())
}
