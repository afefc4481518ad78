/**
 * Microphone, loudspeaker and what rings: chosen, seen (their levels), and tried.
 *
 * @module sound
 */

import { copy, find, make, reason } from "./parts.js";
import { say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */

/** @typedef {{id: string, name: string, default: boolean}} Device */

/**
 * @typedef {object} Devices
 * @property {Device[]} microphones
 * @property {Device[]} speakers
 * @property {Record<string, string>} chosen  by kind; a kind that uses no sound card is not there
 * @property {boolean} available
 */

const DEFAULT = "default";
/** NEON shows levels for five minutes; whoever still looks asks again. */
const AGAIN_MS = 240_000;
const QUIET = -60;
const TEST_SECONDS = 3;

export class Sound {
  #phone;
  #place;
  #timer = 0;

  /**
   * @param {Phone} phone
   * @param {HTMLElement} place
   */
  constructor(phone, place) {
    this.#phone = phone;
    this.#place = place;
    place.replaceChildren(copy("sound-template"));
    for (const label of /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll("[data-kind]"))) {
      const choice = find(label, "select", HTMLSelectElement);
      choice.addEventListener("change", async () => {
        const data = await this.#give("setdevice", { kind: label.dataset.kind, device: choice.value });
        if (data !== null) {
          this.#draw(data);
        }
      });
    }
    const test = find(place, ".test", HTMLButtonElement);
    test.addEventListener("click", () => void this.#test(test));
    phone.addEventListener("OnDevices", (event) => this.#draw(/** @type {CustomEvent} */ (event).detail));
    phone.addEventListener("OnAudioLevels", (event) => this.#levels(/** @type {CustomEvent} */ (event).detail));
  }

  /**
   * Begin, or stop, to look; the microphone is open meanwhile.
   * @param {boolean} shown
   */
  async show(shown) {
    clearInterval(this.#timer);
    if (!shown) {
      this.#levels({});
      await this.#phone.client.command("watchlevels", { on: false }).catch(() => {});
      return;
    }
    const data = await this.#give("listdevices");
    if (data !== null) {
      this.#draw(data);
      const watch = () => this.#give("watchlevels", { on: true });
      this.#timer = setInterval(watch, AGAIN_MS);
      await watch();
    }
  }

  /**
   * @param {string} action
   * @param {Record<string, unknown>} [parameters]
   * @returns {Promise<any>} null if it was refused, which is shown
   */
  async #give(action, parameters = {}) {
    try {
      return await this.#phone.client.command(action, parameters);
    } catch (error) {
      find(this.#place, ".state", HTMLElement).textContent = reason(error);
      return null;
    }
  }

  /** @param {Devices} devices */
  #draw({ microphones, speakers, chosen, available }) {
    find(this.#place, ".state", HTMLElement).textContent = available ? "" : say("noSound");
    find(this.#place, ".test", HTMLButtonElement).disabled = !available;
    for (const label of /** @type {NodeListOf<HTMLElement>} */ (this.#place.querySelectorAll("[data-kind]"))) {
      const kind = label.dataset.kind ?? "";
      const wanted = chosen[kind];
      label.hidden = wanted === undefined;
      if (wanted === undefined) {
        continue;
      }
      const devices = kind === "microphone" ? microphones : speakers;
      const usual = devices.find((device) => device.default)?.name;
      const options = [
        option(DEFAULT, usual === undefined ? say("usual") : `${say("usual")}: ${usual}`),
        ...devices.map(({ id, name }) => option(id, name)),
      ];
      if (wanted !== DEFAULT && !devices.some(({ id }) => id === wanted)) {
        options.push(option(wanted, say("unplugged", { name: wanted })));
      }
      const choice = find(label, "select", HTMLSelectElement);
      choice.replaceChildren(...options);
      choice.value = wanted;
    }
  }

  /** @param {{microphone?: number, speaker?: number}} levels  dB below the loudest sine */
  #levels({ microphone = QUIET, speaker = QUIET }) {
    for (const [kind, level] of Object.entries({ microphone, speaker })) {
      const meter = find(this.#place, `[aria-labelledby=level-${kind}]`, HTMLMeterElement);
      meter.value = Math.max(QUIET, level);
      meter.textContent = `${Math.round(level)} dB`;
    }
  }

  /** @param {HTMLButtonElement} test */
  async #test(test) {
    const verdict = find(this.#place, ".verdict", HTMLElement);
    if (this.#phone.busy()) {
      verdict.textContent = say("soundTestBusy");
      return;
    }
    test.disabled = true;
    verdict.textContent = say("soundTesting");
    // The test wants the devices for itself.
    await this.show(false);
    try {
      const data = await this.#phone.client.command("testaudio", { seconds: TEST_SECONDS });
      verdict.textContent = say(`verdict-${data.verdict}`);
    } catch (error) {
      verdict.textContent = reason(error);
    }
    test.disabled = false;
    if (!this.#place.hidden && this.#place.closest("dialog")?.open) {
      await this.show(true);
    }
  }
}

/**
 * @param {string} value
 * @param {string} text
 */
function option(value, text) {
  const made = make("option", text);
  made.value = value;
  return made;
}
