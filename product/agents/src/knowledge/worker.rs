//! The worker that reads documents: takes a job, reads the file or the site within the limits, and replaces the sections
//! in one transaction with the job's end. A crash at any point means that the job is done again with the same result.

use std::collections::HashSet;
use std::time::Duration;

use audit::{Actor, ActorKind};
use aws_lc_rs::digest::{Context, SHA256};
use identity::{Caller, Permission};
use serde_json::json;
use storage::jobs::{self, Failed, Jobs, LeasedJob};
use storage::{OrganizationDb, Timestamp, Value};
use url::Url;
use uuid::Uuid;
use vault::{Field, Keyring};
use web::live::LiveEvent;

use super::chunk::{Outline, Section};
use super::client::{CrawlError, Crawled, End, Page};
use super::crawl::PAGES_MAX;
use super::document::{self, Kind, ReadError};
use super::error::{Error, Result};
use super::index::SECTIONS_MAX;
use super::search::Knowledge;
use super::source::{DOCUMENT_SECTIONS_MAX, Document, SourceKind, State};
use super::store::{self, DOCUMENT};
use super::{html, pdf, plain};

/// The kind of these jobs.
pub const KIND: &str = "knowledge.read";
/// How often a document is tried at most.
pub const ATTEMPTS: u32 = 4;
/// How long a job stays with a worker that does not report, in seconds; a living worker reports every third of it.
pub const LEASE_SECONDS: u32 = 120;
/// Documents that one node reads at a time.
pub const WORKERS: usize = 3;
/// How often a worker looks for jobs.
const PAUSE: Duration = Duration::from_millis(500);

/// What was read of a document.
struct Reading {
    sections: Vec<Section>,
    title: Option<String>,
    pages: i64,
    remark: Option<String>,
}

/// Why nothing was read.
enum Unread {
    /// It will not get better by itself.
    Lasting(String),
    /// Trying again later may help.
    Passing(String),
    /// Ours.
    Ours(Error),
}

impl From<ReadError> for Unread {
    fn from(error: ReadError) -> Self {
        Self::Lasting(error.to_string())
    }
}

impl From<CrawlError> for Unread {
    fn from(error: CrawlError) -> Self {
        if error.is_passing() { Self::Passing(error.to_string()) } else { Self::Lasting(error.to_string()) }
    }
}

impl<E: Into<Error>> From<Ours<E>> for Unread {
    fn from(Ours(error): Ours<E>) -> Self {
        Self::Ours(error.into())
    }
}

/// Marks an error as ours, so that `?` can tell it from the document's.
struct Ours<E>(E);

impl Knowledge {
    /// Works until `stop` resolves, on up to [`WORKERS`] documents at a time: the server spawns this once.
    pub async fn work(self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = stop => {}
            _ = futures_util::future::join_all((0..WORKERS).map(|_| self.work_on())) => {}
        }
    }

    async fn work_on(&self) {
        loop {
            match self.work_once().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a document could not be worked on"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Takes one job, when one is due, and brings it to an end. True when there was one.
    pub async fn work_once(&self) -> Result<bool> {
        let platform = self.platform();
        let jobs = Jobs::new(&platform.database, platform.identifiers.clone());
        let Some(job) = jobs.claim(KIND, platform.now(), LEASE_SECONDS, 1).await?.pop() else { return Ok(false) };
        let caller = Caller::for_channel(job.organization, Actor { kind: ActorKind::System, id: None, address: None });
        let worked = tokio::select! {
            worked = self.read(&jobs, &job, &caller) => worked,
            () = self.keep(&jobs, &job) => return Ok(true),
        };
        if let Err(error) = worked {
            jobs.retry(&job, platform.now(), "the document could not be stored").await?;
            return Err(error);
        }
        Ok(true)
    }

    /// Keeps the lease while the job is worked on; ends only when another worker has it.
    async fn keep(&self, jobs: &Jobs, job: &LeasedJob) {
        let mut job = job.clone();
        loop {
            tokio::time::sleep(Duration::from_secs(u64::from(LEASE_SECONDS / 3))).await;
            // A busy database is asked again; the lease outlasts two refusals.
            if let Ok(false) = jobs.extend(&mut job, self.platform().now(), LEASE_SECONDS).await {
                return;
            }
        }
    }

    async fn read(&self, jobs: &Jobs, job: &LeasedJob, caller: &Caller) -> Result<()> {
        let database = caller.database(self.platform());
        let keyring = caller.keyring(self.platform()).await?;
        let id = Uuid::from_slice(&job.payload).map_err(|_| Error::Stored("a job"))?;
        let Some(mut document) = store::find(&database, &keyring, id).await? else {
            // Deleted meanwhile.
            jobs.complete(job).await?;
            return Ok(());
        };
        document.state = State::Reading;
        self.save_state(&database, &document, None).await?;
        match self.acquire(&database, &keyring, &document).await {
            Ok(reading) => self.finish(job, caller, &keyring, document, reading).await,
            Err(Unread::Lasting(why)) => self.give_up(Some(job), caller, document, why).await,
            Err(Unread::Passing(why)) => match jobs.retry(job, self.platform().now(), &why).await? {
                Failed::RetryAt(_) => {
                    document.state = State::Queued;
                    self.save_state(&database, &document, Some(&why)).await
                }
                Failed::Dead => self.give_up(None, caller, document, why).await,
                Failed::LeaseLost => Ok(()),
            },
            Err(Unread::Ours(error)) => Err(error),
        }
    }

    /// Reads the document's file or site.
    async fn acquire(
        &self,
        database: &OrganizationDb,
        keyring: &Keyring,
        document: &Document,
    ) -> std::result::Result<Reading, Unread> {
        if document.source == SourceKind::Url {
            return self.acquire_site(database, keyring, document).await;
        }
        let content = store::content(database, keyring, document.id).await.map_err(Ours)?;
        let bytes = content.ok_or_else(|| Unread::Lasting("Its content is gone; add it again.".to_owned()))?;
        let kind = Kind::named(&document.kind).ok_or(Ours(Error::Stored("its kind")))?;
        let (outline, pages) = if kind == Kind::Pdf {
            let pages = pdf::extract(self.program(), &bytes).await?;
            let count = pages.0.len() as i64;
            (aside(move || Ok(pages.outline())).await?, count)
        } else {
            (aside(move || document::read(kind, &bytes)).await?, 1)
        };
        if outline.is_empty() {
            return Err(ReadError::Empty.into());
        }
        let remark = outline.truncated().then(|| "It is too long: only its first part was read.".to_owned());
        let title = outline.document_title().map(str::to_owned);
        let sections = outline.sections(document.id, &document.title, None);
        Ok(Reading { sections, title, pages, remark })
    }

    async fn acquire_site(
        &self,
        database: &OrganizationDb,
        keyring: &Keyring,
        document: &Document,
    ) -> std::result::Result<Reading, Unread> {
        let address = document.url.clone().ok_or(Ours(Error::Stored("its address")))?;
        let (progress, mut heard) = tokio::sync::watch::channel((0_i64, 0_i64));
        let crawl = async move {
            let tell = |read: usize, waiting: usize| {
                // Nobody listens any more only when the whole reading is dropped.
                let _ = progress.send((read as i64, waiting as i64));
            };
            self.crawler().crawl(&address, PAGES_MAX, tell).await
        };
        let follow = async {
            let mut document = document.clone();
            while heard.changed().await.is_ok() {
                (document.pages_read, document.pages_waiting) = *heard.borrow_and_update();
                // Progress is a courtesy: the reading does not fail with it.
                let _ = self.save_state(database, &document, None).await;
            }
        };
        let (crawled, ()) = tokio::join!(crawl, follow);
        let crawled = crawled?;
        // What an outage hides is not gone: only what the site answered for replaces what was known.
        let former = if crawled.is_disturbed() {
            store::passages(database, keyring, document.id, -1, DOCUMENT_SECTIONS_MAX as i64).await.map_err(Ours)?
        } else {
            Vec::new()
        };
        let former: Vec<Section> = former.into_iter().map(|(_, section)| section).collect();
        let id = document.id;
        let reading = aside(move || Ok(site(id, &crawled, former))).await?;
        if reading.sections.is_empty() {
            return Err(ReadError::Empty.into());
        }
        Ok(reading)
    }

    /// Writes what was read, with the end of the job, in one transaction.
    async fn finish(
        &self,
        job: &LeasedJob,
        caller: &Caller,
        keyring: &Keyring,
        mut document: Document,
        mut reading: Reading,
    ) -> Result<()> {
        if reading.sections.len() > DOCUMENT_SECTIONS_MAX {
            reading.sections.truncate(DOCUMENT_SECTIONS_MAX);
            reading.remark =
                Some(format!("It is too long: only its first {DOCUMENT_SECTIONS_MAX} sections were read."));
        }
        let now = self.platform().now();
        let mut change = caller.change(self.platform(), KIND).await?;
        let Some(row) = change.get(&DOCUMENT, document.id).await? else {
            jobs::complete(&mut change, job).await?;
            return Ok(change.commit("document", Some(document.id), vec![("state", "deleted".to_owned())]).await?);
        };
        let others = store::count_other_passages(&mut change, document.agent_id, document.id).await?;
        if others + reading.sections.len() as i64 > SECTIONS_MAX as i64 {
            drop(change);
            let why = format!("This agent's documents have {SECTIONS_MAX} sections already; delete some first.");
            return self.give_up(Some(job), caller, document, why).await;
        }
        let index = content_index(keyring, &reading.sections)?;
        let changed = row.optional_bytes("content_index")?.as_ref() != Some(&index);
        if changed {
            document.version += 1;
            store::replace_passages(&mut change, keyring, document.agent_id, document.id, &reading.sections).await?;
        }
        document.state = State::Ready;
        document.failure = reading.remark;
        (document.pages_read, document.pages_waiting) = (reading.pages, 0);
        document.sections = reading.sections.len() as i64;
        let title = Field::new(&DOCUMENT, "title", document.id);
        if let (SourceKind::Url, Some(found)) = (document.source, reading.title) {
            document.title = found;
        }
        let changed_at = if changed { now } else { row.timestamp("changed_at")? };
        let mut fields = state_fields(&document, now);
        fields.extend([
            ("title", keyring.seal_text(title, &document.title)?.into()),
            ("sections", document.sections.into()),
            ("version", document.version.into()),
            ("content_index", index.into()),
            ("changed_at", changed_at.into()),
            ("read_at", now.into()),
        ]);
        change.update(&DOCUMENT, document.id, &fields).await?;
        store::forget_content(&mut change, document.id).await?;
        jobs::complete(&mut change, job).await?;
        let facts = vec![
            ("state", document.state.name().to_owned()),
            ("version", document.version.to_string()),
            ("sections", document.sections.to_string()),
        ];
        change.commit("document", Some(document.id), facts).await?;
        self.announce(&document, document.state.name());
        Ok(())
    }

    /// Notes that a document cannot be read; what was read of it before stays.
    async fn give_up(
        &self,
        job: Option<&LeasedJob>,
        caller: &Caller,
        mut document: Document,
        why: String,
    ) -> Result<()> {
        document.state = State::Failed;
        document.pages_waiting = 0;
        document.failure = Some(why);
        let mut change = caller.change(self.platform(), KIND).await?;
        change.update(&DOCUMENT, document.id, &state_fields(&document, self.platform().now())).await?;
        store::forget_content(&mut change, document.id).await?;
        if let Some(job) = job {
            jobs::complete(&mut change, job).await?;
        }
        let facts = vec![("state", document.state.name().to_owned())];
        change.commit("document", Some(document.id), facts).await?;
        self.announce(&document, document.state.name());
        Ok(())
    }

    async fn save_state(&self, database: &OrganizationDb, document: &Document, failure: Option<&str>) -> Result<()> {
        let document = Document { failure: failure.map(str::to_owned), ..document.clone() };
        let mut transaction = database.begin().await?;
        transaction.update(&DOCUMENT, document.id, &state_fields(&document, self.platform().now())).await?;
        transaction.commit().await?;
        self.announce(&document, document.state.name());
        Ok(())
    }

    /// Tells open dashboards.
    pub(crate) fn announce(&self, document: &Document, state: &str) {
        let data = json!({
            "agent_id": document.agent_id,
            "state": state,
            "pages_read": document.pages_read,
            "pages_waiting": document.pages_waiting,
            "sections": document.sections,
        });
        let event = LiveEvent::new("knowledge", Permission::KnowledgeRead, document.id, data);
        self.live().publish(document.organization, event);
    }
}

fn state_fields(document: &Document, now: Timestamp) -> Vec<(&'static str, Value)> {
    vec![
        ("state", document.state.name().into()),
        ("failure", document.failure.clone().into()),
        ("pages_read", document.pages_read.into()),
        ("pages_waiting", document.pages_waiting.into()),
        ("state_at", now.into()),
    ]
}

/// Parsing away from the threads that serve requests.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, ReadError> + Send + 'static,
) -> std::result::Result<T, Unread> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Unread::from),
        // A parser's fault must not be tried for ever: it counts against the document.
        Err(error) if error.is_panic() => Err(Unread::Lasting("The document could not be read.".to_owned())),
        Err(_) => Err(Unread::Ours(Error::Stopping)),
    }
}

/// The pages of a site as sections; text that stands on several pages (their footer) is kept once. Of `former` sections those
/// are kept for whose page the site did not answer this time.
fn site(document_id: Uuid, crawled: &Crawled, former: Vec<Section>) -> Reading {
    let pages = &crawled.pages;
    let mut seen = HashSet::new();
    let mut sections = Vec::new();
    let mut title = None;
    let mut unreadable = 0;
    for page in pages {
        let Some(outline) = page_outline(page) else {
            unreadable += 1;
            continue;
        };
        title = title.or_else(|| outline.document_title().map(str::to_owned));
        let url = page.url.to_string();
        let found = outline.sections(document_id, &url, Some(&url));
        sections.extend(found.into_iter().filter(|section| seen.insert(section.text.clone())));
    }
    let answered: HashSet<&str> = pages.iter().map(|page| &page.url).chain(&crawled.gone).map(Url::as_str).collect();
    let is_unanswered = |section: &Section| section.url.as_deref().is_some_and(|url| !answered.contains(url));
    let kept: Vec<Section> =
        former.into_iter().filter(is_unanswered).filter(|section| seen.insert(section.text.clone())).collect();
    let remark = remark(crawled, unreadable, !kept.is_empty());
    sections.extend(kept);
    Reading { sections, title, pages: pages.len() as i64, remark }
}

/// What a reading of a site left out, in words for its owner; nothing when it left out nothing.
fn remark(crawled: &Crawled, unreadable: usize, kept_former: bool) -> Option<String> {
    let mut words = Vec::new();
    match unreadable + crawled.failed {
        0 => {}
        1 => words.push("One of its pages could not be read.".to_owned()),
        many => words.push(format!("{many} of its pages could not be read.")),
    }
    let left = crawled.left;
    match crawled.end {
        End::Whole => {}
        End::Pages => words.push(format!("Only its first {PAGES_MAX} pages are read.")),
        End::Bytes => words.push(format!("It is too large: {left} more pages were not read.")),
        End::Time => words.push(format!("It answered too slowly: {left} more pages were not read.")),
        End::Failures => words.push(format!("Too many failed in a row: {left} more pages were not asked for.")),
    }
    if kept_former {
        words.push("What was known of those pages before is kept. Read it again later.".to_owned());
    }
    (!words.is_empty()).then(|| words.join(" "))
}

fn page_outline(page: &Page) -> Option<Outline> {
    let text = document::decode(&page.body).ok()?;
    if page.is_html { html::read_page(&text).ok() } else { Some(plain::read(&text)) }
}

/// A keyed digest of everything that can be quoted: equal when reading again found nothing new.
fn content_index(keyring: &Keyring, sections: &[Section]) -> Result<Vec<u8>> {
    let mut hash = Context::new(&SHA256);
    let mut add = |text: &str| {
        hash.update(&(text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    for section in sections {
        add(&section.title);
        add(&section.path.len().to_string());
        section.path.iter().for_each(|heading| add(heading));
        add(&section.text);
        add(section.url.as_deref().unwrap_or_default());
    }
    Ok(keyring.blind_index(&DOCUMENT, "content_index", &hex::encode(hash.finish()))?)
}
