//! Where a running node writes: nowhere but where the page about logs says (ASVS 16.2.3).

use std::collections::BTreeSet;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::product::Product;

/// The files that the page names, relative to the data folder; one that ends with `*` stands for all that begin so.
fn documented() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/auditor/logs.md");
    let text = std::fs::read_to_string(page).expect("the page is there");
    let section = text.split("## What a node writes").nth(1).expect("a section about files");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    rows.map(str::to_owned).collect()
}

fn is_documented(documented: &[String], path: &str) -> bool {
    documented.iter().any(|known| known.strip_suffix('*').map_or(known == path, |start| path.starts_with(start)))
}

fn files(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the data folder is ours") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, root, found);
        } else {
            found.insert(path.strip_prefix(root).expect("within").display().to_string());
        }
    }
}

/// The regular files that a process holds open for writing (proc_pid_fdinfo(5): the lowest two bits of `flags`).
fn open_for_writing(process: u32) -> Vec<PathBuf> {
    let folder = PathBuf::from(format!("/proc/{process}"));
    let entries = std::fs::read_dir(folder.join("fd")).expect("Linux lists what a process has open");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| {
            let path = std::fs::read_link(folder.join("fd").join(&name)).ok()?;
            let facts = std::fs::read_to_string(folder.join("fdinfo").join(&name)).ok()?;
            let flags = facts.lines().find_map(|line| line.strip_prefix("flags:"))?.trim().to_owned();
            let writes = u32::from_str_radix(&flags, 8).ok()? & 3 != 0;
            let kind = std::fs::metadata(&path).ok()?.file_type();
            (writes && kind.is_file() && !kind.is_char_device()).then_some(path)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_stands_where_the_page_about_logs_says() {
    // At the loudest level, with something to complain about, and with the demo's own caller.
    let product = Product::start_logging_with("trace", &[]).await;
    for path in ["/v1/agents?limit=1%27%20or%201=1--", "/v1/nothing", "/sign-in"] {
        let address = format!("{}{path}", product.facts.base_url);
        let _ = product.http.get(&address).bearer_auth("rf_live_nobody").send().await.expect("an answer");
    }
    product.get("/v1/calls").await;
    let documented = documented();
    assert!(documented.len() >= 5, "{documented:?}");
    let log = product.folder().with_extension("log");
    for path in open_for_writing(product.process()) {
        let inside = path.strip_prefix(product.folder()).map(|path| path.display().to_string());
        let known = inside.is_ok_and(|path| is_documented(&documented, &path)) || path == log;
        assert!(known, "{} is open for writing and stands on no page", path.display());
    }
    let mut found = BTreeSet::new();
    files(product.folder(), product.folder(), &mut found);
    let elsewhere: Vec<&String> = found.iter().filter(|path| !is_documented(&documented, path)).collect();
    assert!(elsewhere.is_empty(), "not on the page about logs: {elsewhere:?}");
    assert!(found.contains("ringfence.db") && !product.log().is_empty(), "{found:?}");
    let beside: BTreeSet<String> = std::fs::read_dir(product.folder().parent().expect("a folder"))
        .expect("the test's own")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let own = ["data", "data.log", "data.tmp"].map(str::to_owned);
    assert_eq!(beside, BTreeSet::from(own), "and nothing beside its folder, its journal and its temporary folder");
    let temporary = std::fs::read_dir(product.temporary()).expect("given to it").count();
    assert_eq!(temporary, 0, "nothing stays in its temporary folder");
}
