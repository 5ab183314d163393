// Forms: sent without a reload where the form names what to swap, with progress where a file goes up.
import { refresh, swap } from "./swap.js";

async function send(form, submitter) {
  const ids = form.dataset.swap.split(" ");
  const body = new URLSearchParams(new FormData(form, submitter));
  const get = form.method === "get";
  const address = get ? `${form.action.split("?")[0]}?${body}` : form.action;
  submitter?.setAttribute("aria-busy", "true");
  try {
    await refresh(address, ids, get ? {} : { method: "POST", body });
    if (get) history.replaceState(null, "", address);
    else if (form.isConnected && form.dataset.clear !== undefined) form.reset();
  } finally {
    submitter?.removeAttribute("aria-busy");
  }
}

function upload(form) {
  const progress = form.querySelector("progress");
  const said = form.querySelector("[data-upload-state]");
  const request = new XMLHttpRequest();
  progress.hidden = false;
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    progress.max = event.total;
    progress.value = event.loaded;
    if (said) said.textContent = `${Math.round((100 * event.loaded) / event.total)} % sent`;
  });
  request.addEventListener("load", () => {
    progress.hidden = true;
    if (said) said.textContent = request.status < 400 ? "Sent. The list says how far it is read." : "";
    if (request.status < 400) form.reset();
    for (const id of form.dataset.upload.split(" ")) swap(id, request.responseText);
  });
  request.addEventListener("error", () => { progress.hidden = true; if (said) said.textContent = "Not sent: the connection broke. Please try again."; });
  request.open("POST", form.action);
  request.setRequestHeader("accept", "text/html");
  request.send(new FormData(form));
}

/** One listener for all forms, so that parts which are swapped in later need no wiring. */
export function enhanceForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.upload !== undefined) { event.preventDefault(); upload(form); }
    else if (form.dataset.swap !== undefined) {
      event.preventDefault();
      // A failed fetch falls back to the ordinary way, which shows the browser's own message.
      send(form, event.submitter).catch(() => form.submit());
    }
  });
  // In an answer box Enter sends and Shift+Enter makes a line.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    if (event.target.dataset?.enterSends === undefined) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });
}
