// The behaviour of the dashboard. Every page works without it: links and forms are the truth, this only saves reloads.
import { enhanceCopy } from "./copy.js";
import { enhanceForms } from "./forms.js";
import { connectLive } from "./live.js";
import { enhancePasskeys } from "./passkey.js";
import { enhancePlayers } from "./player.js";
import { enhanceScheme } from "./toggle.js";
import { showLocalTimes } from "./times.js";

/** Brings one part of the page to life; called for the whole page, and again for each part that was swapped in. */
function enhance(root) {
  showLocalTimes(root);
  enhanceCopy(root);
  enhancePlayers(root);
  enhancePasskeys(root);
}

document.addEventListener("ringfence:swapped", (event) => enhance(event.target));
enhance(document);
enhanceForms();
enhanceScheme();
connectLive();

// The one-time token of a first sign-in stands in the fragment, so that no server or log ever saw it before this form.
const token_field = document.querySelector("input[data-from-fragment]");
if (token_field && location.hash.length > 1) {
  token_field.value = decodeURIComponent(location.hash.slice(1).replace(/^token=/, ""));
  history.replaceState(null, "", location.pathname + location.search);
}
