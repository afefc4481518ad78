/**
 * The doctor page: whether everything between a web page and NEON works, in plain words, and what to do when not.
 *
 * Each examination gives a finding; words for it are in doctor-words.js. The result can be read by programs too:
 * `document.documentElement.dataset.verdict` becomes "well" or "ill", and every finding's `dt` has `data-check` and
 * `data-state`.
 *
 * @module doctor
 */

import { NeonClient, NeonError } from "./neon-client.js";
import { speak } from "./doctor-words.js";

/**
 * What the daemon tells about itself at doctor.json.
 * @typedef {object} Facts
 * @property {string} version
 * @property {number | null} websocketPort
 * @property {Sound} sound
 * @property {{accounts: number, registered: number}} sip
 * @property {{origin: string, standing: "approved" | "blocked" | "unknown" | "invalid"}} [asked]
 */

/**
 * @typedef {object} Sound
 * @property {string} capture
 * @property {string} playback
 * @property {"works" | "untried" | "fails" | "none"} state
 * @property {string | null} problem
 */

/**
 * @typedef {object} Finding
 * @property {string} check
 * @property {"ok" | "info" | "warn" | "bad"} state
 * @property {string} words  what doctor-words.js calls it; a remedy, if there is one, is under the same with "Remedy"
 * @property {Record<string, string>} [values]
 */

/** Chromium holds a handshake while it asks its user, and NEON one while it asks about an origin. */
const HANDSHAKE_MS = 20_000;
const FETCH_MS = 10_000;
const DEAD_TOKEN = 602;

const words = speak(navigator.languages);

/** Gives up after FETCH_MS. @returns {AbortSignal} */
function soon() {
  // TypeScript before 5 does not know what browsers have had since 2022.
  return /** @type {any} */ (AbortSignal).timeout(FETCH_MS);
}

/**
 * @param {string} url
 * @returns {Promise<any>}
 */
async function json(url) {
  const answer = await fetch(url, { signal: soon(), cache: "no-store" });
  if (!answer.ok) {
    throw new Error(`HTTP ${answer.status}`);
  }
  return answer.json();
}

/** @param {unknown} error */
function reason(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * @param {Facts} facts
 * @returns {Finding}
 */
function http(facts) {
  const values = { version: facts.version, address: location.origin };
  return { check: "http", state: "ok", words: "httpWorks", values };
}

/**
 * A handshake, and an answer: a command without a token is refused, which takes both directions.
 * @param {Facts} facts
 * @returns {Promise<Finding>}
 */
async function websocket(facts) {
  if (facts.websocketPort === null) {
    return { check: "websocket", state: "bad", words: "websocketOff" };
  }
  // Content security policies have no word for IPv6 addresses.
  const host = location.hostname.startsWith("[") ? "localhost" : location.hostname;
  const url = `ws://${host}:${facts.websocketPort}/`;
  const neon = new NeonClient({ url, patience: HANDSHAKE_MS });
  const late = setTimeout(() => neon.close(), HANDSHAKE_MS);
  try {
    await neon.connect();
    await neon.command("getversion");
    return { check: "websocket", state: "bad", words: "websocketOpen", values: { url } };
  } catch (error) {
    const values = { url, reason: reason(error) };
    if (error instanceof NeonError && error.code === DEAD_TOKEN) {
      return { check: "websocket", state: "ok", words: "websocketWorks", values };
    }
    return { check: "websocket", state: "bad", words: "websocketFails", values };
  } finally {
    clearTimeout(late);
    neon.close();
  }
}

/**
 * This page under its other name is another origin, and approved: what a browser lets us read there, CORS allowed.
 * @returns {Promise<Finding>}
 */
async function cors() {
  const other = new URL("doctor.json", location.href);
  other.hostname = location.hostname === "localhost" ? "127.0.0.1" : "localhost";
  const values = { origin: location.origin, url: other.href };
  try {
    // A header of its own makes the browser ask by a preflight first.
    const options = { headers: { "X-NEON-Doctor": "1" }, signal: soon() };
    const answer = await fetch(other, options);
    await answer.json();
    return { check: "cors", state: "ok", words: "corsWorks", values };
  } catch (error) {
    return { check: "cors", state: "bad", words: "corsFails", values: { ...values, reason: reason(error) } };
  }
}

/**
 * @param {Facts} facts
 * @returns {Finding}
 */
function approval(facts) {
  if (facts.asked === undefined) {
    return { check: "origin", state: "info", words: "originNotSaid" };
  }
  const { origin, standing } = facts.asked;
  const values = { origin };
  switch (standing) {
    case "approved":
      return { check: "origin", state: "ok", words: "originApproved", values };
    case "blocked":
      return { check: "origin", state: "bad", words: "originBlocked", values };
    case "unknown":
      return { check: "origin", state: "warn", words: "originUnknown", values };
    default:
      return { check: "origin", state: "bad", words: "originInvalid", values };
  }
}

/**
 * What the browser thinks of pages that talk to this machine.
 * @param {Facts} facts
 * @returns {Promise<Finding>}
 */
async function network(facts) {
  const origin = facts.asked?.origin ?? "";
  const host = /^https?:\/\/(\[[^\]]*\]|[^:/]+)/.exec(origin)?.[1] ?? "";
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(host) || host.endsWith(".localhost");
  if (origin.startsWith("http:") && !local) {
    return { check: "network", state: "bad", words: "networkInsecure", values: { origin } };
  }
  for (const name of ["loopback-network", "local-network-access"]) {
    try {
      const query = /** @type {PermissionDescriptor} */ (/** @type {unknown} */ ({ name }));
      const { state } = await navigator.permissions.query(query);
      if (state === "denied") {
        return { check: "network", state: "bad", words: "networkDenied", values: { name } };
      }
      return { check: "network", state: "ok", words: "networkAsked", values: { name } };
    } catch {
      // A browser that does not know the name.
    }
  }
  return { check: "network", state: "ok", words: "networkNeverAsked" };
}

/**
 * @param {Facts} facts
 * @returns {Finding}
 */
function sound({ sound: { capture, playback, state, problem } }) {
  const values = { capture, playback, problem: problem ?? "" };
  switch (state) {
    case "works":
      return { check: "sound", state: "ok", words: "soundWorks", values };
    case "untried":
      return { check: "sound", state: "ok", words: "soundUntried", values };
    case "fails":
      return { check: "sound", state: "bad", words: "soundFails", values };
    default:
      return { check: "sound", state: "info", words: "soundNone", values };
  }
}

/**
 * @param {Facts} facts
 * @returns {Finding}
 */
function sip({ sip: { accounts, registered } }) {
  const values = { accounts: String(accounts), registered: String(registered) };
  if (registered > 0) {
    return { check: "sip", state: "ok", words: "sipRegistered", values };
  }
  return { check: "sip", state: "info", words: accounts > 0 ? "sipUnregistered" : "sipNone", values };
}

/**
 * Examine everything; findings are given as they come.
 * @param {string} origin  the web developer's own, "" if it was not said
 * @param {(finding: Finding) => void} tell
 */
export async function examine(origin, tell) {
  /** @type {Facts} */
  let facts;
  try {
    facts = await json(`doctor.json${origin ? `?origin=${encodeURIComponent(origin)}` : ""}`);
  } catch (error) {
    const values = { address: location.origin, reason: reason(error) };
    tell({ check: "http", state: "bad", words: "httpFails", values });
    return;
  }
  tell(http(facts));
  tell(await websocket(facts));
  tell(await cors());
  tell(approval(facts));
  tell(await network(facts));
  tell(sound(facts));
  tell(sip(facts));
}

// The page

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * @param {Finding} finding
 */
function show({ check, state, words: name, values = {} }) {
  const title = document.createElement("dt");
  title.dataset.check = check;
  title.dataset.state = state;
  title.textContent = words.say(check);
  const text = document.createElement("dd");
  text.textContent = words.say(name, values);
  element("report").append(title, text);
  if (words.has(`${name}Remedy`)) {
    const remedy = document.createElement("dd");
    remedy.className = "remedy";
    remedy.textContent = words.say(`${name}Remedy`, values);
    element("report").append(remedy);
  }
}

let run = 0;

async function check() {
  const current = ++run;
  const root = document.documentElement;
  delete root.dataset.verdict;
  element("report").replaceChildren();
  element("summary").textContent = words.say("busy");
  let worst = "ok";
  await examine(/** @type {HTMLInputElement} */ (element("origin")).value.trim(), (finding) => {
    if (current !== run) {
      return;
    }
    show(finding);
    worst = finding.state === "bad" || (finding.state === "warn" && worst !== "bad") ? finding.state : worst;
  });
  if (current === run) {
    element("summary").textContent = words.say(worst === "ok" ? "well" : "ill");
    root.dataset.verdict = worst === "ok" ? "well" : "ill";
  }
}

document.documentElement.lang = words.language;
for (const place of document.querySelectorAll("[data-words]")) {
  place.textContent = words.say(/** @type {HTMLElement} */ (place).dataset.words ?? "");
}
const given = new URLSearchParams(location.search).get("origin");
if (given !== null) {
  /** @type {HTMLInputElement} */ (element("origin")).value = given;
} else if (document.referrer !== "" && new URL(document.referrer).origin !== location.origin) {
  /** @type {HTMLInputElement} */ (element("origin")).value = new URL(document.referrer).origin;
}
element("asked").addEventListener("submit", (event) => {
  event.preventDefault();
  void check();
});
void check();
