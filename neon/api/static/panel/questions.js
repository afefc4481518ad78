/**
 * Web pages that ask to use the phone.
 *
 * @module questions
 */

import { button, make } from "./parts.js";
import { say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */

export class Questions extends HTMLElement {
  /** @param {Phone} phone */
  attach(phone) {
    phone.addEventListener("questions", () => {
      const shown = /** @type {HTMLElement[]} */ ([...this.children]);
      const here = new Map(shown.map((one) => [one.dataset.origin ?? "", one]));
      for (const [origin, question] of here) {
        if (!phone.questions.includes(origin)) {
          question.remove();
        }
      }
      const fresh = phone.questions.filter((origin) => !here.has(origin));
      this.append(...fresh.map((origin) => this.#question(phone, origin)));
    });
  }

  /**
   * @param {Phone} phone
   * @param {string} origin
   */
  #question(phone, origin) {
    const question = make("section");
    question.dataset.origin = origin;
    question.setAttribute("role", "alert");
    const choices = make("p", "", "buttons");
    choices.append(
      button(say("allowOnce"), () => phone.act("originallow", { origin, once: true }), "good"),
      button(say("allowAlways"), () => phone.act("originallow", { origin })),
      button(say("deny"), () => phone.act("origindeny", { origin })),
      button(say("block"), () => phone.act("originblock", { origin }), "bad"),
    );
    question.append(make("h2", say("originAsks", { origin })), make("p", say("originAbout")), choices);
    return question;
  }
}
