/**
 * How the accounts are, in words, and what is left to spend.
 *
 * @module status
 */

import { button, make } from "./parts.js";
import { language, say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */
/** @typedef {import("./phone.js").Account} Account */

/**
 * How an account is.
 * @param {Account} account
 */
export function standing(account) {
  const { incoming = {}, messages } = account;
  const { what = "", todo = "" } = account.why ?? {};
  const more = [
    incoming.dnd ? say("dndOn") : "",
    incoming.always ? say("forwardOn", { to: incoming.always }) : "",
    messages?.waiting ? (messages.new ? say("messages", { count: messages.new }) : say("message")) : "",
  ];
  const how = [say(account.state), ...more.filter((text) => text !== "")].join(" · ");
  return what === "" ? how : `${how}. ${what} ${todo}`.trim();
}

/** @param {import("./phone.js").Balance} balance */
function amount({ balance, currency }) {
  try {
    // The text and not a number: money has more digits than those.
    const format = new Intl.NumberFormat(language, { style: "currency", currency });
    return format.format(/** @type {any} */ (balance));
  } catch {
    return `${balance} ${currency}`.trim();
  }
}

export class Status extends HTMLElement {
  /** @param {Phone} phone */
  attach(phone) {
    const accounts = make("ul");
    const spoken = make("div");
    spoken.setAttribute("role", "status");
    spoken.append(accounts);
    const balances = make("ul");
    this.replaceChildren(spoken, balances);
    let known = -1;
    phone.addEventListener("accounts", () => {
      if (known !== phone.accounts.length) {
        known = phone.accounts.length;
        ask();
      }
      const lines = phone.accounts.map((account) => {
        const line = make("li", "", account.state);
        const dot = make("span", "", "dot");
        dot.setAttribute("aria-hidden", "true");
        line.append(dot, make("span", `${account.uri.replace(/^sips?:/, "")}: ${standing(account)}`));
        return line;
      });
      const now = lines.length === 0 ? [make("li", say("noAccount"))] : lines;
      // What is the same is not said again.
      if (now.map(({ outerHTML }) => outerHTML).join("") !== accounts.innerHTML) {
        accounts.replaceChildren(...now);
      }
    });
    const ask = () => {
      balances.replaceChildren();
      if (phone.accounts.length === 0) {
        return;
      }
      for (const operator of phone.operators.filter(({ services }) => services.includes("balance"))) {
        balances.append(this.#balance(phone, operator));
      }
    };
    phone.addEventListener("balance", ask);
  }

  /**
   * @param {Phone} phone
   * @param {import("./phone.js").Operator} operator
   */
  #balance(phone, operator) {
    const line = make("li");
    const known = phone.balances.get(operator.operator);
    const words = make("span", say("balanceUnknown"), known?.low ? "low" : "");
    if (known !== undefined) {
      const minutes = known.minutesLeft === undefined ? "" : ` (${say("minutes", { count: known.minutesLeft })})`;
      words.textContent = say(known.low ? "balanceLow" : "balance", { amount: amount(known) }) + minutes;
    }
    const refresh = button("↻", async () => {
      refresh.disabled = true;
      const problem = await phone.balance(operator.operator);
      phone.tell("trouble", problem);
      refresh.disabled = false;
    });
    refresh.setAttribute("aria-label", `${say("refresh")} (${operator.title})`);
    line.append(words, refresh);
    return line;
  }
}
