// Swaps one part of the page for its newer form. This module holds the only Trusted Types policy of the product,
// and keeps it to itself: markup comes from our own origin by fetch, is parsed inert, and loses whatever could run.
const policy = globalThis.trustedTypes
  ? trustedTypes.createPolicy("ringfence", { createHTML: (markup) => markup })
  : { createHTML: (markup) => markup };

const REFUSED = "script, iframe, frame, object, embed, base, link, meta, style, template, foreignObject, animate, set";

function inert(markup) {
  const holder = document.createElement("template");
  holder.innerHTML = policy.createHTML(markup);
  for (const element of holder.content.querySelectorAll(REFUSED)) element.remove();
  for (const element of holder.content.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      const runs = name.startsWith("on") || name === "style" || name === "srcdoc" || /^\s*(javascript|data):/i.test(value);
      if (runs) element.removeAttribute(name);
    }
  }
  return holder.content;
}

/** Replaces the element `id` by the one of the same id in `markup`; says whether there was one. */
export function swap(id, markup) {
  const old_element = document.getElementById(id);
  const new_element = inert(markup).querySelector(`#${CSS.escape(id)}`);
  if (!old_element || !new_element) return false;
  const focused = old_element.contains(document.activeElement) ? document.activeElement.id : "";
  const known = new Set([...old_element.querySelectorAll("[data-key]")].map((entry) => entry.dataset.key));
  const open = new Set([...old_element.querySelectorAll("details[open][id]")].map((entry) => entry.id));
  const distance = innerHeight + scrollY - document.documentElement.scrollHeight;
  old_element.replaceWith(new_element);
  for (const entry of new_element.querySelectorAll("[data-key]")) {
    if (!known.has(entry.dataset.key)) entry.classList.add("arrived");
  }
  for (const entry of open) document.getElementById(entry)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  // Who was reading the last lines stays with the last lines.
  if (new_element.dataset.follow !== undefined && distance > -80) scrollTo({ top: document.documentElement.scrollHeight });
  new_element.dispatchEvent(new CustomEvent("ringfence:swapped", { bubbles: true }));
  return true;
}

/** Fetches a page of ours and swaps the elements named; a page that no longer fits is loaded whole. */
export async function refresh(address, ids, options = {}) {
  const response = await fetch(address, { credentials: "same-origin", headers: { accept: "text/html" }, ...options });
  const markup = await response.text();
  const moved = response.redirected && new URL(response.url).pathname !== location.pathname;
  if (moved) { location.assign(response.url); return; }
  const swapped = ids.filter((id) => swap(id, markup));
  if (swapped.length === 0 && options.method) location.assign(response.url);
}
