/**
 * The supervisor's view: every extension of this NEON (of every desk, on a hub) and of the PBX that is watched, what it
 * does, with whom, for how long. It asks again while it is seen.
 *
 * @module floor
 */

import { button, clock, copy, find, make, number, reason } from "./parts.js";
import { say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */

/**
 * @typedef {object} FloorCall
 * @property {number | string} callId
 * @property {"incoming" | "outgoing"} type
 * @property {string} from
 * @property {string} to
 * @property {string} phase  "Dialing", "Ring", "Ringing" or "Up"
 * @property {boolean} hold
 * @property {boolean} recording
 * @property {number} [duration]  ms
 */

/**
 * @typedef {object} Row
 * @property {string} extension
 * @property {string} address
 * @property {string} status
 * @property {FloorCall[]} calls
 * @property {number} [watched]  the account whose PBX tells of it
 * @property {string} [reason]
 */

/** @typedef {{total: number, found: number, counts: Record<string, number>, acts: boolean, extensions: Row[]}} Page */

const OFTEN_MS = 1000;
const SELDOM_MS = 4000;
/** From so many extensions on looking through them costs NEON something. */
const MANY = 5000;
const STATUSES = ["ringing", "inuse", "onhold", "idle", "unavailable"];
/** What PBXs call it (RFC 4235), as the switchboard does. */
const WATCHED = /** @type {Record<string, string>} */ ({
  idle: "idle", ringing: "ringing", busy: "inuse", hold: "onhold", unknown: "unavailable",
});

export class Floor extends HTMLElement {
  /** @type {Phone | null} */
  #phone = null;
  /** @type {(callId: number) => void} */
  #transfer = () => {};
  #shown = false;
  #asked = 0;
  #timer = 0;
  /** @type {Map<string, HTMLTableRowElement>} */
  #lines = new Map();
  #counted = "";
  /** When calls of other desks were seen to be answered, ms. @type {Map<string, number>} */
  #since = new Map();

  /**
   * @param {Phone} phone
   * @param {(callId: number) => void} transfer
   */
  attach(phone, transfer) {
    this.#phone = phone;
    this.#transfer = transfer;
    this.replaceChildren(copy("floor-template"));
    const status = find(this, "#floor-status", HTMLSelectElement);
    status.append(...["", ...STATUSES].map((name) => {
      const option = make("option", say(name === "" ? "everybody" : `status${name}`));
      option.value = name;
      return option;
    }));
    const now = () => this.#look();
    status.addEventListener("change", now);
    find(this, "#floor-search", HTMLElement).addEventListener("input", now);
    find(this, "form[role=search]", HTMLElement).addEventListener("submit", (event) => event.preventDefault());
    const watch = find(this, "form.watch", HTMLFormElement);
    watch.addEventListener("submit", async (event) => {
      event.preventDefault();
      const extension = find(watch, "input", HTMLInputElement).value.trim();
      if ((await phone.act("watchextension", { extension })) !== null) {
        watch.reset();
        this.#look();
      }
    });
    for (const name of ["calls", "accounts", "watched"]) {
      phone.addEventListener(name, now);
    }
  }

  /**
   * Begin, or stop, to look.
   * @param {boolean} shown
   */
  show(shown) {
    this.#shown = shown;
    this.#look();
  }

  #look() {
    clearTimeout(this.#timer);
    if (!this.#shown || this.#phone === null) {
      return;
    }
    // What changes together is asked for once.
    this.#timer = setTimeout(() => void this.#ask(), 50);
  }

  async #ask() {
    const phone = /** @type {Phone} */ (this.#phone);
    const asked = ++this.#asked;
    const search = find(this, "#floor-search", HTMLInputElement).value.trim();
    const status = find(this, "#floor-status", HTMLSelectElement).value;
    let pause = OFTEN_MS;
    try {
      const [page, watched] = await Promise.all([
        phone.client.command("switchboard", {
          ...(search === "" ? {} : { search }), ...(status === "" ? {} : { status }),
        }),
        phone.client.command("listextensions"),
      ]);
      if (asked === this.#asked && this.#shown) {
        this.#draw(page, [...page.extensions, ...others(watched.extensions, search, status)], watched.extensions.length);
      }
      pause = page.total > MANY ? SELDOM_MS : OFTEN_MS;
    } catch (error) {
      find(this, ".empty", HTMLElement).textContent = reason(error);
    }
    if (asked === this.#asked && this.#shown) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#ask(), pause);
    }
  }

  /**
   * @param {Page} page
   * @param {Row[]} rows
   * @param {number} watched
   */
  #draw(page, rows, watched) {
    const counts = STATUSES.filter((name) => page.counts[name]).map(
      (name) => `${say(`status${name}`)}: ${page.counts[name]}`,
    ).join(" · ");
    if (counts !== this.#counted) {
      this.#counted = counts;
      find(this, ".counts", HTMLElement).textContent = counts;
    }
    const body = find(this, "tbody", HTMLElement);
    const seen = new Map(rows.map((row) => [`${row.watched ?? ""} ${row.extension}`, row]));
    for (const [key, line] of this.#lines) {
      if (!seen.has(key)) {
        line.remove();
        this.#lines.delete(key);
      }
    }
    let place = 0;
    for (const [key, row] of seen) {
      let line = this.#lines.get(key);
      if (line === undefined) {
        line = document.createElement("tr");
        this.#lines.set(key, line);
      }
      // Only what is out of place is moved: moving takes the focus away.
      if (body.children[place] !== line) {
        body.insertBefore(line, body.children[place] ?? null);
      }
      place += 1;
      this.#line(line, row, page.acts);
    }
    const more = page.found - page.extensions.length;
    const words = rows.length === 0 ? say(page.total + watched === 0 ? "floorNobody" : "floorNothing") : "";
    const empty = find(this, ".empty", HTMLElement);
    const said = more > 0 ? say("floorMore", { count: more }) : words;
    // It is asked every second; what is the same is not said again.
    if (empty.textContent !== said) {
      empty.textContent = said;
    }
  }

  /**
   * @param {HTMLTableRowElement} line
   * @param {Row} row
   * @param {boolean} acts
   */
  #line(line, row, acts) {
    const times = row.calls.map((call) => this.#time(row, call));
    // Times pass; whatever else is the same is not drawn again, so that a button stays under the finger.
    const drawn = JSON.stringify({ ...row, calls: row.calls.map((call) => ({ ...call, duration: undefined })) });
    if (line.dataset.drawn !== drawn) {
      line.dataset.drawn = drawn;
      line.dataset.status = row.status;
      const name = make("th", row.extension);
      name.scope = "row";
      const address = row.address.replace(/^sips?:/, "");
      if (address !== row.extension && address !== "") {
        name.append(make("span", address, "address"));
      }
      const doing = make("td");
      const dot = make("span", "", "dot");
      dot.setAttribute("aria-hidden", "true");
      doing.append(dot, " ", say(`status${row.status}`));
      if (row.reason) {
        // A telephone system's own words are English mostly; its status is what its administrator can look up.
        const status = /^[1-6]\d\d\b/.exec(row.reason)?.[0];
        doing.append(`: ${say("notTold")}${status === undefined ? "" : ` (${status})`}`);
        doing.title = row.reason;
      }
      const calls = make("td");
      calls.append(...row.calls.map((call) => this.#call(row, call, acts)), ...this.#verbs(row));
      line.replaceChildren(name, doing, calls);
    }
    line.querySelectorAll("time").forEach((place, index) => {
      const text = times[index] ?? "";
      if (place.textContent !== text) {
        place.textContent = text;
      }
    });
  }

  /**
   * How long it has been up: as NEON says, or since we saw it being answered.
   * @param {Row} row
   * @param {FloorCall} call
   */
  #time(row, call) {
    const key = `${row.extension} ${call.callId}`;
    if (call.phase !== "Up") {
      this.#since.set(key, 0);
      return "";
    }
    if (call.duration !== undefined) {
      return clock(call.duration);
    }
    if (this.#since.get(key) === 0) {
      this.#since.set(key, Date.now());
    }
    const since = this.#since.get(key);
    return since === undefined ? "" : clock(Date.now() - since);
  }

  /**
   * @param {Row} row
   * @param {FloorCall} call
   * @param {boolean} acts
   */
  #call(row, call, acts) {
    const other = number(call.type === "incoming" ? call.from : call.to) || say("unknown");
    const line = make("div", "", "call");
    const how = [say(`phase${call.phase}`), call.hold ? say("held") : "", call.recording ? say("recorded") : ""];
    const arrow = make("span", call.type === "incoming" ? "← " : "→ ");
    arrow.setAttribute("aria-hidden", "true");
    line.append(
      arrow, make("span", `${say(`type${call.type}`)} `, "unseen"), make("strong", other),
      ` ${how.filter((word) => word !== "").join(", ")} `, make("time"),
    );
    if (acts && typeof call.callId === "number" && row.watched === undefined) {
      const { callId } = call;
      const phone = /** @type {Phone} */ (this.#phone);
      const pass = button(say("transfer"), () => this.#transfer(callId));
      const end = button(say("hangup"), () => phone.act("finalizecall", { callId }), "bad");
      pass.setAttribute("aria-label", say("transferOf", { party: other }));
      end.setAttribute("aria-label", say("hangupOf", { party: other }));
      line.append(pass, end);
    }
    return line;
  }

  /** @param {Row} row */
  #verbs(row) {
    const phone = /** @type {Phone} */ (this.#phone);
    const own = phone.accounts.some(({ uri }) => uri === row.address);
    const verbs = [];
    if (!own && row.calls.length === 0 && row.status !== "unavailable") {
      const call = button(say("call"), () => phone.dial(row.watched === undefined ? row.address : row.extension, row.watched));
      call.setAttribute("aria-label", say("redial", { party: row.extension }));
      verbs.push(call);
    }
    if (row.watched !== undefined) {
      const { extension, watched: connectionId } = row;
      const forget = button(say("unwatch"), async () => {
        await phone.act("unwatchextension", { extension, connectionId });
        this.#look();
      });
      forget.setAttribute("aria-label", say("unwatchOf", { party: extension }));
      verbs.push(forget);
    }
    return verbs;
  }
}

/**
 * Those that a PBX tells of, as rows.
 * @param {{connectionId: number, extension: string, state: string, party?: string, partyName?: string, type?: string,
 *   reason?: string}[]} watched
 * @param {string} search
 * @param {string} status
 * @returns {Row[]}
 */
function others(watched, search, status) {
  const wanted = search.toLowerCase();
  return watched.map(({ connectionId, extension, state, party, type, reason: why }) => {
    const other = party ?? "";
    /** @type {FloorCall[]} */
    const calls = other === "" ? [] : [{
      callId: "",
      type: type === "outgoing" ? "outgoing" : "incoming",
      from: other,
      to: other,
      phase: state === "ringing" ? "Ringing" : "Talking",
      hold: state === "hold",
      recording: false,
    }];
    return {
      extension, address: "", status: WATCHED[state] ?? "unavailable", calls, watched: connectionId, reason: why ?? "",
    };
  }).filter((row) => (
    (status === "" || row.status === status)
    && [row.extension, ...row.calls.map(({ from }) => from)].some((text) => text.toLowerCase().includes(wanted))
  ));
}
