/**
 * A call as the panel knows it, and what NEON's events make of it.
 *
 * @module call
 */

import { number, party } from "./parts.js";
import { knows, say } from "./words.js";

/**
 * @typedef {object} Call
 * @property {number} callId
 * @property {"incoming" | "outgoing"} type
 * @property {string} state  "trying", "early", "confirmed", "releasing" or "terminated"
 * @property {string} uri  the other end's
 * @property {string} party
 * @property {boolean} hold
 * @property {boolean} remoteHold
 * @property {boolean} muted
 * @property {number | null} since  ms, when it was answered, where that is known
 * @property {number} duration  ms, once it is over
 * @property {string} note
 * @property {string} asked  whom the other end wants us to call instead, "" if nobody
 * @property {string} typed
 * @property {boolean} recording
 * @property {boolean} paused  the recording, which has silence then
 * @property {boolean} encrypted
 * @property {boolean} conference  its far end hears those of the other calls with this mark
 * @property {number} volume  percent
 * @property {number | null} mos  how it sounds, 1 to 4.5, once that is known
 * @property {Map<string, string>} problems  with its sound, by NEON's names for them
 */

/** Why somebody could not be passed on, by the SIP status that their side gave. */
const PASSED_ON = /** @type {Record<number, string>} */ ({
  403: "transferNotAllowed", 404: "transferNobody", 405: "transferNotAllowed", 408: "transferNoAnswer",
  410: "transferNobody", 480: "transferNoAnswer", 484: "transferNobody", 486: "transferBusy", 501: "transferNotAllowed",
  600: "transferBusy", 603: "transferDeclined", 604: "transferNobody",
});

/**
 * A warning in the person's language; NEON's own words for one that is not known here.
 * @param {{problem: string, description: string, advice: string}} warning
 */
function sound({ problem, description, advice }) {
  return knows(`sound-${problem}`) ? say(`sound-${problem}`) : `${description} ${advice}`.trim();
}

/**
 * A call that begins.
 * @param {any} data  of OnNewCall or listcalls
 * @returns {Call}
 */
export function begun(data) {
  const uri = data.type === "incoming" ? data.from : data.to;
  return {
    callId: data.callId,
    type: data.type,
    state: "trying",
    uri,
    party: party(uri, data.displayName),
    hold: false,
    remoteHold: false,
    muted: false,
    since: null,
    duration: 0,
    note: "",
    asked: "",
    typed: "",
    recording: false,
    paused: false,
    encrypted: false,
    conference: false,
    volume: 100,
    mos: null,
    problems: new Map(),
  };
}

/**
 * Something happened to it.
 * @param {Call} call
 * @param {string} name  of the event
 * @param {any} data  the event's
 * @param {string} ts  when
 */
export function change(call, name, data, ts) {
  switch (name) {
    case "OnRinging":
      call.state = "early";
      break;
    case "OnAcceptCall":
      call.state = "confirmed";
      call.since = Date.parse(ts);
      break;
    case "OnHold":
      call.hold = data.local;
      call.remoteHold = data.remote;
      if (data.SIPError) {
        call.note = `${say("holdFailed")} (${data.SIPError})`;
      }
      break;
    case "OnMute":
      call.muted = data.muted;
      break;
    case "OnVolume":
      call.volume = data.percent;
      break;
    case "OnRecording":
      call.recording = data.state !== "stopped" && data.state !== "failed";
      call.paused = data.state === "paused";
      break;
    case "OnMediaStats":
      call.mos = data.mos ?? null;
      break;
    case "OnMediaWarning":
      if (data.active) {
        call.problems.set(data.problem, sound(data));
      } else {
        call.problems.delete(data.problem);
      }
      break;
    case "OnTransferFailed": {
      const why = PASSED_ON[data.SIPError];
      const status = data.SIPError ? ` (${data.SIPError})` : "";
      call.note = say("transferFailed") + (why === undefined ? status : ` ${say(why)}`);
      break;
    }
    case "OnTransferRequest":
      call.asked = number(data.target);
      break;
    case "OnFinalizedCall":
      call.state = "terminated";
      call.duration = data.duration;
      call.note = "";
      call.asked = "";
      break;
  }
}
