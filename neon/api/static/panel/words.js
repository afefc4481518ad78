/**
 * What the panel says, in the first of the browser's languages that it speaks: one of the tables beside this.
 *
 * @module words
 */

const LANGUAGES = ["en", "pt", "es"];

/** English where nobody prefers one of them. */
export const language = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())
  .find((tag) => LANGUAGES.includes(tag)) ?? "en";

/** @type {Record<string, string>} */
const words = (await import(`./words-${language}.js`)).default;

/**
 * Whether there are words for it.
 * @param {string} name
 */
export function knows(name) {
  return words[name] !== undefined;
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function say(name, values = {}) {
  return (words[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/**
 * Write the words into a piece of the page that names them.
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const place of root.querySelectorAll("[data-words]")) {
    place.textContent = say(/** @type {HTMLElement} */ (place).dataset.words ?? "");
  }
  for (const place of root.querySelectorAll("[data-label]")) {
    place.setAttribute("aria-label", say(/** @type {HTMLElement} */ (place).dataset.label ?? ""));
  }
  for (const place of root.querySelectorAll("[data-placeholder]")) {
    place.setAttribute("placeholder", say(/** @type {HTMLElement} */ (place).dataset.placeholder ?? ""));
  }
}
