// The chat inside its frame. Words are set as text, never as markup: the frame's policy allows no Trusted Type at all.
import { solve } from "./solve.js";
import { parts } from "./stream.js";

const RETRY_MILLISECONDS = [1000, 2000, 5000, 10000, 30000];
const body = document.body;
const log = document.getElementById("log");
const form = document.querySelector("form");
const box = document.getElementById("words");
const state = document.getElementById("state");
const embed_token = body.dataset.token;
const kept = `chat ${embed_token}`;

let page_origin = "";   // who embeds us, as the browser attests it
let session = null;     // { visitor_token, conversation_id }
let pending = [];       // what the visitor said and the server has not acknowledged
let sending = false;
let attempt = 0;
let last_sequence = 0;
let seen = new Set();    // sequences that are shown, so that nothing stands there twice
let listening = null;   // stops the listener of an earlier conversation
let timer = 0;
let beginning = null;   // a conversation that is being opened
let used_up = false;    // a quota is used up: nothing is tried again by itself

const CALL_US = "Please call us instead, or try again later.";
const AWAY = `Nobody can answer here at the moment: what you write is kept and goes out by itself. ${CALL_US}`;
const USED_UP = `This chat has reached its limit for now. ${CALL_US}`;

function remember() {
  try { sessionStorage.setItem(kept, JSON.stringify({ session, pending, draft: box.value, page_origin })); } catch { /* this tab only */ }
}
function recall() {
  try { return JSON.parse(sessionStorage.getItem(kept) ?? "null"); } catch { return null; }
}
function element(name, class_name, text) {
  const made = document.createElement(name);
  if (class_name) made.className = class_name;
  if (text !== undefined) made.textContent = text;
  return made;
}
function tell(parent, message) {
  if (parent) parent.postMessage(message, page_origin);
}
function last_in_sight() { log.scrollTop = log.scrollHeight; }

/** One thing said: who, the words, then sources and choices as they arrive. */
function said(kind, who, words) {
  const entry = element("div", `said ${kind}`);
  entry.append(element("p", "by", who), element("p", "words", words));
  log.append(entry);
  last_in_sight();
  return entry;
}

function add_sources(entry, sources) {
  if (!sources?.length) return;
  const list = element("ul", "sources");
  for (const source of sources) {
    const item = element("li", "", "From ");
    const name = [source.title, ...(source.section ?? [])].filter(Boolean).join(", ");
    if (/^https?:\/\//.test(source.url ?? "")) {
      const link = element("a", "", name);
      Object.assign(link, { href: source.url, target: "_blank", rel: "noopener noreferrer" });
      item.append(link);
    } else item.append(name);
    list.append(item);
  }
  entry.append(list);
}

function add_choices(entry, choices) {
  if (!choices?.length) return;
  const row = element("div", "choices");
  for (const choice of choices) {
    const button = element("button", "", choice.label);
    button.type = "button";
    button.addEventListener("click", () => { say(choice.label, choice.number); box.focus(); });
    row.append(button);
  }
  entry.append(row);
}

function show_line(line) {
  if (seen.has(line.sequence)) return;
  seen.add(line.sequence);
  if (line.by === "visitor") said("visitor", "You", line.text);
  else if (line.by === "person") said("person", line.who, line.text);
  else if (line.by === "happened") { log.append(element("p", "happened", line.text)); last_in_sight(); }
  else show_extras(said("agent", body.dataset.agent, line.text), line);
}

function show_extras(entry, extras) {
  add_sources(entry, extras.sources);
  for (const old of log.querySelectorAll(".choices")) old.remove(); // only the newest choices can be pressed
  add_choices(entry, extras.choices);
  last_in_sight();
}

/** Shows one event of the stream; gives back the reply that is being written, if any. */
function receive(name, data, entry) {
  if (data.sequence > last_sequence) last_sequence = data.sequence;
  if (name === "line") { show_line(data); return null; }
  if (name === "part") {
    if (!entry && seen.has(data.sequence)) return null;
    seen.add(data.sequence);
    const reply = entry ?? said("agent", body.dataset.agent, "");
    reply.querySelector(".words").textContent += (data.paragraph ? "\n" : "") + data.text;
    last_in_sight();
    return reply;
  }
  if (name === "extras") { if (entry) show_extras(entry, data); return null; }
  if (name === "turn" && data.ended) {
    log.append(element("p", "happened", "This conversation has ended. Write to begin a new one."));
    last_in_sight();
    leave();
  }
  return entry;
}

async function ask(path, options = {}) {
  const headers = { "content-type": "application/json" };
  if (session) headers["ringfence-visitor"] = session.visitor_token;
  return fetch(path, { credentials: "omit", cache: "no-store", ...options, headers });
}

/** The conversation is over: what was said stays readable, and the next message begins another. */
function leave() {
  session = null;
  listening?.abort();
  for (const line of log.querySelectorAll(".said, .happened")) line.dataset.past = "";
  for (const old of log.querySelectorAll(".choices")) old.remove();
  remember();
}

/** Which problem an answer is: the last word of its type. */
async function problem(response) {
  try { return (await response.clone().json()).type?.split(":").pop() ?? ""; } catch { return ""; }
}

/** Work of a few seconds for the browser, while more conversations begin than usual. Told, so that nobody wonders. */
async function solution() {
  const post = { method: "POST", body: JSON.stringify({ embed_token, page_origin }) };
  const response = await ask("/widget/challenge", post);
  if (!response.ok) throw new Error(`challenge: ${response.status}`);
  let told = -1;
  tell(parent, { ringfence: "ready" }); // the chat is there; only its beginning takes a while
  state.textContent = "Many people are writing at this moment: your browser proves that it is one of them. This takes some seconds.";
  try {
    const solved = await solve(await response.json(), (done) => {
      const quarter = Math.floor(done * 4);
      if (quarter > told && quarter > 0) state.textContent = `Your browser is at work: about ${quarter * 25} % done.`;
      told = Math.max(told, quarter);
    });
    state.textContent = "";
    return solved;
  } catch (error) {
    used_up = true;
    state.textContent = `Your browser cannot open this chat at the moment. ${CALL_US}`;
    throw error;
  }
}

/** One beginning at a time, whoever asks for it. */
function begin() {
  beginning ??= open_conversation().finally(() => { beginning = null; });
  return beginning;
}

async function open_conversation() {
  const post = (body) => ask("/widget/session", { method: "POST", body: JSON.stringify({ embed_token, page_origin, ...body }) });
  let response = await post({});
  if (response.status === 403 && await problem(response) === "challenge-required") response = await post({ solution: await solution() });
  if (response.status === 429 && await problem(response) === "quota-used-up") {
    used_up = true;
    state.textContent = USED_UP;
    throw new Error("the quota is used up");
  }
  if (response.status === 403 || response.status === 404) { tell(parent, { ringfence: "refused" }); throw new Error("refused"); }
  if (response.status === 503) state.textContent = AWAY;
  if (!response.ok) throw new Error(`session: ${response.status}`);
  used_up = false;
  session = await response.json();
  last_sequence = 0;
  remember();
  await history(true);
  listen();
}

/** The conversation as the server knows it: at its beginning, after a reload, and after a break. */
async function history(fresh = false) {
  const response = await ask("/widget/messages");
  if (response.status === 401 && !fresh) { leave(); return begin(); }
  if (response.status === 503) state.textContent = AWAY;
  if (!response.ok) throw new Error(`history: ${response.status}`);
  const { data } = await response.json();
  for (const old of log.querySelectorAll(".said:not([data-past]), .happened:not([data-past]):not([data-notice])")) old.remove();
  seen = new Set();
  for (const line of data) receive("line", line, null);
  for (const waiting of pending) show_waiting(waiting);
}

function show_waiting(message) {
  const entry = said("visitor waiting", "You", message.text);
  entry.dataset.client = message.client_id;
}

function say(words, choice) {
  const text = words.trim();
  if (!text) return;
  const message = { client_id: crypto.randomUUID(), text, ...(choice ? { choice } : {}) };
  pending.push(message);
  show_waiting(message);
  box.value = "";
  remember();
  flush();
}

/** Sends what waits, in order; the id of each message makes a second try harmless. */
async function flush() {
  if (sending || pending.length === 0) return;
  clearTimeout(timer);
  sending = true;
  try {
    if (!session) await begin();
    while (pending.length > 0) {
      const response = await ask("/widget/messages", { method: "POST", body: JSON.stringify(pending[0]) });
      if (response.status === 401) { leave(); await begin(); continue; }
      if (response.status === 429 && await problem(response) === "quota-used-up") { used_up = true; state.textContent = USED_UP; throw new Error("the quota is used up"); }
      if (response.status === 429) { state.textContent = "That was a lot at once: your message goes out in a moment."; throw new Error("slow down"); }
      if (response.status === 422 || response.status === 409) state.textContent = "This message could not be taken. Please word it differently.";
      else if (response.status === 503) { state.textContent = AWAY; throw new Error("nobody answers"); }
      else if (!response.ok) throw new Error(`messages: ${response.status}`);
      else await read_reply(response);
      const sent = pending.shift();
      if (sent) log.querySelector(`[data-client="${sent.client_id}"]`)?.classList.remove("waiting");
      remember();
    }
    [attempt, used_up] = [0, false];
    if (navigator.onLine) state.textContent = "";
  } catch {
    if (used_up) return;
    if (!state.textContent.startsWith("That was") && state.textContent !== AWAY) state.textContent = "No connection: your message is kept and goes out by itself.";
    timer = setTimeout(flush, RETRY_MILLISECONDS[Math.min(attempt++, RETRY_MILLISECONDS.length - 1)]);
  } finally {
    sending = false;
  }
}

async function read_reply(response) {
  let entry = null;
  for await (const { name, data } of parts(response.body)) {
    entry = receive(name, data, entry);
    // The server had taken it before, and its answer was lost on the way: what stands there is the truth.
    if (name === "turn" && data.duplicate) { pending.shift(); await history(); pending.unshift(null); }
  }
}

/** What happens outside a turn: a person joins, writes, leaves. */
async function listen() {
  listening?.abort();
  const { signal } = listening = new AbortController();
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      const response = await ask(`/widget/events?after=${last_sequence}`, { signal });
      if (response.status === 401) return;
      if (response.ok) {
        tries = 0;
        let entry = null;
        for await (const { name, data } of parts(response.body)) entry = receive(name, data, entry);
      }
    } catch { /* the connection broke: try again below */ }
    await new Promise((done) => setTimeout(done, RETRY_MILLISECONDS[Math.min(tries, RETRY_MILLISECONDS.length - 1)]));
  }
}

async function start(origin) {
  if (page_origin) return;
  page_origin = origin;
  const before = recall();
  if (before?.page_origin === origin) { session = before.session; pending = before.pending ?? []; box.value = before.draft ?? ""; }
  try {
    if (session) { await history(); if (!listening) listen(); } else await begin();
  } catch { if (!used_up && state.textContent !== AWAY) state.textContent = "No connection at the moment: write, and it goes out by itself."; }
  tell(parent, { ringfence: "ready" });
  box.focus();
  flush();
}

addEventListener("message", (event) => {
  if (event.source !== parent || parent === window) return;
  if (event.data?.ringfence === "hello") start(event.origin);
  else if (event.data?.ringfence === "shown" && event.origin === page_origin) box.focus();
});
addEventListener("online", flush);
addEventListener("offline", () => { state.textContent = "You are offline: what you write is kept."; });
addEventListener("keydown", (event) => { if (event.key === "Escape") tell(parent, { ringfence: "close" }); });
document.querySelector("button.close").addEventListener("click", () => tell(parent, { ringfence: "close" }));
form.addEventListener("submit", (event) => { event.preventDefault(); say(box.value); });
box.addEventListener("input", remember);
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); say(box.value); }
});
