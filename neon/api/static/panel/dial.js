/**
 * The dial pad: typed, clicked, pasted, or completed from the history.
 *
 * @module dial
 */

import { copy, dialable, find, keys, make } from "./parts.js";

/** @typedef {import("./phone.js").Phone} Phone */

const HELD_MS = 600;

/**
 * A key that is held down for a while has typed a plus, as on other telephones.
 * @param {HTMLElement} key
 * @param {HTMLInputElement} field
 */
function plus(key, field) {
  let timer = 0;
  let held = false;
  key.addEventListener("pointerdown", () => {
    held = false;
    timer = setTimeout(() => { held = true; }, HELD_MS);
  });
  key.addEventListener("click", () => {
    clearTimeout(timer);
    if (held) {
      held = false;
      field.setRangeText("+", Math.max(0, (field.selectionStart ?? 1) - 1), field.selectionStart ?? 1, "end");
    }
  });
}

export class Dial extends HTMLElement {
  /** @param {Phone} phone */
  attach(phone) {
    this.replaceChildren(copy("dial-template"));
    const form = find(this, "form", HTMLFormElement);
    const field = find(this, "#number", HTMLInputElement);
    const account = find(this, "select", HTMLSelectElement);
    /** @param {string} digit */
    const type = (digit) => {
      const { selectionStart, selectionEnd, value } = field;
      field.setRangeText(digit, selectionStart ?? value.length, selectionEnd ?? value.length, "end");
    };
    const pad = find(this, ".keys", HTMLElement);
    keys(pad, type);
    plus(/** @type {HTMLElement} */ (pad.children[10]), field);
    find(this, ".erase", HTMLElement).addEventListener("click", () => {
      field.value = field.value.slice(0, -1);
      field.focus();
    });
    field.addEventListener("paste", (event) => {
      event.preventDefault();
      type(dialable(event.clipboardData?.getData("text/plain") ?? ""));
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const to = dialable(field.value);
      if (to === "") {
        // As on other telephones: once for the number that was called last, and once more to call it.
        if (!phone.dialling) {
          field.value = phone.last;
        }
        field.focus();
        return;
      }
      const chosen = account.value === "" ? undefined : Number(account.value);
      if ((await phone.dial(to, chosen)) !== null && dialable(field.value) === to) {
        field.value = "";
      }
    });
    phone.addEventListener("accounts", () => {
      const before = account.value;
      account.replaceChildren(...phone.accounts.map(({ connectionId, uri }) => {
        const option = make("option", uri.replace(/^sips?:/, ""));
        option.value = String(connectionId);
        return option;
      }));
      account.value = phone.accounts.some(({ connectionId }) => String(connectionId) === before)
        ? before : String(phone.accounts.find(({ state }) => state === "registered")?.connectionId ?? "");
      find(this, ".account", HTMLElement).hidden = phone.accounts.length < 2;
    });
    phone.addEventListener("show", () => field.focus());
    // A link was clicked: whether to call is for the person to say.
    phone.addEventListener("number", (event) => {
      field.value = String(/** @type {CustomEvent} */ (event).detail);
      field.focus();
    });
  }
}
