/**
 * Being let in: by the ticket in the address (`#ticket=...`), by a token that this tab got before, or by the name and
 * password of an application.
 *
 * @module signin
 */

import { find, reason } from "./parts.js";
import { say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */

/** The application that the daemon knows this page as; its passwords are tickets. */
const PANEL = "panel";

/**
 * Take the ticket off the address, where it would be seen and kept.
 * @returns {string | null}
 */
function takeTicket() {
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  if (location.hash !== "") {
    history.replaceState(null, "", location.pathname);
  }
  return ticket;
}

/**
 * @param {Phone} phone
 * @param {() => void} entered
 */
export async function signIn(phone, entered) {
  const dialog = find(document, "#signin", HTMLDialogElement);
  const form = find(dialog, "form", HTMLFormElement);
  const problem = find(dialog, ".problem", HTMLElement);

  /**
   * @param {string} user
   * @param {string} password
   * @param {string} sorry
   */
  const enter = async (user, password, sorry) => {
    try {
      await phone.client.authenticate(user, password);
      dialog.close();
      entered();
    } catch (error) {
      const wrong = /** @type {{code?: number}} */ (error).code === 600;
      problem.textContent = wrong ? sorry : reason(error);
      ask();
    }
  };
  const ask = () => {
    document.documentElement.dataset.panel = "asking";
    if (!dialog.open) {
      dialog.showModal();
    }
  };
  // Without being signed in there is nothing behind this dialog.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const data = new FormData(form);
    void enter(String(data.get("user")), String(data.get("password")), say("signinWrong"));
    find(form, "[name=password]", HTMLInputElement).value = "";
  });
  phone.client.addEventListener("unauthenticated", () => {
    phone.forget();
    phone.tell("trouble", "");
    problem.textContent = say("signinAgain");
    ask();
  });
  phone.client.addEventListener("resumed", () => {
    dialog.close();
    if (document.documentElement.dataset.panel === "asking") {
      document.documentElement.dataset.panel = "ready";
    }
  });

  addEventListener("hashchange", () => {
    const again = takeTicket();
    if (again !== null && dialog.open) {
      void enter(PANEL, again, say("ticketWrong"));
    }
  });

  const ticket = takeTicket();
  const known = phone.client.authenticated;
  if (known) {
    // The tab was here before; a ticket beside it is for a session that is gone.
    phone.client.addEventListener("resumed", entered, { once: true });
    phone.client.addEventListener("unauthenticated", () => {
      if (ticket !== null) {
        void enter(PANEL, ticket, say("ticketWrong"));
      }
    }, { once: true });
    await phone.client.connect();
  } else if (ticket !== null) {
    await enter(PANEL, ticket, say("ticketWrong"));
  } else {
    ask();
  }
}
