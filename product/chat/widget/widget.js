// The loader of the chat widget: a button in a closed shadow root; after a press, a sandboxed frame on the server's
// own origin. It sets no cookie, stores nothing, loads nothing before the press, and styles by CSSOM only, so it works
// under `script-src <server>; frame-src <server>` without any inline style.
(() => {
  "use strict";
  const script = document.currentScript;
  const token = script?.dataset.token ?? "";
  if (!/^rf_embed_[0-9a-f]{32}_[0-9a-z]{52}$/.test(token)) {
    console.error("Ringfence: data-token is missing or not an embed token; see Settings, Widgets.");
    return;
  }
  const origin = new URL(script.src).origin;
  const label = script.dataset.label || "Chat with us";
  const READY_MILLISECONDS = 8000;

  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial !important; position: fixed !important; z-index: 2147483000 !important; inset: auto 16px 16px auto !important; display: block !important; color-scheme: light dark !important; }
    * { box-sizing: border-box; font: 500 15px/1.4 system-ui, sans-serif; }
    button { display: block; margin-left: auto; min-height: 44px; padding: 10px 18px; border: 1px solid light-dark(#1c1b19, #ecebe6); border-radius: 24px; cursor: pointer;
      background: light-dark(#1c1b19, #ecebe6); color: light-dark(#fffdfa, #191c1f); box-shadow: 0 2px 12px rgb(0 0 0 / .2); }
    button:focus-visible { outline: 3px solid light-dark(#1d4ed1, #8fb3ff); outline-offset: 2px; }
    iframe { display: block; width: 384px; height: min(620px, calc(100vh - 32px)); border: 1px solid light-dark(#dfdacf, #2c3034); border-radius: 10px; background: light-dark(#fffdfa, #191c1f); box-shadow: 0 6px 32px rgb(0 0 0 / .24); }
    p { margin: 0 0 8px; padding: 10px 14px; max-width: 300px; border: 1px solid light-dark(#857f72, #7c8187); border-radius: 8px; background: light-dark(#fffdfa, #191c1f); color: light-dark(#1c1b19, #ecebe6); }
    [hidden] { display: none; }
    @media (max-width: 480px) { :host([data-open]) { inset: 0 !important; } iframe { width: 100vw; height: 100vh; height: 100dvh; border: 0; border-radius: 0; } }
    @media print { :host { display: none !important; } }`);

  const host = make("div", {});
  const root = host.attachShadow({ mode: "closed" });
  root.adoptedStyleSheets = [sheet];
  const told = make("p", { hidden: true, role: "status" });
  const button = make("button", { type: "button", textContent: label, ariaExpanded: "false" });
  root.append(told, button);

  let frame = null;
  let ready = false;
  let timer = 0;

  function show(open) {
    frame.hidden = !open;
    button.hidden = open;
    button.ariaExpanded = String(open);
    host.toggleAttribute("data-open", open);
    if (open && ready) frame.contentWindow.postMessage({ ringfence: "shown" }, origin);
    if (!open) button.focus();
  }

  function unavailable() {
    frame?.remove();
    frame = null;
    button.hidden = false;
    button.ariaExpanded = "false";
    host.removeAttribute("data-open");
    told.textContent = "The chat is unavailable at the moment. Please try again later.";
    told.hidden = false;
    button.focus();
  }

  function open() {
    told.hidden = true;
    if (frame) { show(true); return; }
    ready = false;
    frame = make("iframe", { title: label, src: `${origin}/widget/frame?token=${token}`, referrerPolicy: "origin" });
    frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox");
    // Greets only our own origin: a blocked or foreign frame hears nothing, stays silent, and the time runs out.
    frame.addEventListener("load", () => frame?.contentWindow.postMessage({ ringfence: "hello" }, origin));
    root.prepend(frame);
    show(true);
    clearTimeout(timer);
    timer = setTimeout(() => { if (!ready) unavailable(); }, READY_MILLISECONDS);
  }

  addEventListener("message", (event) => {
    if (event.origin !== origin || !frame || event.source !== frame.contentWindow) return;
    if (event.data?.ringfence === "ready") ready = true;
    else if (event.data?.ringfence === "refused") unavailable();
    else if (event.data?.ringfence === "close") show(false);
  });
  button.addEventListener("click", open);

  const attach = () => document.body.append(host);
  if (document.body) attach();
  else addEventListener("DOMContentLoaded", attach);
})();
