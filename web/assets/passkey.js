// Passkeys: asks the server for a question, the browser's authenticator for the answer, and sends it as an ordinary form,
// so that whatever comes next is an ordinary page.
const QUESTIONS = {
  "register": ["/passkeys/registration", "/passkeys/registration/answer"],
  "second-factor": ["/passkeys/showing", "/passkeys/showing/answer"],
  "confirm": ["/passkeys/showing", "/passkeys/showing/answer"],
  "sign-in": ["/sign-in/passkey/question", "/sign-in/passkey"],
};

const formToken = () => document.querySelector('meta[name="form-token"]')?.content ?? "";

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The server's JSON with its base64url texts as the bytes that browsers want. */
function decoded(options) {
  const { publicKey } = options;
  publicKey.challenge = bytes(publicKey.challenge);
  if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    for (const known of publicKey[list] ?? []) known.id = bytes(known.id);
  }
  return { publicKey };
}

function encoded(credential) {
  const { response } = credential;
  const answer = { clientDataJSON: text(response.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[part]) answer[part] = text(response[part]);
  }
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: answer, extensions: {} });
}

async function question(address) {
  const headers = { accept: "application/json", "ringfence-form-token": formToken() };
  const response = await fetch(address, { method: "POST", credentials: "same-origin", headers });
  const answer = await response.json();
  if (response.ok) return answer;
  // Signed in too long ago: the page for that, and back.
  if (answer.type?.endsWith(":step-up-required")) {
    location.assign(`/sign-in/confirm?next=${encodeURIComponent(location.pathname)}`);
  }
  throw new Error(answer.detail ?? answer.title);
}

function send(address, fields) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = address;
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}

async function ask(part) {
  const [from, to] = QUESTIONS[part.dataset.passkey];
  const { ceremony, options } = await question(from);
  const wanted = decoded(options);
  const registers = part.dataset.passkey === "register";
  const credential = registers ? await navigator.credentials.create(wanted) : await navigator.credentials.get(wanted);
  const token = formToken();
  send(to, { ...(token ? { form_token: token } : {}), ceremony, credential: encoded(credential), next: part.dataset.passkeyNext ?? "" });
}

function wire(part) {
  const button = part.querySelector("button");
  if (!button || part.dataset.wired) return;
  part.dataset.wired = "yes";
  const elsewhere = part.querySelector("[data-passkey-elsewhere]");
  const failure = part.querySelector("[data-passkey-error]");
  const bound = part.dataset.passkeyOrigin;
  const named = !/^(\[|[0-9.]+$)/.test(location.hostname);
  if (!globalThis.PublicKeyCredential || !named || (bound && bound !== location.origin)) {
    button.hidden = true;
    if (elsewhere) elsewhere.hidden = false;
    return;
  }
  button.addEventListener("click", async () => {
    failure.hidden = true;
    button.setAttribute("aria-busy", "true");
    try {
      await ask(part);
    } catch (error) {
      // The browser's own words for "you closed the window" help nobody.
      const closed = error.name === "NotAllowedError" || error.name === "AbortError";
      failure.textContent = closed ? "Nothing was shown. Press again when you are ready." : error.message;
      failure.hidden = false;
      button.removeAttribute("aria-busy");
    }
  });
}

/** Every passkey button of the part given. */
export function enhancePasskeys(root) {
  for (const part of root.querySelectorAll("[data-passkey]")) wire(part);
}
