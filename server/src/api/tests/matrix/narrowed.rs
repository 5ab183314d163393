//! What the answers of a real node hold, for support: nothing of an object that was not granted, and nothing that stands under
//! another permission than those that were.
//!
//! The matrix beside this holds who is let in; this holds what they then see.

use contacts::Details;
use conversations::{Channel, Conversations, Input, OpenRequest};
use identity::founding::{self, Founding};
use identity::support::{self, NewGrant, Operator, Scope};
use identity::testing::{PASSWORD, seat};
use identity::{Authenticator, Caller, Environment, MembershipState, Permission, Platform, Presented, Role};
use storage::{OrganizationId, Timestamp};
use telephony::record::{Direction, RecordingKind, RecordingState};
use telephony::store::{calls, recordings};
use uuid::Uuid;
use web::RouteRule;
use web::phone_number::PhoneNumber;

use super::{Node, node};

const DOCUMENT: &str = "Prices of the winter season";
const ASKED: &str = "Could a purple giraffe be examined";
const WIDGET: &str = "The garden gate";

/// Somebody who called: the conversation, the call and its recording, and the contact.
struct Called {
    number: String,
    name: &'static str,
    contact: Uuid,
    conversation: Uuid,
    call: Uuid,
    recording: Uuid,
}

impl Called {
    /// What must not be told of them to whoever may not look at them: identifiers, name and number, also as it is shown.
    fn traces(&self) -> Vec<String> {
        let ids = [self.contact, self.conversation, self.call, self.recording].map(|id| id.to_string());
        let shown = PhoneNumber(self.number.clone()).to_string();
        ids.into_iter().chain([self.number.clone(), shown, self.name.to_owned()]).collect()
    }
}

/// An organization with an agent that knows something, a widget, and two people who called.
struct Practice {
    platform: Platform,
    owner: Caller,
    agent: Uuid,
    document: Uuid,
    widget: Uuid,
    first: Called,
    second: Called,
}

async fn owner(platform: &Platform, organization: OrganizationId) -> Caller {
    let seat = seat(platform, organization, Role::Owner, MembershipState::Active).await;
    let presented = Presented { session: Some(seat.session.reveal()), ..Presented::default() };
    Authenticator::new(platform.clone()).authenticate(presented).await.expect("asked").expect("an owner is let in")
}

/// One call that was answered, spoken on and recorded.
async fn called(
    platform: &Platform,
    conversations: &Conversations,
    owner: &Caller,
    agent: Uuid,
    who: (&'static str, &str),
) -> Called {
    let (organization, (name, number)) = (owner.organization(), who);
    let channel = Channel::Phone {
        call_id: name.to_owned(),
        from: Some(number.to_owned()),
        to: "practice".to_owned(),
        reads_aloud: true,
    };
    let request = OpenRequest { organization, agent_id: agent, channel, contact_id: None, address: None };
    let opened = conversations.open(request).await.expect("opened");
    let (conversation, contact) = (opened.conversation_id, opened.contact_id);
    let words = Input::Words { text: ASKED.to_owned(), client_id: None };
    conversations.handle(organization, conversation, words).await.expect("heard");
    let details = Details { name: Some(name.to_owned()), ..Details::default() };
    contacts::store::edit(platform, owner, contact, &details).await.expect("named");
    let line = calls::channel(organization);
    let (call, recording, node_id) = (platform.identifiers.next(), platform.identifiers.next(), Uuid::nil());
    let new = calls::NewCall {
        id: call,
        node_id,
        agent_id: agent,
        direction: Direction::Inbound,
        own_number: "practice".to_owned(),
        environment: Environment::Live,
    };
    calls::begin(platform, &line, "call.receive", &new).await.expect("begun");
    let other_number = Some(number.to_owned());
    let answered = calls::Answered { conversation_id: conversation, person_id: contact, other_number };
    calls::answer(platform, &line, call, &answered).await.expect("answered");
    let new = recordings::NewRecording {
        id: recording,
        call_id: call,
        node_id,
        conversation_id: conversation,
        person_id: contact,
        kind: RecordingKind::Call,
        notice_version: "1".to_owned(),
        consented_at: platform.now(),
    };
    let key = recordings::begin(platform, &line, &new).await.expect("begun");
    let peaks = [2, 9, 8, 7, 6];
    let finished = recordings::finish(platform, &line, recording, &key, RecordingState::Ready, 60, &peaks).await;
    finished.expect("finished");
    Called { number: number.to_owned(), name, contact, conversation, call, recording }
}

impl Practice {
    async fn open(node: &Node) -> Self {
        let platform = node.platform.clone();
        let founding = Founding {
            organization_name: "Narrowed",
            name: "Olive Owner",
            email: "olive@narrowed.example",
            password: PASSWORD,
        };
        let organization = founding::found(&platform, &founding).await.expect("founded").organization;
        let owner = owner(&platform, organization).await;
        let profile = agents::profile::sample();
        let hash = profile.hash();
        let agent = agents::store::create(&platform, &owner, profile).await.expect("an agent").id;
        agents::store::publish(&platform, &owner, agent, &hash).await.expect("published");
        let attested = agents::knowledge::Attestation::given(true);
        let text = "# Winter\n\nA cleaning costs $90.";
        let document = node.knowledge.add_text(&owner, agent, attested, DOCUMENT, text).await.expect("added").id;
        assert!(node.knowledge.work_once().await.expect("worked"), "the document was not read");
        let quota = chat::embed_token::Quota::default();
        let new = chat::widget::NewWidget { name: WIDGET, agent_id: agent, origins: &[], expires_at: None, quota };
        let widget = chat::widget::create(&platform, &owner, &new).await.expect("a widget").token.id;
        let conversations = &node.conversations;
        let first = called(&platform, conversations, &owner, agent, ("Fiona First", "+441174960071")).await;
        let second = called(&platform, conversations, &owner, agent, ("Serge Second", "+441174960082")).await;
        Self { platform, owner, agent, document, widget, first, second }
    }

    /// The path with the identifiers of what is here in the places of its variables; of the call, of this one.
    fn filled(&self, rule: &RouteRule, called: &Called) -> String {
        let mut before = "";
        let mut path = String::new();
        for segment in rule.path.split('/').skip(1) {
            let id = match (segment.starts_with('{'), before) {
                (false, _) => None,
                (true, "agents") => Some(self.agent),
                (true, "knowledge" | "documents") => Some(self.document),
                (true, "widgets") => Some(self.widget),
                (true, "contacts") => Some(called.contact),
                (true, "inbox" | "conversations") => Some(called.conversation),
                (true, "calls") => Some(called.call),
                (true, "recordings") => Some(called.recording),
                (true, _) => Some(Uuid::nil()),
            };
            path.push('/');
            path.push_str(&id.map_or_else(|| segment.to_owned(), |id| id.to_string()));
            before = segment;
        }
        // Where something can be asked, it is: the answer is a part of the page too.
        if rule.path.ends_with("/answers") || rule.path == "/agents/{id}" {
            path.push_str("?q=How+much+is+a+cleaning%3F");
        }
        path
    }

    /// A token of support, by a grant of these permissions on these objects.
    async fn support(&self, permissions: &[Permission], objects: &[Uuid]) -> String {
        let scope = Scope::new(permissions, objects).expect("grantable");
        let new = NewGrant { scope, hours: 1, reason: "to see what shows" };
        let grant = support::grant(&self.platform, &self.owner, &new).await.expect("granted").id;
        let until = Timestamp(i64::MAX);
        let operator = Operator { id: Uuid::from_u128(7), name: "Sam Support", address: None, until };
        support::open(&self.platform, operator, grant).await.expect("asked").expect("opened").0
    }
}

fn grantable() -> Vec<Permission> {
    Permission::ALL.into_iter().filter(|permission| support::is_grantable(*permission)).collect()
}

impl Node {
    /// What is answered to whoever shows this token; nothing where they are not let in.
    async fn seen(&self, path: &str, token: &str) -> Option<String> {
        let request = self.client.get(format!("{}{path}", self.base_url)).bearer_auth(token);
        let answer = request.send().await.expect("an answer");
        assert_ne!(answer.status().as_u16(), 429, "{path}: the walk met a limit");
        assert!(!answer.status().is_server_error(), "{path}: {}", answer.status());
        let let_in = answer.status().is_success();
        let text = answer.text().await.expect("a body");
        let_in.then_some(text)
    }

    /// The routes that only read and ask for a permission.
    fn reading(&self) -> impl Iterator<Item = &RouteRule> {
        let asks = |rule: &&RouteRule| matches!(rule.access, web::Access::Permission(_));
        self.table.iter().filter(|rule| rule.method == http::Method::GET).filter(asks)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn support_that_was_narrowed_sees_no_trace_of_anybody_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = node(folder.path()).await;
    let practice = Practice::open(&node).await;
    let first = &practice.first;
    let objects = [first.contact, first.conversation, first.call, first.recording, practice.agent];
    let narrowed = practice.support(&grantable(), &objects).await;
    let (mut faults, mut let_in) = (Vec::new(), Vec::new());
    for rule in node.reading() {
        for called in [&practice.first, &practice.second] {
            let path = practice.filled(rule, called);
            let Some(text) = node.seen(&path, &narrowed).await else { continue };
            let_in.push(rule.path);
            let shown = practice.second.traces().into_iter().filter(|trace| text.contains(trace.as_str()));
            faults.extend(shown.map(|trace| format!("{} shows {trace}", rule.path)));
        }
    }
    // It is the walk of something: whoever was granted is there to be seen.
    for path in ["/inbox/{id}", "/calls/{id}", "/contacts/{id}", "/agents/{id}", "/v1/conversations/{id}/events"] {
        assert!(let_in.contains(&path), "{path} lets nobody in: {let_in:?}");
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let call = format!("/calls/{}", first.call);
    let one = practice.support(&grantable(), &[first.call]).await;
    let text = node.seen(&call, &one).await.expect("the call was granted");
    for hidden in [ASKED, r#"class="waveform""#] {
        assert!(
            !text.contains(hidden),
            "a call shows of its conversation and recording, which were not named: {hidden}"
        );
    }
    assert!(text.contains("was not granted"), "the page does not say why it shows less: {text}");
    node.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_permission_shows_nothing_that_stands_under_another() {
    use Permission::{CallRead, ContactRead, ConversationRead, KnowledgeRead, TranscriptRead, WidgetRead};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = node(folder.path()).await;
    let practice = Practice::open(&node).await;
    let first = &practice.first;
    let shown = PhoneNumber(first.number.clone()).to_string();
    let known_by_number: &[Permission] = &[CallRead, ContactRead, ConversationRead];
    // What is told, and the permissions under which it stands.
    let told: [(&str, &[Permission]); 8] = [
        (first.number.as_str(), known_by_number),
        (shown.as_str(), known_by_number),
        (first.name, &[ContactRead]),
        (ASKED, &[TranscriptRead]),
        (DOCUMENT, &[KnowledgeRead]),
        ("A cleaning costs", &[KnowledgeRead]),
        (WIDGET, &[WidgetRead]),
        // No page asks for listening alone, so nobody sees the picture of a sound by one permission.
        (r#"class="waveform""#, &[]),
    ];
    let mut faults = Vec::new();
    for permission in grantable() {
        let token = practice.support(&[permission], &[]).await;
        for rule in node.reading() {
            let Some(text) = node.seen(&practice.filled(rule, first), &token).await else { continue };
            let wrong = told.iter().filter(|(words, under)| text.contains(words) && !under.contains(&permission));
            let (path, by) = (rule.path, permission.dotted());
            faults.extend(wrong.map(|(words, _)| format!("{path} shows {words} by {by} alone")));
        }
    }
    let everything = practice.support(&grantable(), &[]).await;
    let pages = ["inbox", "calls", "contacts", "agents"].map(|page| match page {
        "inbox" => format!("/inbox/{}", first.conversation),
        "calls" => format!("/calls/{}", first.call),
        "contacts" => format!("/contacts/{}", first.contact),
        _ => format!("/agents/{}?q=How+much+is+a+cleaning%3F", practice.agent),
    });
    let mut all = node.seen("/settings/widgets", &everything).await.expect("let in");
    for page in pages {
        all.push_str(&node.seen(&page, &everything).await.expect("let in"));
    }
    node.stop.cancel();
    let unseen: Vec<&str> = told.iter().map(|(words, _)| *words).skip(1).filter(|words| !all.contains(words)).collect();
    assert!(
        unseen.is_empty(),
        "with every permission this is not shown either, so the walk proves nothing: {unseen:?}"
    );
    assert!(faults.is_empty(), "{faults:#?}");
}
