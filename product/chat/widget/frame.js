// The chat inside its frame. Words are set as text, never as markup: the frame's policy allows no Trusted Type at all.
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
let last_event = "";
let timer = 0;

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
    button.addEventListener("click", () => { say(choice.label); box.focus(); });
    row.append(button);
  }
  entry.append(row);
}

/** Shows one event of the stream; `entry` is the reply that is being written, if any. */
function receive(name, data, entry) {
  if (name === "part") {
    const reply = entry ?? said("agent", body.dataset.agent, "");
    const words = reply.querySelector(".words");
    words.textContent += (words.textContent && data.paragraph ? "\n" : "") + data.text;
    last_in_sight();
    return reply;
  }
  if (name === "extras") {
    const reply = entry ?? log.lastElementChild;
    add_sources(reply, data.sources);
    for (const old of log.querySelectorAll(".choices")) old.remove(); // only the newest choices can be pressed
    add_choices(reply, data.choices);
    last_in_sight();
  } else if (name === "person") said("person", data.who, data.text);
  else if (name === "happened") { log.append(element("p", "happened", data.text)); last_in_sight(); }
  return entry;
}

async function ask(path, options = {}) {
  const headers = { "content-type": "application/json" };
  if (session) headers["ringfence-visitor"] = session.visitor_token;
  return fetch(path, { credentials: "omit", cache: "no-store", ...options, headers });
}

async function begin() {
  const response = await ask("/widget/session", { method: "POST", body: JSON.stringify({ embed_token, page_origin }) });
  if (response.status === 403 || response.status === 404) { tell(parent, { ringfence: "refused" }); throw new Error("refused"); }
  if (!response.ok) throw new Error(`session: ${response.status}`);
  session = await response.json();
  remember();
}

/** The conversation as the server knows it: after a reload, and after a break. */
async function history() {
  const response = await ask("/widget/messages");
  if (response.status === 401) { session = null; await begin(); return history(); }
  if (!response.ok) throw new Error(`history: ${response.status}`);
  log.replaceChildren(...log.querySelectorAll("[data-notice]"));
  const { data, last_event_id } = await response.json();
  for (const entry of data) {
    const known = entry.client_id && pending.findIndex((waiting) => waiting.client_id === entry.client_id);
    if (known >= 0 && known !== "") pending.splice(known, 1);
    if (entry.by === "visitor") said("visitor", "You", entry.text);
    else if (entry.by === "person") said("person", entry.who, entry.text);
    else if (entry.by === "agent") receive("extras", entry, receive("part", entry, null));
    else receive("happened", entry, null);
  }
  last_event = last_event_id ?? "";
  for (const waiting of pending) show_waiting(waiting);
}

function show_waiting(message) {
  const entry = said("visitor waiting", "You", message.text);
  entry.dataset.client = message.client_id;
}

function say(words) {
  const text = words.trim();
  if (!text) return;
  const message = { client_id: crypto.randomUUID(), text };
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
      if (response.status === 401) { session = null; await begin(); continue; }
      if (response.status === 429) { state.textContent = "That was a lot at once: your message goes out in a moment."; throw new Error("slow down"); }
      if (response.status === 422 || response.status === 409) state.textContent = "This message could not be taken. Please word it differently.";
      else if (!response.ok) throw new Error(`messages: ${response.status}`);
      else await read_reply(response);
      const sent = pending.shift();
      log.querySelector(`[data-client="${sent.client_id}"]`)?.classList.remove("waiting");
      remember();
    }
    attempt = 0;
    if (navigator.onLine) state.textContent = "";
  } catch {
    if (!state.textContent.startsWith("That was")) state.textContent = "No connection: your message is kept and goes out by itself.";
    timer = setTimeout(flush, RETRY_MILLISECONDS[Math.min(attempt++, RETRY_MILLISECONDS.length - 1)]);
  } finally {
    sending = false;
  }
}

async function read_reply(response) {
  let entry = null;
  for await (const { name, data } of parts(response.body)) {
    if (name === "renewed") { session.visitor_token = data.visitor_token; remember(); } else entry = receive(name, data, entry);
  }
}

/** What happens outside a turn: a person joins, writes, leaves. */
async function listen() {
  for (let tries = 0; ; tries += 1) {
    try {
      const response = await ask(`/widget/events?after=${encodeURIComponent(last_event)}`);
      if (response.status === 401) return;
      if (response.ok) {
        tries = 0;
        for await (const { name, data, id } of parts(response.body)) { if (id) last_event = id; receive(name, data, null); }
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
    if (!session) await begin();
    await history();
  } catch { state.textContent = "No connection at the moment: write, and it goes out by itself."; }
  tell(parent, { ringfence: "ready" });
  box.focus();
  flush();
  listen();
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
