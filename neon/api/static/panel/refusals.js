/**
 * Why NEON refused something, in the person's language.
 *
 * The APIs give their reasons in English, for every program alike. The tables beside this (`refusals-pt.js` and
 * `refusals-es.js`) have these sentences as they stand in the daemon, {} in place of each value, as keys; a test compares
 * them with the daemon's source. They are loaded when something is refused for the first time.
 *
 * @module refusals
 */

import { NeonClient } from "../neon-client.js";
import { language, say } from "./words.js";

/** Parameters that are fields of the page: people know these by their labels. */
const LABELS = /** @type {Record<string, string>} */ ({
  number: "number", domain: "domain", password: "password", extension: "extension", login: "login", name: "name",
  email: "email", phone: "phone", to: "transferTo",
});

/** @type {Promise<[RegExp, string][]> | null} */
let table = null;

/**
 * The table of the person's language, ready to be looked through.
 * @returns {Promise<[RegExp, string][]>}
 */
async function load() {
  /** @type {Record<string, string>} */
  const sentences = (await import(`./refusals-${language}.js`)).default;
  const plain = (/** @type {string} */ text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return Object.entries(sentences).map(([template, words]) => (
    [new RegExp(`^${template.split("{}").map(plain).join("(.+?)")}$`, "s"), words]
  ));
}

/**
 * A sentence of NEON's in the person's language; as it is where there are no words for it.
 * @param {string} sentence
 * @returns {Promise<string>}
 */
export async function inWords(sentence) {
  if (language === "en" || sentence === "") {
    return sentence;
  }
  table ??= load();
  try {
    for (const [template, words] of await table) {
      const found = template.exec(sentence);
      if (found !== null) {
        return words.replace(/\{(\d)\}/g, (_, index) => {
          const value = found[Number(index) + 1] ?? "";
          const label = LABELS[value.toLowerCase()];
          return label === undefined ? value : `“${say(label)}”`;
        });
      }
    }
  } catch {
    // Without a connection to load it by. The next one may do.
    table = null;
  }
  return sentence;
}

/** @param {unknown} error */
async function told(error) {
  if (error instanceof Error && /** @type {{code?: number}} */ (error).code) {
    error.message = await inWords(error.message);
  }
  return error;
}

/** A client whose errors speak the person's language. */
export class Speaking extends NeonClient {
  /**
   * @param {string} user
   * @param {string} password
   * @param {Record<string, unknown>} [more]
   */
  async authenticate(user, password, more) {
    try {
      return await super.authenticate(user, password, more);
    } catch (error) {
      throw await told(error);
    }
  }

  /**
   * A command whose refusal nobody is told of.
   * @param {string} action
   * @param {Record<string, unknown>} [parameters]
   * @returns {Promise<any>}
   */
  quietly(action, parameters) {
    return super.command(action, parameters);
  }

  /**
   * @param {string} action
   * @param {Record<string, unknown>} [parameters]
   * @returns {Promise<any>}
   */
  async command(action, parameters) {
    try {
      return await super.command(action, parameters);
    } catch (error) {
      throw await told(error);
    }
  }
}
