/**
 * Accounts: what becomes of their calls, new ones, and old ones taken away. And which web pages may use NEON.
 *
 * @module settings
 */

import { button, copy, doubled, find, make, reason, tabs } from "./parts.js";
import { standing } from "./status.js";
import { say } from "./words.js";

/** @typedef {import("./phone.js").Phone} Phone */
/** @typedef {import("./phone.js").Account} Account */

/**
 * @param {HTMLFormElement} form
 * @param {(data: FormData) => Promise<unknown>} save
 */
function saving(form, save) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = find(form, ".problem", HTMLElement);
    problem.textContent = "";
    problem.classList.remove("fine");
    try {
      await save(new FormData(form));
    } catch (error) {
      problem.textContent = reason(error);
    }
  });
}

/**
 * @param {Phone} phone
 * @param {Account} account
 */
function accountForm(phone, account) {
  const fragment = copy("account-template");
  const form = find(fragment, "form", HTMLFormElement);
  const { connectionId, uri, incoming = {} } = account;
  form.dataset.account = String(connectionId);
  find(form, "h3", HTMLElement).textContent = uri.replace(/^sips?:/, "");
  find(form, ".state", HTMLElement).textContent = standing(account);
  find(form, "[name=dnd]", HTMLInputElement).checked = incoming.dnd ?? false;
  for (const when of /** @type {const} */ (["always", "busy", "noanswer"])) {
    find(form, `[name=${when}]`, HTMLInputElement).value = incoming[when] ?? "";
  }
  find(form, "[name=seconds]", HTMLInputElement).value = String(incoming.seconds ?? "");
  const forwards = incoming.always || incoming.busy || incoming.noanswer;
  find(form, "details", HTMLDetailsElement).open = Boolean(forwards);
  const remove = find(form, ".remove", HTMLElement);
  remove.addEventListener("click", async (event) => {
    if (doubled(event)) {
      return;
    }
    // Asked once more, in its own place.
    if (!remove.classList.contains("bad")) {
      remove.classList.add("bad");
      remove.textContent = say("unregisterSure");
      return;
    }
    await phone.act("sipunregister", { connectionId });
    form.remove();
    await phone.reload();
  });
  saving(form, async (data) => {
    await phone.client.command("setdnd", { connectionId, dnd: data.get("dnd") !== null });
    for (const when of /** @type {const} */ (["always", "busy", "noanswer"])) {
      const to = String(data.get(when) ?? "").trim();
      const seconds = String(data.get("seconds") ?? "");
      const after = when === "noanswer" && to !== "" && seconds !== "" ? { seconds: Number(seconds) } : {};
      if (to !== (incoming[when] ?? "") || "seconds" in after) {
        await phone.client.command("setforward", { connectionId, when, ...(to === "" ? {} : { to }), ...after });
      }
    }
    await phone.reload();
    const outcome = find(form, ".problem", HTMLElement);
    outcome.classList.add("fine");
    outcome.textContent = say("saved");
    account.incoming = phone.accounts.find((one) => one.connectionId === connectionId)?.incoming ?? {};
    Object.assign(incoming, { always: "", busy: "", noanswer: "" }, account.incoming);
  });
  return fragment;
}

/**
 * @param {Phone} phone
 * @param {HTMLElement} list
 */
async function origins(phone, list) {
  /** @type {{origins: {origin: string, standing: string}[]}} */
  const told = await phone.client.command("originlist");
  list.replaceChildren(...(told.origins.length === 0 ? [make("li", say("noOrigins"))] : []));
  for (const one of told.origins) {
    const line = make("li");
    line.append(make("span", `${one.origin}: ${say(`standing${one.standing}`)}`));
    if (["allowed", "blocked", "allowed once"].includes(one.standing)) {
      const forget = button(say("forget"), async () => {
        await phone.act("originforget", { origin: one.origin });
        await origins(phone, list);
      });
      forget.setAttribute("aria-label", say("forgetOrigin", { origin: one.origin }));
      line.append(forget);
    }
    list.append(line);
  }
}

/**
 * The switch of the WebSocket server, and what it did.
 * @param {Phone} phone
 * @param {HTMLElement} place
 */
function websocket(phone, place) {
  const box = find(place, "#websocket", HTMLInputElement);
  const state = find(place, "#websocket-state", HTMLElement);
  /** @param {{enabled: boolean, url: string | null}} told */
  const show = ({ enabled, url }) => {
    box.checked = enabled;
    state.textContent = enabled ? say("websocketOn", { url: url ?? "" }) : say("websocketOff");
  };
  box.addEventListener("change", async () => {
    try {
      show(await phone.client.command("websocketserver", { enabled: box.checked }));
    } catch (error) {
      box.checked = !box.checked;
      state.textContent = reason(error);
    }
  });
  return async () => show(await phone.client.command("websocketserver"));
}

/**
 * @param {Phone} phone
 * @returns {() => void} opens them
 */
export function settings(phone) {
  const dialog = find(document, "#settings", HTMLDialogElement);
  const fresh = find(dialog, "form.new", HTMLFormElement);
  const pages = find(dialog, "#pages", HTMLElement);
  const problem = find(dialog, ":scope > .problem", HTMLElement);
  const adding = find(dialog, "details.fresh", HTMLDetailsElement);
  const look = websocket(phone, pages);
  const place = find(dialog, "#sound", HTMLElement);
  /** @type {import("./sound.js").Sound | null} */
  let sound = null;
  const listen = async () => {
    const shown = dialog.open && !place.hidden;
    if (shown && sound === null) {
      const { Sound } = await import("./sound.js");
      sound = new Sound(phone, place);
    }
    await sound?.show(shown);
  };
  tabs(find(dialog, "[role=tablist]", HTMLElement), (panel) => {
    if (panel === place && dialog.open) {
      void listen();
    }
  });
  dialog.addEventListener("close", () => void listen());
  const list = find(dialog, ".list", HTMLElement);
  const problemOfFresh = find(fresh, ".problem", HTMLElement);
  /** The account that was just added, until it is known how that went. */
  let trying = 0;
  /** Forms for the accounts that there are. What is being typed into one stays, how its account is does not. */
  const draw = () => {
    for (const form of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(":scope > form"))) {
      const account = phone.accounts.find(({ connectionId }) => String(connectionId) === form.dataset.account);
      if (account === undefined) {
        form.remove();
      } else {
        find(form, ".state", HTMLElement).textContent = standing(account);
      }
    }
    for (const account of phone.accounts) {
      if (list.querySelector(`[data-account="${account.connectionId}"]`) === null) {
        list.append(accountForm(phone, account));
      }
    }
  };
  saving(fresh, async (data) => {
    const given = [...data].map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value !== "");
    trying = (await phone.client.command("sipregister", Object.fromEntries(given))).connectionId;
    problemOfFresh.textContent = say("working");
    await phone.reload();
  });
  phone.addEventListener("accounts", () => {
    if (!dialog.open) {
      return;
    }
    draw();
    const account = phone.accounts.find(({ connectionId }) => connectionId === trying);
    if (account?.state === "registered") {
      // Only one that works is there again after a restart.
      void phone.act("keepaccount", { connectionId: trying });
      trying = 0;
      problemOfFresh.textContent = "";
      fresh.reset();
      adding.open = false;
    } else if (account !== undefined && account.state !== "registering") {
      // What was typed stays: it may lack one letter.
      problemOfFresh.textContent = standing(account);
    }
  });
  return () => {
    list.replaceChildren();
    draw();
    adding.open = phone.accounts.length === 0;
    problem.textContent = "";
    find(dialog, "#tab-pages", HTMLElement).hidden = !phone.owner;
    if (phone.owner) {
      Promise.all([origins(phone, find(pages, ".origins", HTMLElement)), look()]).catch((error) => {
        problem.textContent = reason(error);
      });
    }
    dialog.showModal();
    void listen();
  };
}
