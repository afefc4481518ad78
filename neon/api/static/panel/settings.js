/**
 * Accounts: what becomes of their calls, new ones, and old ones taken away. And what was said about web pages.
 *
 * @module settings
 */

import { button, copy, find, make, reason } from "./parts.js";
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
  find(form, "h3", HTMLElement).textContent = uri.replace(/^sips?:/, "");
  find(form, ".state", HTMLElement).textContent = standing(account);
  find(form, "[name=dnd]", HTMLInputElement).checked = incoming.dnd ?? false;
  for (const when of /** @type {const} */ (["always", "busy", "noanswer"])) {
    find(form, `[name=${when}]`, HTMLInputElement).value = incoming[when] ?? "";
  }
  find(form, "[name=seconds]", HTMLInputElement).value = String(incoming.seconds ?? "");
  find(form, ".remove", HTMLElement).addEventListener("click", async () => {
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
    find(form, ".state", HTMLElement).textContent = say("saved");
    await phone.reload();
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

/** @param {Phone} phone */
export function settings(phone) {
  const dialog = find(document, "#settings", HTMLDialogElement);
  const fresh = find(dialog, "form.new", HTMLFormElement);
  const draw = () => {
    find(dialog, ".list", HTMLElement).replaceChildren(...phone.accounts.map((account) => accountForm(phone, account)));
  };
  saving(fresh, async (data) => {
    const given = [...data].map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value !== "");
    await phone.client.command("sipregister", Object.fromEntries(given));
    fresh.reset();
    await phone.reload();
    draw();
  });
  find(document, "#open-settings", HTMLElement).addEventListener("click", () => {
    draw();
    find(dialog, ".origins", HTMLElement).hidden = !phone.owner;
    if (phone.owner) {
      const list = find(dialog, ".origins ul", HTMLElement);
      void origins(phone, list).catch((error) => phone.tell("trouble", reason(error)));
    }
    dialog.showModal();
  });
}
