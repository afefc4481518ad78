/**
 * Becoming a customer of an operator. What the operator says about it is HTML of a stranger: it is shown in a frame
 * that may run, load and send nothing.
 *
 * @module signup
 */

import { find, make, reason } from "./parts.js";
import { language, say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */

/** @param {string} html */
function trusted(html) {
  const types = /** @type {any} */ (globalThis).trustedTypes;
  // The only place where text becomes a document; the sandbox is what makes it harmless.
  return types === undefined ? html : policy(types).createHTML(html);
}

/** @type {any} */
let made = null;

/** @param {any} types */
function policy(types) {
  made ??= types.createPolicy("neon-operator", { createHTML: (/** @type {string} */ html) => html });
  return made;
}

/**
 * @param {Phone} phone
 * @returns {() => void} opens the dialog
 */
export function signup(phone) {
  const dialog = find(document, "#signup", HTMLDialogElement);
  const form = find(dialog, "form", HTMLFormElement);
  const outcome = find(dialog, "section", HTMLElement);
  const choice = find(dialog, "select", HTMLSelectElement);
  const problem = find(form, ".problem", HTMLElement);
  const send = find(form, "button.good", HTMLButtonElement);
  const offering = () => phone.operators.filter(({ services }) => services.includes("signup"));
  const open = () => {
    choice.replaceChildren(...offering().map(({ operator, title }) => {
      const option = make("option", title);
      option.value = operator;
      return option;
    }));
    find(dialog, ".operator", HTMLElement).hidden = offering().length < 2;
    form.hidden = false;
    outcome.hidden = true;
    problem.textContent = "";
    dialog.showModal();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = [...new FormData(form)].filter(([, value]) => value !== "");
    send.disabled = true;
    problem.textContent = say("working");
    try {
      const data = await phone.client.command("signup", { ...Object.fromEntries(given), language });
      form.reset();
      form.hidden = true;
      outcome.hidden = false;
      find(outcome, ".outcome", HTMLElement).textContent = say("signedUp", { number: data.number });
      find(outcome, ".note", HTMLElement).textContent = data.note ?? "";
      const frame = find(outcome, "iframe", HTMLIFrameElement);
      frame.hidden = data.html === undefined;
      frame.srcdoc = trusted(data.html ?? "");
      find(outcome, "button", HTMLElement).focus();
      await phone.load();
    } catch (error) {
      problem.textContent = reason(error);
    }
    send.disabled = false;
  });
  return open;
}
