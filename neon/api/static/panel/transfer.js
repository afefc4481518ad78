/**
 * Passing a call on: to a number (blind), or to somebody who is on the line already (attended).
 *
 * @module transfer
 */

import { button, dialable, find, reason } from "./parts.js";
import { say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */
/** @typedef {import("./phone.js").Call} Call */

/**
 * @param {Phone} phone
 * @returns {(call: Call) => void} opens the dialog for a call
 */
export function transferring(phone) {
  const dialog = find(document, "#transfer", HTMLDialogElement);
  const form = find(dialog, "form", HTMLFormElement);
  const field = find(dialog, "input", HTMLInputElement);
  const problem = find(dialog, ".problem", HTMLElement);
  /** @type {Call | null} */
  let passed = null;

  /** @param {{to: string} | {toCallId: number}} where */
  const pass = async (where) => {
    if (passed === null) {
      return;
    }
    const call = passed;
    try {
      await phone.client.command("transfercall", { callId: call.callId, ...where });
      call.note = say("transferring");
      phone.tell("calls");
      dialog.close();
    } catch (error) {
      problem.textContent = reason(error);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const to = dialable(field.value);
    if (to === "") {
      field.focus();
    } else {
      void pass({ to });
    }
  });
  const others = find(dialog, ".others", HTMLElement);
  /**
   * Whom the call could be connected with.
   * @param {Call} call
   */
  const offer = (call) => {
    const up = [...phone.calls.values()].filter(
      (other) => other.callId !== call.callId && other.state === "confirmed" && call.state === "confirmed",
    );
    const drawn = up.map(({ callId }) => callId).join(" ");
    // Drawn again only where it changes: somebody may have the focus there.
    if (others.dataset.drawn !== drawn) {
      others.dataset.drawn = drawn;
      others.replaceChildren(...up.map((other) => (
        button(say("transferWith", { party: other.party }), () => pass({ toCallId: other.callId }))
      )));
    }
  };
  phone.addEventListener("calls", () => {
    if (passed === null || !dialog.open) {
      return;
    }
    const call = phone.calls.get(passed.callId);
    if (call === undefined || call.state === "terminated") {
      dialog.close();
    } else {
      offer(call);
    }
  });
  return (call) => {
    passed = call;
    field.value = "";
    problem.textContent = "";
    find(dialog, ".who", HTMLElement).textContent = say("transferWho", { party: call.party });
    offer(call);
    dialog.showModal();
    field.focus();
  };
}
