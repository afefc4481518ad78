/**
 * A client for NEON's WebSocket API: one ES module, no dependencies.
 *
 *     import { NeonClient } from "http://localhost:15060/neon-client.js";
 *     const neon = new NeonClient();
 *     neon.addEventListener("OnNewCall", ({ detail }) => console.log(detail.data.callId, detail.data.from));
 *     await neon.authenticate("crm", "secret");
 *     const { callId } = await neon.startCall("600");
 *
 * It comes back by itself when the connection is lost, shows the same token again (in time for an account that was
 * registered with `autodisconnect`), and asks for the events it missed: after `authenticate()` has resolved no event is
 * lost, doubled or out of order, unless a "resumed" event says `gap`. Commands that were on their way are given again
 * under the same `requestId`, so that none of them runs twice.
 *
 * Events of a client: every NEON event under its own name and once more as "event"; "state" when `client.state`
 * changes; "resumed" ({@link Resumed}) after each reconnection, before the missed events; "accountslost" (connection
 * ids) when accounts that were registered with autodisconnect did not survive it; "unauthenticated" when the daemon no
 * longer knows the token and there are no credentials to get another.
 *
 * @module neon-client
 */

/**
 * What happened, as it came over the wire.
 * @typedef {object} NeonEvent
 * @property {"event"} action
 * @property {string} name
 * @property {number} seq  increasing, for all clients of one life of the daemon
 * @property {string} ts  UTC, ISO 8601
 * @property {EventData} data
 */

/**
 * Calls have callId, type, from, to, and where they apply duration (ms) and SIPError; registrations connectionId and
 * SIPError. The rest are extensions.
 * @typedef {object} EventData
 * @property {number} [callId]
 * @property {"incoming" | "outgoing"} [type]
 * @property {string} [from]
 * @property {string} [to]
 * @property {number} [duration]
 * @property {number} [connectionId]
 * @property {number} [SIPError]
 * @property {string} [reason]
 * @property {string} [displayName]
 * @property {string} [application]
 */

/**
 * How a reconnection went.
 * @typedef {object} Resumed
 * @property {number} replayed  missed events that follow
 * @property {boolean} gap  some missed events are gone: look at listCalls() and listAccounts()
 * @property {boolean} restarted  the daemon was restarted meanwhile; calls and call ids of before are over
 */

/**
 * @typedef {object} Options
 * @property {string} [url]  where the daemon is; "ws://localhost:15070/" if absent
 * @property {string[]} [events]  the extension events that are wanted, for example ["OnCallClaimed"] or ["all"]
 * @property {Storage} [storage]  where token and place survive a reload: sessionStorage is meant; absent, nowhere
 * @property {number} [patience]  ms that a command waits for its answer, reconnections included; 30,000 if absent
 */

/** @typedef {"closed" | "connecting" | "open" | "ready" | "waiting"} State */

/** @typedef {Record<string, unknown>} Parameters */

/**
 * @typedef {object} Command
 * @property {number} id
 * @property {string} action
 * @property {Parameters} parameters
 * @property {(data: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {ReturnType<typeof setTimeout>} timer
 * @property {WebSocket | null} socket  on which it was sent last
 */

const URL_OF_DAEMON = "ws://localhost:15070/";
const PATIENCE = 30_000;
// Four attempts within the five seconds that an account registered with autodisconnect outlives its connection.
const FIRST_DELAY = 250;
const LONGEST_DELAY = 15_000;
const KEY = "neon-client";
/** These are about the connection and never given again by themselves. */
const UNREPEATED = new Set(["authenticate", "subscribe", "logout"]);

/** A command was not carried out: `code` is the daemon's (102, 601...), or 0 where no answer came. */
export class NeonError extends Error {
  /**
   * @param {number} code
   * @param {string} description
   */
  constructor(code, description) {
    super(description);
    this.name = "NeonError";
    this.code = code;
  }
}

/** One connection to the daemon, for as long as it takes. */
export class NeonClient extends EventTarget {
  #url;
  #events;
  #storage;
  #patience;
  /** @type {State} */
  #state = "closed";
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {string | null} */
  #token = null;
  /** @type {string | null} */
  #boot = null;
  /** The last event given to the application. */
  #seen = 0;
  /** The daemon's last event when we subscribed for the first time. */
  #baseline = 0;
  /** @type {{user: string, password: string, more: Parameters} | null} */
  #credentials = null;
  /** @type {Map<number, Command>} given and not answered, in their order */
  #commands = new Map();
  /** @type {Set<number>} */
  #guarded = new Set();
  #nextId = 1;
  #attempt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {{promise: Promise<void>, resolve: () => void, reject: (error: Error) => void} | null} */
  #opening = null;

  /** @param {Options} [options] */
  constructor(options = {}) {
    super();
    this.#url = options.url ?? URL_OF_DAEMON;
    this.#events = options.events;
    this.#storage = options.storage;
    this.#patience = options.patience ?? PATIENCE;
    this.#recall();
  }

  /** "ready" is connected with a token; "waiting" is between two attempts. */
  get state() {
    return this.#state;
  }

  /** Whether there is a token: commands can be given, now or as soon as the connection is back. */
  get authenticated() {
    return this.#token !== null;
  }

  /**
   * Connect, and keep connected until {@link close}. With a token that was stored, continue where it was left.
   * @returns {Promise<void>} resolves with the first connection, however long that takes (the browser may be asking its
   *   user for permission), rejects when close() is called before
   */
  connect() {
    if (this.#opening === null) {
      /** @type {() => void} */
      let resolve = () => {};
      /** @type {(error: Error) => void} */
      let reject = () => {};
      /** @type {Promise<void>} */
      const promise = new Promise((done, failed) => {
        resolve = done;
        reject = failed;
      });
      promise.catch(() => {});
      this.#opening = { promise, resolve, reject };
      globalThis.addEventListener?.("pagehide", this.#hidden);
      globalThis.addEventListener?.("pageshow", this.#shown);
      this.#dial();
    }
    return this.#opening.promise;
  }

  /** Disconnect for good; an account registered with autodisconnect goes soon after. */
  close() {
    clearTimeout(this.#retry);
    globalThis.removeEventListener?.("pagehide", this.#hidden);
    globalThis.removeEventListener?.("pageshow", this.#shown);
    const socket = this.#socket;
    this.#socket = null;
    this.#opening?.reject(new NeonError(0, "closed"));
    this.#opening = null;
    socket?.close(1000);
    this.#abandon(() => true, "closed");
    this.#become("closed");
  }

  /**
   * Get a token; user and password are kept, in memory only, for the case that the daemon is restarted.
   * @param {string} user
   * @param {string} password
   * @param {Parameters} [more]  for example {spelling: "prose"}
   * @returns {Promise<string>} the token
   */
  async authenticate(user, password, more = {}) {
    await this.connect();
    const { token } = await this.#give("authenticate", { user, password, ...more });
    this.#credentials = { user, password, more };
    this.#token = token;
    const place = await this.#subscribe({});
    if (place.boot !== this.#boot) {
      this.#seen = 0;
    }
    this.#boot = place.boot;
    this.#baseline = place.seq;
    this.#remember();
    this.#become("ready");
    this.#flush();
    return token;
  }

  /**
   * Give any command. While the connection is lost it waits for it to come back.
   * @param {string} action
   * @param {Parameters} [parameters]
   * @returns {Promise<any>} the answer's data; rejects with a {@link NeonError}
   */
  command(action, parameters = {}) {
    if (UNREPEATED.has(action.toLowerCase())) {
      return this.#give(action, parameters);
    }
    return this.#give(action, { requestId: unique(), ...parameters });
  }

  /**
   * Register a SIP account; events tell what became of it.
   * @param {{domain: string, number: string, password: string, autodisconnect?: boolean, authuser?: string,
   *   displayname?: string, proxy?: string, expires?: number}} account
   * @returns {Promise<{connectionId: number}>}
   */
  async sipRegister(account) {
    const data = await this.command("sipregister", account);
    if (account.autodisconnect) {
      this.#guarded.add(data.connectionId);
    }
    return data;
  }

  /** @param {number} [connectionId] */
  async sipUnregister(connectionId) {
    const data = await this.command("sipunregister", connectionId === undefined ? {} : { connectionId });
    if (connectionId === undefined) {
      this.#guarded.clear();
    } else {
      this.#guarded.delete(connectionId);
    }
    return data;
  }

  /**
   * @param {string} number  digits, a SIP or tel URI
   * @param {number} [connectionId]
   * @returns {Promise<{callId: number}>}
   */
  startCall(number, connectionId) {
    return this.command("startcall", connectionId === undefined ? { number } : { number, connectionId });
  }

  /** @param {number} callId */
  acceptCall(callId) {
    return this.command("acceptcall", { callid: callId });
  }

  /** @param {number} callId  Cancels, rejects or hangs up, whichever fits. */
  finalizeCall(callId) {
    return this.command("finalizecall", { callid: callId });
  }

  /**
   * @param {number} callId
   * @param {string} to
   */
  transferCall(callId, to) {
    return this.command("transfercall", { callid: callId, to });
  }

  /**
   * @param {number} callId
   * @param {string} dtmf  0-9 * # A-D, a comma is a pause
   */
  sendDtmf(callId, dtmf) {
    return this.command("senddtmf", { callid: callId, dtmf });
  }

  /**
   * @param {number} callId
   * @param {boolean} hold
   */
  setHold(callId, hold) {
    return this.command("sethold", { callid: callId, hold });
  }

  /** @param {boolean} show */
  showUi(show) {
    return this.command("showui", { show });
  }

  /** @returns {Promise<{seq: number, boot: string, calls: object[]}>} */
  listCalls() {
    return this.command("listcalls");
  }

  /** @returns {Promise<{seq: number, boot: string, accounts: {connectionId: number, uri: string, state: string}[]}>} */
  listAccounts() {
    return this.command("listaccounts");
  }

  /** Give the token back; the accounts that were registered with it go. */
  async logout() {
    await this.#give("logout", {});
    this.#forget();
    this.#credentials = null;
    this.#guarded.clear();
    this.#become("open");
  }

  // The connection

  #dial() {
    this.#become("connecting");
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(this.#url);
    } catch (error) {
      // A bad address, or a page that may not use ws: at all. Trying again would not help.
      this.#opening?.reject(error instanceof Error ? error : new NeonError(0, String(error)));
      this.#opening = null;
      this.#become("closed");
      return;
    }
    this.#socket = socket;
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = (message) => this.#received(socket, message.data);
    socket.onclose = () => this.#lost(socket);
  }

  /** @param {WebSocket} socket */
  async #opened(socket) {
    if (socket !== this.#socket) {
      return;
    }
    this.#become("open");
    this.#opening?.resolve();
    if (this.#token === null) {
      this.#attempt = 0;
      this.#flush();
      return;
    }
    try {
      await this.#resume();
      this.#attempt = 0;
    } catch (error) {
      if (socket === this.#socket && socket.readyState === WebSocket.OPEN) {
        // Not a lost connection, which is tried again anyway: the daemon does not want us as we are.
        this.dispatchEvent(new CustomEvent("unauthenticated", { detail: error }));
      }
    }
  }

  async #resume() {
    const before = this.#boot;
    const since = Math.max(this.#seen, this.#baseline);
    let place;
    try {
      place = await this.#subscribe({ since, ...(before === null ? {} : { boot: before }) });
    } catch (error) {
      if (!(error instanceof NeonError) || (error.code !== 602 && error.code !== 600)) {
        throw error;
      }
      this.#forget();
      // Whether these were carried out only the session that is gone could say.
      this.#abandon((command) => command.socket !== null && command.socket !== this.#socket, "the session is gone");
      if (this.#credentials === null) {
        throw error;
      }
      const { user, password, more } = this.#credentials;
      const { token } = await this.#give("authenticate", { user, password, ...more });
      this.#token = token;
      place = await this.#subscribe({ since, ...(before === null ? {} : { boot: before }) });
    }
    const restarted = before !== null && place.boot !== before;
    if (restarted) {
      this.#seen = 0;
      this.#baseline = 0;
    }
    this.#boot = place.boot;
    this.#remember();
    this.#become("ready");
    /** @type {Resumed} */
    const detail = { replayed: place.replayed, gap: place.gap, restarted };
    this.dispatchEvent(new CustomEvent("resumed", { detail }));
    this.#flush();
    await this.#countAccounts(restarted);
  }

  /** @param {boolean} restarted */
  async #countAccounts(restarted) {
    if (this.#guarded.size === 0) {
      return;
    }
    /** @type {{connectionId: number}[]} */
    const accounts = restarted ? [] : (await this.#give("listaccounts", {})).accounts;
    const there = new Set(accounts.map((account) => account.connectionId));
    const lost = [...this.#guarded].filter((id) => !there.has(id));
    if (lost.length > 0) {
      lost.forEach((id) => this.#guarded.delete(id));
      this.#remember();
      this.dispatchEvent(new CustomEvent("accountslost", { detail: lost }));
    }
  }

  /**
   * Show the token and say from where on events are wanted.
   * @param {Parameters} place
   * @returns {Promise<{seq: number, boot: string, replayed: number, gap: boolean}>}
   */
  async #subscribe(place) {
    const events = this.#events === undefined ? {} : { events: this.#events };
    try {
      return await this.#give("subscribe", { ...place, ...events });
    } catch (error) {
      if (!(error instanceof NeonError) || error.code !== 602) {
        throw error;
      }
      // A dead token, which this will find out too, or an application that may call but not listen.
      const { boot } = await this.#give("getversion", {});
      return { seq: 0, boot, replayed: 0, gap: false };
    }
  }

  // A page that was left may be kept for the way back, frozen, with its connections: the daemon would wait for it, and
  // an account registered with autodisconnect stay.

  #hidden = () => {
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (socket !== null) {
      this.#lost(socket);
      clearTimeout(this.#retry);
      socket.close(1000);
    }
  };

  #shown = (/** @type {PageTransitionEvent} */ { persisted }) => {
    if (persisted && this.#opening !== null && this.#socket === null) {
      this.#attempt = 0;
      clearTimeout(this.#retry);
      this.#dial();
    }
  };

  /** @param {WebSocket} socket */
  #lost(socket) {
    if (socket !== this.#socket) {
      return;
    }
    this.#socket = null;
    this.#abandon((command) => UNREPEATED.has(command.action.toLowerCase()), "the connection was lost");
    // Whoever has no token when the connection is lost has nothing to come back for but the connection itself.
    this.#become("waiting");
    const delay = Math.min(FIRST_DELAY * 2 ** this.#attempt, LONGEST_DELAY) * (0.75 + Math.random() / 2);
    this.#attempt += 1;
    this.#retry = setTimeout(() => this.#dial(), delay);
  }

  // Commands and answers

  /**
   * @param {string} action
   * @param {Parameters} parameters
   * @returns {Promise<any>}
   */
  #give(action, parameters) {
    return new Promise((resolve, reject) => {
      if (this.#opening === null) {
        reject(new NeonError(0, "not connected: call connect() or authenticate() first"));
        return;
      }
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#commands.delete(id);
        reject(new NeonError(0, `${action}: no answer within ${this.#patience} ms`));
      }, this.#patience);
      const command = { id, action, parameters, resolve, reject, timer, socket: null };
      this.#commands.set(id, command);
      // What a lost connection delays waits for #flush, so that subscribe is the first word on the new one.
      const own = UNREPEATED.has(action) || action === "getversion";
      if (this.#state === "ready" || (this.#state === "open" && (this.#token === null || own))) {
        this.#send(command);
      }
    });
  }

  /** Give what waited for the connection, and once more what was given on the lost one. */
  #flush() {
    for (const command of this.#commands.values()) {
      if (command.socket !== this.#socket) {
        this.#send(command);
      }
    }
  }

  /** @param {Command} command */
  #send(command) {
    const authenticating = command.action === "authenticate";
    const token = authenticating || this.#token === null ? {} : { token: this.#token };
    command.socket = this.#socket;
    this.#socket?.send(JSON.stringify({ id: command.id, ...token, action: command.action, ...command.parameters }));
  }

  /**
   * Reject some of the commands that wait.
   * @param {(command: Command) => boolean} which
   * @param {string} why
   */
  #abandon(which, why) {
    for (const command of [...this.#commands.values()].filter(which)) {
      this.#settle(command.id)?.reject(new NeonError(0, `${command.action}: ${why}`));
    }
  }

  /** @param {number} id */
  #settle(id) {
    const command = this.#commands.get(id);
    if (command !== undefined) {
      clearTimeout(command.timer);
      this.#commands.delete(id);
    }
    return command;
  }

  /**
   * @param {WebSocket} socket
   * @param {unknown} text
   */
  #received(socket, text) {
    if (socket !== this.#socket || typeof text !== "string") {
      return;
    }
    const message = JSON.parse(text);
    if (message.action === "event") {
      this.#happened(message);
    } else {
      const command = this.#settle(message.id);
      if (command === undefined) {
        return;
      }
      if (message.success) {
        command.resolve(message.data);
      } else {
        command.reject(new NeonError(message.error.code, message.error.description));
      }
    }
  }

  /** @param {NeonEvent} event */
  #happened(event) {
    if (event.seq <= this.#seen) {
      return;
    }
    this.#seen = event.seq;
    this.#remember();
    // A listener that throws is reported by the browser and disturbs no other.
    this.dispatchEvent(new CustomEvent(event.name, { detail: event }));
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
  }

  /** @param {State} state */
  #become(state) {
    if (state !== this.#state) {
      this.#state = state;
      this.dispatchEvent(new CustomEvent("state", { detail: state }));
    }
  }

  // What survives a reload of the page

  #recall() {
    try {
      const kept = JSON.parse(this.#storage?.getItem(KEY) ?? "null");
      if (kept !== null && kept.url === this.#url) {
        this.#token = kept.token;
        this.#boot = kept.boot;
        this.#seen = kept.seen;
        this.#guarded = new Set(kept.guarded);
      }
    } catch {
      this.#storage?.removeItem(KEY);
    }
  }

  #remember() {
    const kept = { url: this.#url, token: this.#token, boot: this.#boot, seen: Math.max(this.#seen, this.#baseline) };
    this.#storage?.setItem(KEY, JSON.stringify({ ...kept, guarded: [...this.#guarded] }));
  }

  #forget() {
    this.#token = null;
    this.#storage?.removeItem(KEY);
  }
}

/** An id that no other command has had: crypto.randomUUID is not there on http pages of other machines. */
function unique() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
