/**
 * The panel: joins its parts and signs in.
 *
 * Programs can see how far it is: `document.documentElement.dataset.panel` becomes "signin", "asking" (somebody has to
 * type a password) or "ready". A number behind the `#` of the address goes to the dial pad.
 *
 * @module panel
 */

import { CallElement, Calls } from "./calls.js";
import { Dial } from "./dial.js";
import { History } from "./history.js";
import { find, reason } from "./parts.js";
import { Phone } from "./phone.js";
import { Questions } from "./questions.js";
import { settings } from "./settings.js";
import { signIn } from "./signin.js";
import { signup } from "./signup.js";
import { Status } from "./status.js";
import { transferring } from "./transfer.js";
import { language, translate } from "./words.js";

const root = document.documentElement;
root.lang = language;
translate(document);

customElements.define("neon-status", Status);
customElements.define("neon-dial", Dial);
customElements.define("neon-call", CallElement);
customElements.define("neon-calls", Calls);
customElements.define("neon-history", History);
customElements.define("neon-questions", Questions);

const trouble = find(document, "#trouble", HTMLElement);

for (const dialog of document.querySelectorAll("dialog")) {
  for (const close of dialog.querySelectorAll(".close")) {
    close.addEventListener("click", () => dialog.close());
  }
}

/** @param {Phone} phone */
async function entered(phone) {
  try {
    await phone.load();
    phone.tell("ready");
    root.dataset.panel = "ready";
  } catch (error) {
    trouble.textContent = reason(error);
  }
}

const phone = new Phone(`ws://${location.host}/panel/socket`);
phone.addEventListener("trouble", (event) => {
  trouble.textContent = String(/** @type {CustomEvent} */ (event).detail ?? "");
});
phone.addEventListener("show", (event) => {
  // A page cannot raise its own window; a browser may let it ask for attention.
  if (/** @type {CustomEvent} */ (event).detail) {
    window.focus();
  }
});
find(document, "neon-status", Status).attach(phone);
find(document, "neon-dial", Dial).attach(phone);
find(document, "neon-calls", Calls).attach(phone, transferring(phone));
find(document, "neon-history", History).attach(phone);
find(document, "neon-questions", Questions).attach(phone);
const askedFor = () => {
  const number = new URLSearchParams(location.hash.slice(1)).get("number");
  if (number !== null) {
    phone.tell("number", number);
  }
};
askedFor();
// Before signIn takes everything behind the # away.
addEventListener("hashchange", askedFor);
settings(phone);
signup(phone);
root.dataset.panel = "signin";
await signIn(phone, () => void entered(phone));
