/**
 * The panel: joins its parts and signs in.
 *
 * Programs can see how far it is: `document.documentElement.dataset.panel` becomes "signin", "asking" (somebody has to
 * type a password) or "ready". A number behind the `#` of the address goes to the dial pad.
 *
 * @module panel
 */

import { dress } from "./brand.js";
import { CallElement, Calls } from "./calls.js";
import { Dial } from "./dial.js";
import { History } from "./history.js";
import { find, reason, tabs } from "./parts.js";
import { Phone } from "./phone.js";
import { Questions } from "./questions.js";
import { signIn } from "./signin.js";
import { Status } from "./status.js";
import { language, translate } from "./words.js";

const root = document.documentElement;
root.lang = language;
translate(document);
void dress();

customElements.define("neon-status", Status);
customElements.define("neon-dial", Dial);
customElements.define("neon-call", CallElement);
customElements.define("neon-calls", Calls);
customElements.define("neon-history", History);
customElements.define("neon-questions", Questions);

const trouble = find(document, "#trouble", HTMLElement);

for (const opener of document.querySelectorAll("[data-opens]")) {
  const other = find(document, /** @type {HTMLElement} */ (opener).dataset.opens ?? "", HTMLElement);
  opener.addEventListener("click", () => other.click());
}
for (const dialog of document.querySelectorAll("dialog")) {
  for (const close of dialog.querySelectorAll(".close")) {
    close.addEventListener("click", () => dialog.close());
  }
}

/** @param {Phone} phone */
async function entered(phone) {
  try {
    await phone.load();
    find(document, "#tab-floor", HTMLElement).hidden = !phone.owner;
    root.dataset.panel = "ready";
    phone.tell("ready");
  } catch (error) {
    trouble.textContent = reason(error);
  }
}

const phone = new Phone(`ws://${location.host}/panel/socket`);
phone.addEventListener("trouble", (event) => {
  const words = String(/** @type {CustomEvent} */ (event).detail ?? "");
  // Behind a dialog nobody would see or hear it.
  const above = document.querySelector("dialog[open] > .problem");
  (words === "" ? trouble : above ?? trouble).textContent = words;
  if (words === "" && above !== null) {
    above.textContent = "";
  }
});
phone.addEventListener("show", (event) => {
  // A page cannot raise its own window; a browser may let it ask for attention.
  if (/** @type {CustomEvent} */ (event).detail) {
    window.focus();
  }
});
find(document, "neon-status", Status).attach(phone);
find(document, "neon-dial", Dial).attach(phone);
/** @type {((call: import("./phone.js").Call) => void) | null} */
let pass = null;
/** @param {import("./phone.js").Call} call */
const transfer = async (call) => {
  if (pass === null) {
    const { transferring } = await import("./transfer.js");
    pass ??= transferring(phone);
  }
  pass(call);
};
find(document, "neon-calls", Calls).attach(phone, transfer);
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
/** @type {(() => void) | null} */
let openSettings = null;
find(document, "#open-settings", HTMLElement).addEventListener("click", async () => {
  if (openSettings === null) {
    const { settings } = await import("./settings.js");
    openSettings ??= settings(phone);
  }
  openSettings();
});
const openSignup = find(document, "#open-signup", HTMLElement);
/** @type {(() => void) | null} */
let signup = null;
openSignup.addEventListener("click", async () => {
  if (signup === null) {
    const module = await import("./signup.js");
    signup ??= module.signup(phone);
  }
  signup();
});
phone.addEventListener("balance", () => {
  openSignup.hidden = !phone.operators.some(({ services }) => services.includes("signup"));
});
const floor = find(document, "neon-floor", HTMLElement);
tabs(find(document, ".views [role=tablist]", HTMLElement), async (panel, shown) => {
  if (!panel.contains(floor) || (!shown && customElements.get("neon-floor") === undefined)) {
    return;
  }
  // Most people never look there.
  const { Floor } = await import("./floor.js");
  if (customElements.get("neon-floor") === undefined) {
    customElements.define("neon-floor", Floor);
    /** @type {import("./floor.js").Floor} */ (floor).attach(phone, (callId) => {
      const call = phone.calls.get(callId);
      if (call !== undefined) {
        void transfer(call);
      }
    });
  }
  /** @type {import("./floor.js").Floor} */ (floor).show(!panel.hidden);
});
// Who has no account yet is told how to get one.
const offer = () => {
  const shown = root.dataset.panel === "ready" && phone.accounts.length === 0;
  find(document, "#welcome", HTMLElement).hidden = !shown;
  const sign = find(document, "[data-opens='#open-signup']", HTMLElement);
  sign.hidden = openSignup.hidden;
};
phone.addEventListener("accounts", offer);
phone.addEventListener("balance", offer);
phone.addEventListener("ready", offer);
root.dataset.panel = "signin";
await signIn(phone, () => void entered(phone));
