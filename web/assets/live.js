// Live updates: one stream of small events says *that* something changed; the page then fetches its newer form.
// Elements ask for it: <div id="calls" data-live="call conversation" data-live-subject="uuid">.
import { refresh } from "./swap.js";

const QUIET_MILLISECONDS = 120; // several events of one turn become one fetch
const EVERYTHING = "*"; // some events were missed: look at all of it again
let waiting = new Set();
let timer = 0;

function wanted(element, kind, subject) {
  const kinds = element.dataset.live.split(" ");
  const only = element.dataset.liveSubject;
  const asked = kinds.some((one) => kind === one || kind.startsWith(`${one}.`)); // "call" asks for "call.ended" too
  return kind === EVERYTHING || (asked && (!only || only === subject));
}

function changed(kind, subject) {
  for (const element of document.querySelectorAll("[data-live][id]")) {
    if (wanted(element, kind, subject)) waiting.add(element.id);
  }
  if (waiting.size === 0 || timer !== 0) return;
  timer = setTimeout(async () => {
    const ids = [...waiting];
    waiting = new Set();
    timer = 0;
    try { await refresh(location.href, ids); } catch { show("lost"); }
  }, QUIET_MILLISECONDS);
}

function show(state) {
  const words = { live: "Live", lost: "Reconnecting", off: "Not live" };
  for (const element of document.querySelectorAll(".link-state")) {
    if (element.dataset.state === state) continue;
    element.dataset.state = state;
    element.textContent = words[state];
  }
}

/** Opens the stream where the page names one; ids let the browser continue where it stopped, and drop repeats. */
export function connectLive() {
  const address = document.querySelector("[data-live-stream]")?.dataset.liveStream;
  if (!address) return;
  const seen = new Set();
  let lost = false;
  const source = new EventSource(address);
  source.addEventListener("open", () => {
    show("live");
    if (lost) changed(EVERYTHING, "");
    lost = false;
  });
  source.addEventListener("error", () => { lost = true; show("lost"); });
  source.addEventListener("change", (event) => {
    if (event.lastEventId && seen.has(event.lastEventId)) return;
    if (seen.size > 500) seen.clear();
    seen.add(event.lastEventId);
    const { kind, subject } = JSON.parse(event.data);
    changed(kind, subject ?? "");
    document.dispatchEvent(new CustomEvent("ringfence:live", { detail: { kind, subject } }));
  });
  source.addEventListener("reset", () => changed(EVERYTHING, ""));
  addEventListener("pagehide", () => source.close());
}
