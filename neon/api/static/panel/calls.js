/**
 * The calls that are up, or want to be. Each is an element of its own, drawn again in place, so that the focus stays
 * where it is.
 *
 * @module calls
 */

import { brand } from "./brand.js";
import { clock, copy, doubled, find, keys, make, plain } from "./parts.js";
import { say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */
/** @typedef {import("./phone.js").Call} Call */

/**
 * Whether it waits for us to answer.
 * @param {Call} call
 */
export function ringsHere(call) {
  return call.type === "incoming" && (call.state === "trying" || call.state === "early");
}

export class CallElement extends HTMLElement {
  /** @type {Phone | null} */
  #phone = null;
  /** @type {Call | null} */
  #call = null;

  /**
   * @param {Phone} phone
   * @param {Call} call
   * @param {(call: Call) => void} transfer
   */
  attach(phone, call, transfer) {
    this.#phone = phone;
    this.replaceChildren(copy("call-template"));
    this.dataset.call = String(call.callId);
    const { callId } = call;
    const now = () => /** @type {Call} */ (this.#call);
    const pad = find(this, ".keys", HTMLElement);
    const type = (/** @type {string} */ digit) => {
      now().typed += digit;
      this.draw(now());
      void phone.act("senddtmf", { callId, dtmf: digit });
    };
    keys(pad, type);
    pad.addEventListener("keydown", (event) => {
      if (/^[0-9*#]$/.test(event.key) && !event.ctrlKey && !event.altKey && !event.metaKey) {
        event.preventDefault();
        type(event.key);
      }
    });
    /** @type {Record<string, () => unknown>} */
    const run = {
      answer: () => phone.answer(now()),
      endAndAnswer: () => phone.answer(now(), true),
      swap: () => phone.resume(now()),
      join: () => phone.join(),
      leave: () => phone.act("leaveconference", { callId }),
      pause: () => phone.act("pauserecording", { callId, pause: !now().paused }),
      reject: () => phone.act("rejectcall", { callId }),
      hangup: () => phone.act("finalizecall", { callId }),
      hold: () => (now().hold ? phone.resume(now()) : phone.act("sethold", { callId, hold: true })),
      mute: () => {
        const mute = !now().muted;
        // Who presses it in a conference wants to be heard by nobody.
        return now().conference ? phone.act("muteconference", { mute }) : phone.act("setmute", { callId, mute });
      },
      transfer: () => transfer(now()),
      allow: () => this.#consent(true),
      refuse: () => this.#consent(false),
      record: () => phone.act(now().recording ? "stoprecording" : "startrecording", { callId }),
      keypad: () => {
        pad.hidden = !pad.hidden;
        this.draw(now());
        pad.querySelector("button")?.focus();
      },
    };
    const volume = find(this, ".volume input", HTMLInputElement);
    volume.addEventListener("input", () => void phone.act("setvolume", { callId, percent: Number(volume.value) }));
    this.addEventListener("click", (event) => {
      const pressed = /** @type {Element} */ (event.target).closest("[data-do]");
      if (pressed instanceof HTMLElement && !doubled(event)) {
        void run[pressed.dataset.do ?? ""]?.();
      }
    });
    this.draw(call);
  }

  /** @param {Call} call */
  draw(call) {
    this.#call = call;
    const rings = ringsHere(call);
    const up = call.state === "confirmed";
    const over = call.state === "terminated";
    this.classList.toggle("ringing", rings);
    this.dataset.state = call.state;
    this.toggleAttribute("data-hold", call.hold);
    const article = find(this, "article", HTMLElement);
    article.setAttribute("aria-label", say("callOf", { party: call.party }));
    const focused = this.contains(document.activeElement) ? document.activeElement : null;
    this.#write("h3", call.party);
    const address = plain(call.uri.replace(/^sips?:/, ""));
    this.#write(".address", address === call.party ? "" : address);
    this.#write(".state .words", this.words(call));
    this.#write(".note", call.note);
    this.tick();
    this.#write(".consent p", say("transferAsked", { to: call.asked }));
    find(this, ".consent", HTMLElement).hidden = call.asked === "";
    const busy = this.#phone?.busy(call.callId) ?? false;
    /** @type {Record<string, boolean>} */
    const shown = {
      answer: rings,
      endAndAnswer: rings && busy,
      reject: rings,
      swap: up && call.hold && (this.#phone?.talking(call.callId) ?? false),
      join: up && (this.#phone?.joinable(call) ?? false),
      leave: up && call.conference,
      mute: up,
      hold: up,
      keypad: up,
      record: up,
      pause: up && call.recording,
      transfer: up || rings,
      hangup: !rings && !over,
    };
    for (const [name, visible] of Object.entries(shown)) {
      this.#button(name).hidden = !visible;
    }
    this.#write("[data-do=answer]", say(busy ? "holdAndAnswer" : "answer"));
    this.#button("pause").setAttribute("aria-pressed", String(call.paused));
    this.#facts(up ? call : null);
    find(this, ".volume", HTMLElement).hidden = !up;
    const volume = find(this, ".volume input", HTMLInputElement);
    if (document.activeElement !== volume) {
      volume.value = String(call.volume);
    }
    volume.setAttribute("aria-valuetext", `${call.volume} %`);
    this.#button("mute").setAttribute("aria-pressed", String(call.muted));
    this.#button("record").setAttribute("aria-pressed", String(call.recording));
    this.#quality(up ? call : null);
    this.#button("hold").setAttribute("aria-pressed", String(call.hold));
    const pad = find(this, ".keys", HTMLElement);
    pad.hidden = pad.hidden || !up;
    this.#button("keypad").setAttribute("aria-expanded", String(!pad.hidden));
    const typed = find(this, ".typed", HTMLElement);
    typed.hidden = pad.hidden;
    typed.textContent = call.typed;
    // A button that was pressed and is gone takes the focus with it: whoever has no mouse would begin from the top.
    if (focused?.closest("[hidden]")) {
      article.tabIndex = -1;
      article.focus({ preventScroll: true });
    }
  }

  /** The time that passes. */
  tick() {
    const call = this.#call;
    if (call !== null) {
      const ms = call.state === "terminated" ? call.duration : call.since === null ? 0 : Date.now() - call.since;
      this.#write(".time", ms > 0 ? clock(ms) : "");
    }
  }

  /**
   * What is easily forgotten, in words and not only by buttons that are pressed.
   * @param {Call | null} call
   */
  #facts(call) {
    const facts = [
      call?.conference ? say("together") : "",
      call?.recording ? say(call.paused ? "recordingPaused" : "recorded") : "",
      call?.muted ? say("muted") : "",
      call?.encrypted ? say("encrypted") : "",
    ].filter((fact) => fact !== "");
    find(this, ".facts", HTMLElement).hidden = facts.length === 0;
    this.#write(".facts", facts.join(" · "));
  }

  /**
   * A light and words for how it sounds (ITU-T P.800's scale), and why not well.
   * @param {Call | null} call
   */
  #quality(call) {
    const place = find(this, ".quality", HTMLElement);
    const problems = [...(call?.problems.values() ?? [])];
    const known = call !== null && (call.mos !== null || problems.length > 0);
    place.hidden = !known;
    if (known) {
      const mos = call.mos ?? 0;
      const light = problems.length > 0 && mos >= 3.6 ? "fair" : mos >= 3.6 ? "good" : mos >= 3.1 ? "fair" : "poor";
      place.dataset.light = light;
      this.#write(".quality .words", [say(`sound${light}`), ...problems].join(" "));
    }
  }

  /**
   * How it is, in words.
   * @param {Call} call
   */
  words(call) {
    switch (call.state) {
      case "confirmed":
        return say(call.hold ? "held" : call.remoteHold ? "heldByThem" : "up");
      case "terminated":
        return say("ended");
      case "releasing":
        return say("ending");
      default:
        if (call.type === "incoming") {
          return say(this.#phone?.busy(call.callId) ? "waiting" : "ringingHere");
        }
        return say(call.state === "early" ? "ringingThere" : "calling");
    }
  }

  /** @param {boolean} allow */
  async #consent(allow) {
    const call = this.#call;
    if (call !== null && this.#phone !== null) {
      await this.#phone.act("answertransfer", { callId: call.callId, allow });
      call.asked = "";
      this.draw(call);
    }
  }

  /**
   * @param {string} selector
   * @param {string} text
   */
  #write(selector, text) {
    const place = find(this, selector, HTMLElement);
    // What is the same is not written again: a screen reader would read it again.
    if (place.textContent !== text) {
      place.textContent = text;
    }
  }

  /** @param {string} name */
  #button(name) {
    return find(this, `[data-do="${name}"]`, HTMLButtonElement);
  }
}

export class Calls extends HTMLElement {
  /**
   * @param {Phone} phone
   * @param {(call: Call) => void} transfer
   */
  attach(phone, transfer) {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", say("calls"));
    this.append(make("h2", say("calls"), "unseen"));
    this.hidden = true;
    // Not a live region: the time that passes would be read out. What changes is said once, here.
    const spoken = find(document, "#spoken", HTMLElement);
    /** @type {Map<number, string>} */
    const said = new Map();
    /** @type {Map<number, CallElement>} */
    const elements = new Map();
    phone.addEventListener("calls", () => {
      for (const [id, element] of elements) {
        if (!phone.calls.has(id)) {
          const focused = element.contains(document.activeElement);
          element.remove();
          if (focused) {
            find(document, "#number", HTMLElement).focus({ preventScroll: true });
          }
          elements.delete(id);
          said.delete(id);
        }
      }
      for (const call of phone.calls.values()) {
        const known = elements.get(call.callId);
        if (known === undefined) {
          const element = new CallElement();
          elements.set(call.callId, element);
          // Who rings comes first, behind the heading.
          this.insertBefore(element, ringsHere(call) ? this.children[1] ?? null : null);
          element.attach(phone, call, transfer);
        } else {
          known.draw(call);
        }
        const words = `${elements.get(call.callId)?.words(call) ?? ""} ${call.note}`.trim();
        if (said.get(call.callId) !== words) {
          said.set(call.callId, words);
          spoken.textContent = say("spoken", { party: call.party, words });
        }
      }
      this.hidden = elements.size === 0;
      const ringing = [...phone.calls.values()].find(ringsHere);
      document.title = ringing === undefined ? brand() : `☎ ${ringing.party} — ${brand()}`;
    });
    setInterval(() => elements.forEach((element) => element.tick()), 1000);
  }
}
