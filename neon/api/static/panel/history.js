/**
 * The calls that are over: looked through, searched, and called again.
 *
 * @module history
 */

import { button, clock, copy, find, make, number, party } from "./parts.js";
import { language, say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */

/**
 * @typedef {object} Entry
 * @property {number} number
 * @property {number} connectionId
 * @property {"incoming" | "outgoing"} type
 * @property {string} from
 * @property {string} to
 * @property {string} started
 * @property {number} duration
 * @property {string} result
 * @property {string} [displayName]
 */

const PAGE = 25;
const TYPING_MS = 200;
const when = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" });

/** @type {Record<string, Record<string, string>>} */
const FILTERS = {
  all: {},
  incoming: { type: "incoming" },
  outgoing: { type: "outgoing" },
  missed: { result: "missed" },
};

export class History extends HTMLElement {
  /** @type {number | undefined} */
  #next;
  #asked = 0;

  /** @param {Phone} phone */
  attach(phone) {
    this.replaceChildren(copy("history-template"));
    const search = find(this, "#search", HTMLInputElement);
    const filter = find(this, "#result", HTMLSelectElement);
    filter.append(...Object.keys(FILTERS).map((name) => {
      const option = make("option", say(name));
      option.value = name;
      return option;
    }));
    const look = () => this.#look(phone, search.value.trim(), filter.value, false);
    let timer = 0;
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(look, TYPING_MS);
    });
    filter.addEventListener("change", look);
    find(this, "form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void look();
    });
    find(this, ".further", HTMLElement).addEventListener("click", () => {
      void this.#look(phone, search.value.trim(), filter.value, true);
    });
    phone.addEventListener("ended", () => void look());
    phone.addEventListener("ready", () => void look());
  }

  /**
   * @param {Phone} phone
   * @param {string} wanted
   * @param {string} filter
   * @param {boolean} further
   */
  async #look(phone, wanted, filter, further) {
    const asked = ++this.#asked;
    const before = further && this.#next !== undefined ? { before: this.#next } : {};
    /** @type {{calls: Entry[], next?: number}} */
    let page;
    try {
      const which = { limit: PAGE, ...FILTERS[filter], ...(wanted === "" ? {} : { party: wanted }), ...before };
      page = await phone.client.quietly("callhistory", which);
    } catch {
      // The log is switched off, or this application may not see it.
      page = { calls: [] };
    }
    if (asked !== this.#asked) {
      return;
    }
    const list = find(this, "ul", HTMLElement);
    const lines = page.calls.map((entry) => this.#line(phone, entry));
    if (further) {
      list.append(...lines);
      lines[0]?.querySelector("button")?.focus();
    } else {
      const at = list.contains(document.activeElement) ? document.activeElement?.closest("li") : null;
      list.replaceChildren(...lines);
      // Whoever stood there by keyboard stands there still.
      lines.find((line) => line.dataset.number === at?.dataset.number)?.querySelector("button")?.focus({ preventScroll: true });
    }
    this.#next = page.next;
    find(this, ".further", HTMLElement).hidden = page.next === undefined;
    find(this, ".empty", HTMLElement).textContent = list.childElementCount === 0 ? say("nothing") : "";
    this.#complete(page.calls);
    const last = page.calls.find(({ type }) => type === "outgoing");
    if (phone.last === "" && last !== undefined) {
      phone.last = number(last.to);
    }
  }

  /**
   * @param {Phone} phone
   * @param {Entry} entry
   */
  #line(phone, entry) {
    const uri = entry.type === "incoming" ? entry.from : entry.to;
    const name = party(uri, entry.displayName);
    const line = make("li", "", entry.result);
    line.dataset.number = String(entry.number);
    const about = make("div");
    const arrow = make("span", entry.type === "incoming" ? "←" : "→", "arrow");
    arrow.setAttribute("aria-hidden", "true");
    const words = [say(`type${entry.type}`), say(`result${entry.result}`), when.format(new Date(entry.started))];
    if (entry.duration > 0) {
      words.push(clock(entry.duration));
    }
    about.append(make("div", name, "party"), make("div", words.join(" · "), "when"));
    const again = button(say(entry.type === "incoming" ? "callBack" : "again"), () => {
      const known = phone.accounts.some(({ connectionId }) => connectionId === entry.connectionId);
      return phone.dial(number(uri), known ? entry.connectionId : undefined);
    });
    again.setAttribute("aria-label", say("redial", { party: name }));
    line.append(arrow, about, again);
    return line;
  }

  /**
   * Offer these numbers where one is typed.
   * @param {Entry[]} entries
   */
  #complete(entries) {
    const list = find(document, "#numbers", HTMLDataListElement);
    const known = new Set([...list.options].map((option) => option.value));
    for (const entry of entries) {
      const value = number(entry.type === "incoming" ? entry.from : entry.to);
      if (value !== "" && !known.has(value)) {
        known.add(value);
        const option = make("option");
        option.value = value;
        option.label = entry.displayName ?? "";
        list.append(option);
      }
    }
  }
}
