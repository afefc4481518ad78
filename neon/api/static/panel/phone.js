/**
 * The phone as the panel knows it: accounts, calls and questions, kept up to date by NEON's events.
 *
 * Its own events say what has to be drawn again: "accounts", "calls", "ended" (a call is in the log now), "questions",
 * "balance", "watched" (an extension of the PBX does something else), "OnDevices", "OnAudioLevels", "show", "number" (one
 * to be dialled, not yet called), "trouble" (a sentence, "" when it is over).
 *
 * @module phone
 */

import { begun, change } from "./call.js";
import { reason } from "./parts.js";
import { Speaking, inWords } from "./refusals.js";
import { language, say } from "./words.js";

/** @typedef {import("../neon-client.js").NeonEvent} NeonEvent */

/** @typedef {import("./call.js").Call} Call */

/**
 * @typedef {object} Account
 * @property {number} connectionId
 * @property {string} uri
 * @property {string} state
 * @property {{what: string, todo: string}} [why]
 * @property {{dnd?: boolean, always?: string, busy?: string, noanswer?: string, seconds?: number}} [incoming]
 * @property {{waiting: boolean, new?: number}} [messages]
 */

/** @typedef {{operator: string, title: string, services: string[]}} Operator */

/** @typedef {{operator: string, balance: string, currency: string, low: boolean, minutesLeft?: number}} Balance */

/** How long a call that is over is still to be seen, and why it is over to be read. */
const ENDED_MS = 8000;
/** Within this time after a call was placed nobody wants another one: it is a double click, or Enter held down. */
const TWICE_MS = 500;
/** How long NEON may take to know why something ended as it did. */
const EXPLAINED_MS = 200;
/** The extension events that the panel lives on. */
const EVENTS = [
  "OnRinging", "OnHold", "OnMute", "OnTransferFailed", "OnTransferRequest", "OnMissedCall", "OnBalance", "OnBalanceLow",
  "OnMessageWaiting", "OnExtensionState", "OnRecording", "OnMediaStats", "OnMediaWarning", "OnShowUI", "OnOriginRequest",
  "OnRules", "OnConference", "OnVolume", "OnDevices", "OnAudioLevels",
];

export class Phone extends EventTarget {
  /** @type {Map<number, Call>} */
  calls = new Map();
  /** @type {Account[]} */
  accounts = [];
  /** @type {Operator[]} */
  operators = [];
  /** @type {Map<string, Balance>} */
  balances = new Map();
  /** @type {string[]} origins that wait for an answer */
  questions = [];
  /** Whether this session is the owner's, who may decide about web pages. */
  owner = false;
  /** Whom we called last, "" if that is not known. */
  last = "";
  /** Whether a call was placed just now. */
  dialling = false;
  #from = 0;
  #loaded = false;

  /** @param {string} url */
  constructor(url) {
    super();
    this.client = new Speaking({ url, storage: sessionStorage, events: EVENTS });
    this.client.addEventListener("event", (event) => {
      this.#happened(/** @type {CustomEvent<NeonEvent>} */ (event).detail);
    });
    this.client.addEventListener("resumed", () => {
      if (this.#loaded) {
        void this.load().catch((error) => this.tell("trouble", reason(error)));
      }
    });
    this.client.addEventListener("state", () => {
      const state = this.client.state;
      if (state === "waiting" || state === "ready") {
        this.tell("trouble", state === "waiting" ? say("lost") : "");
      }
    });
  }

  /**
   * @param {string} name
   * @param {unknown} [detail]
   */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /**
   * Give a command; what goes wrong is shown.
   * @param {string} action
   * @param {Record<string, unknown>} [parameters]
   * @returns {Promise<any>} the data, null if it was refused
   */
  async act(action, parameters = {}) {
    try {
      const data = await this.client.command(action, parameters);
      this.tell("trouble", "");
      return data;
    } catch (error) {
      this.tell("trouble", reason(error));
      return null;
    }
  }

  /** See how everything is. Afterwards events keep it so. */
  async load() {
    this.#loaded = true;
    const [accounts, calls] = await Promise.all([this.client.listAccounts(), this.client.listCalls()]);
    this.#from = Math.min(accounts.seq, calls.seq);
    this.#keep(accounts.accounts);
    const before = this.calls;
    this.calls = new Map();
    for (const call of /** @type {any[]} */ (calls.calls)) {
      const known = before.get(call.callId);
      const since = call.state === "confirmed" ? Date.now() - call.duration : null;
      const { typed = "", note = "", paused = false, mos = null, problems = new Map() } = known ?? {};
      this.calls.set(call.callId, { ...begun(call), ...call, since, typed, note, paused, mos, problems });
    }
    this.tell("calls");
    await this.#ask();
    await this.#operators();
  }

  /** What was known is of a NEON that is gone. */
  forget() {
    this.calls = new Map();
    this.tell("calls");
  }

  /** The accounts anew: their rules have no event. */
  async reload() {
    this.#keep((await this.client.listAccounts()).accounts);
  }

  /**
   * Call somebody; whoever we talk to waits meanwhile. Whoever asks twice at once gets one call, and null.
   * @param {string} to
   * @param {number} [connectionId]
   */
  async dial(to, connectionId) {
    if (this.dialling) {
      return null;
    }
    this.dialling = true;
    try {
      await this.#holdOthers(0);
      const data = await this.act("startcall", { number: to, ...(connectionId === undefined ? {} : { connectionId }) });
      if (data === null) {
        this.dialling = false;
      } else {
        this.last = to;
        setTimeout(() => { this.dialling = false; }, TWICE_MS);
      }
      return data;
    } catch (error) {
      this.dialling = false;
      throw error;
    }
  }

  /**
   * Answer; whoever we talk to waits meanwhile, or is done with.
   * @param {Call} call
   * @param {boolean} [end]
   */
  async answer(call, end = false) {
    await (end ? this.#endOthers(call.callId) : this.#holdOthers(call.callId));
    return this.act("acceptcall", { callId: call.callId });
  }

  /**
   * Go on with a call that waits, while the others wait.
   * @param {Call} call
   */
  async resume(call) {
    return this.act("swapcalls", { callId: call.callId });
  }

  /** Let everybody whom we talk to, or have waiting, hear each other. */
  join() {
    const together = [...this.calls.values()].filter(({ state }) => state === "confirmed");
    return this.act("startconference", { callIds: together.map(({ callId }) => callId) });
  }

  /**
   * Whether there is somebody whom this one does not hear yet.
   * @param {Call} call
   */
  joinable(call) {
    return [...this.calls.values()].some((other) => (
      other.callId !== call.callId && other.state === "confirmed" && !(call.conference && other.conference)
    ));
  }

  /**
   * Whether somebody hears us now, beside those of one call.
   * @param {number} except
   */
  talking(except) {
    return [...this.calls.values()].some((call) => call.callId !== except && call.state === "confirmed" && !call.hold);
  }

  /** Whether somebody is being talked to. @param {number} [except] */
  busy(except = 0) {
    return [...this.calls.values()].some((call) => call.callId !== except && call.state === "confirmed");
  }

  /**
   * Why something is as it is, in the person's language.
   * @param {number} id  of a call or an account
   * @returns {Promise<{what: string, todo: string}>}
   */
  async explain(id) {
    // Clients hear of events before those parts of NEON that take their time with them, and this asks one of these.
    await new Promise((resolve) => setTimeout(resolve, EXPLAINED_MS));
    try {
      return await this.client.quietly("explain", { case: String(id), language });
    } catch {
      return { what: "", todo: "" };
    }
  }

  /** @param {number} except */
  async #holdOthers(except) {
    if ([...this.calls.values()].some(({ conference, hold }) => conference && !hold)) {
      await this.act("holdconference", { hold: true });
    }
    for (const call of this.calls.values()) {
      if (call.callId !== except && call.state === "confirmed" && !call.hold && !call.conference) {
        await this.act("sethold", { callId: call.callId, hold: true });
      }
    }
  }

  /** @param {number} except */
  async #endOthers(except) {
    for (const call of this.calls.values()) {
      if (call.callId !== except && call.state === "confirmed" && !call.hold) {
        await this.act("finalizecall", { callId: call.callId });
      }
    }
  }

  /** @param {any[]} accounts */
  #keep(accounts) {
    this.accounts = accounts;
    for (const account of this.accounts) {
      if (account.state === "refused" || account.state === "retrying") {
        void this.explain(account.connectionId).then((why) => {
          account.why = why;
          this.tell("accounts");
        });
      }
    }
    this.tell("accounts");
  }

  /** Which web pages ask; only the owner is told. */
  async #ask() {
    try {
      const { origins } = await this.client.quietly("originpending");
      this.owner = true;
      this.questions = origins.map((/** @type {{origin: string}} */ one) => one.origin);
    } catch {
      this.owner = false;
      this.questions = [];
    }
    this.tell("questions");
  }

  async #operators() {
    try {
      this.operators = (await this.client.quietly("operatorlist")).operators;
    } catch {
      this.operators = [];
    }
    this.tell("balance");
    const telling = this.operators.filter(({ services }) => services.includes("balance"));
    await Promise.all(telling.map((one) => this.balance(one.operator, true)));
  }

  /**
   * Ask an operator anew; what it says arrives as an event too.
   * @param {string} operator
   * @param {boolean} [quiet]  nobody wants to know why not
   */
  async balance(operator, quiet = false) {
    const { client } = this;
    const wish = { operator, language };
    try {
      this.balances.set(operator, await (quiet ? client.quietly("getbalance", wish) : client.command("getbalance", wish)));
      this.tell("balance");
      return "";
    } catch (error) {
      return reason(error);
    }
  }

  /** @param {NeonEvent} event */
  #happened({ name, data, seq, ts }) {
    if (seq <= this.#from) {
      return;
    }
    if (name === "OnShowUI") {
      const { show, number } = /** @type {any} */ (data);
      this.tell("show", show);
      if (typeof number === "string") {
        this.tell("number", number);
      }
    } else if (name === "OnExtensionState") {
      this.tell("watched");
    } else if (name === "OnDevices" || name === "OnAudioLevels") {
      this.tell(name, data);
    } else if (name === "OnConference") {
      const together = new Set(/** @type {any} */ (data).callIds);
      for (const call of this.calls.values()) {
        call.conference = together.has(call.callId);
      }
      this.tell("calls");
    } else if (name === "OnOriginRequest") {
      void this.#ask();
    } else if (name === "OnBalance" || name === "OnBalanceLow") {
      const balance = /** @type {Balance} */ (/** @type {unknown} */ (data));
      this.balances.set(balance.operator, balance);
      this.tell("balance");
    } else if (data.callId !== undefined) {
      this.#changed(name, /** @type {any} */ (data), ts);
    } else if (data.connectionId !== undefined) {
      void this.reload();
    }
  }

  /**
   * @param {string} name
   * @param {any} data
   * @param {string} ts
   */
  #changed(name, data, ts) {
    if (name === "OnNewCall") {
      this.calls.set(data.callId, begun(data));
    }
    const call = this.calls.get(data.callId);
    if (call === undefined) {
      // A call that was turned away has no other event.
      if (name === "OnMissedCall") {
        this.tell("ended");
      }
      return;
    }
    change(call, name, data, ts);
    if (name === "OnFinalizedCall") {
      if (data.SIPError) {
        void this.#why(call);
      }
      setTimeout(() => {
        this.calls.delete(call.callId);
        this.tell("calls");
      }, ENDED_MS);
      this.tell("ended");
    } else if (name === "OnRecording" && data.reason) {
      void inWords(data.reason).then((words) => {
        call.note = words;
        this.tell("calls");
      });
    }
    this.tell("calls");
  }

  /** @param {Call} call */
  async #why(call) {
    const { what, todo } = await this.explain(call.callId);
    if (what !== "") {
      call.note = todo === "" ? what : `${what} ${todo}`;
      this.tell("calls");
    }
  }
}
