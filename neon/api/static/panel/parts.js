/**
 * Small things that every part of the panel needs.
 *
 * @module parts
 */

import { knows, say, translate } from "./words.js";

/** Of a name, in characters. */
const LONGEST = 120;

/**
 * An element that is there.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) {
    throw new Error(`the page has no ${selector}`);
  }
  return found;
}

/**
 * A copy of a template, in the person's language.
 * @param {string} id
 */
export function copy(id) {
  const { content } = find(document, `#${id}`, HTMLTemplateElement);
  const fragment = /** @type {DocumentFragment} */ (content.cloneNode(true));
  translate(fragment);
  return fragment;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [text]
 * @param {string} [className]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, text = "", className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className !== "") {
    element.className = className;
  }
  return element;
}

/**
 * Whether a click is the second of a double click: many people give two where one does, and by then there may be another
 * button in that place.
 * @param {MouseEvent} event
 */
export function doubled(event) {
  return event.detail > 1;
}

/**
 * @param {string} text
 * @param {() => unknown} run
 * @param {string} [className]
 */
export function button(text, run, className = "") {
  const made = make("button", text, className);
  made.type = "button";
  made.addEventListener("click", (event) => void (doubled(event) || run()));
  return made;
}

/**
 * The twelve keys of a telephone.
 * @param {HTMLElement} place
 * @param {(digit: string) => void} pressed
 */
export function keys(place, pressed) {
  const letters = ["", "ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ"];
  place.replaceChildren(...[..."123456789*0#"].map((digit, index) => {
    const key = button("", () => pressed(digit));
    const small = make("small", letters[index] ?? "");
    small.setAttribute("aria-hidden", "true");
    key.append(digit, small);
    return key;
  }));
}

/**
 * What a person would call the other end: a name, a number, or all of an address that is no number of ours.
 * @param {string} uri
 * @param {string} [name]
 */
export function party(uri, name = "") {
  const called = plain(name);
  if (called !== "") {
    return called;
  }
  const user = plain(number(uri));
  return user === "" ? say("unknown") : user;
}

/**
 * What a stranger calls himself, as it can be shown: on one line, of a bearable length, and without the marks that turn
 * the direction of what stands after it (UTR 36, "Bidirectional Text Spoofing").
 * @param {string} text
 */
export function plain(text) {
  const seen = text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, "").trim();
  return seen.length > LONGEST ? `${seen.slice(0, LONGEST)}…` : seen;
}

/**
 * What to dial to reach a SIP URI: its user part.
 * @param {string} uri
 */
export function number(uri) {
  const found = /^sips?:([^@;]*)@/i.exec(uri);
  if (found === null) {
    return uri;
  }
  try {
    return decodeURIComponent(found[1] ?? "");
  } catch {
    return found[1] ?? "";
  }
}

/**
 * A duration as people read it.
 * @param {number} ms
 */
export function clock(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return hours > 0 ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/**
 * Text that was pasted, as something that can be dialled: what hides in documents and links is gone.
 * @param {string} text
 */
export function dialable(text) {
  const line = text.normalize("NFKC").replace(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "").trim();
  const first = (line.split(/[\r\n\t]/)[0] ?? "").replace(/[\u2010-\u2015\u2212]/g, "-");
  const link = /^(?:tel|callto):(?:\/\/)?([^;?]*)/i.exec(first);
  // "Phone: +55 ..." is the label and the number; of a link the number is what stands before its parameters (RFC 3966).
  const number = link === null ? first.replace(/^[\p{L}. ]+:\s*(?=[+(\d])/u, "") : (link[1] ?? "").replace(/%2B/gi, "+");
  return number.trim().slice(0, 255);
}

/**
 * Why something was refused, in the person's language; with NEON's own words behind it, where they say more.
 * @param {unknown} error
 */
export function reason(error) {
  const { code, message } = /** @type {{code?: number, message?: string}} */ (error instanceof Error ? error : {});
  if (code !== undefined && knows(`error${code}`)) {
    return say(`error${code}`, { why: message ?? "" });
  }
  return message ?? String(error);
}

/**
 * Let the tabs of a list be chosen by click, and by arrows as the pattern says (WAI-ARIA, "Tabs").
 * @param {Element} list
 * @param {(panel: HTMLElement, shown: boolean) => void} [turned]
 */
export function tabs(list, turned = () => {}) {
  const all = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]")]);
  /** @param {HTMLElement} tab */
  const choose = (tab) => {
    for (const one of all) {
      one.setAttribute("aria-selected", String(one === tab));
      one.tabIndex = one === tab ? 0 : -1;
      const panel = find(document, `#${one.getAttribute("aria-controls")}`, HTMLElement);
      panel.hidden = one !== tab;
      turned(panel, one === tab);
    }
  };
  for (const tab of all) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const seen = all.filter((one) => !one.hidden);
      const places = { ArrowLeft: -1, ArrowRight: 1, Home: -seen.indexOf(tab), End: seen.length - 1 - seen.indexOf(tab) };
      const step = /** @type {Record<string, number>} */ (places)[event.key];
      if (step !== undefined) {
        event.preventDefault();
        const next = seen[(seen.indexOf(tab) + step + seen.length) % seen.length];
        if (next !== undefined) {
          choose(next);
          next.focus();
        }
      }
    });
  }
  if (all[0] !== undefined) {
    choose(all[0]);
  }
}
