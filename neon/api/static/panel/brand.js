/**
 * The operator's name, logo and colours (`/brand.json`, docs/branding.rst). Whatever the colours are, what is written
 * in them, or on them, has the contrast of WCAG 2.2 (1.4.3, 1.4.11).
 *
 * @module brand
 */

import { find } from "./parts.js";

/** @typedef {[number, number, number]} Colour  red, green and blue, 0 to 255 */

/** @type {Colour} */
const WHITE = [255, 255, 255];
/** @type {Colour} */
const BLACK = [0, 0, 0];
/** The papers of panel.css, on which a colour has to be legible: the lightest grey there is, and the lightest black. */
const PAPERS = { light: /** @type {Colour} */ ([0xf3, 0xf4, 0xf8]), dark: /** @type {Colour} */ ([0x1f, 0x20, 0x26]) };
const LEGIBLE = 4.6;

let name = "NEON";

/** What this phone is called. */
export function brand() {
  return name;
}

/**
 * @param {string} text  #rrggbb
 * @returns {Colour | null}
 */
export function colour(text) {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  return found === null ? null : [parse(found[1]), parse(found[2]), parse(found[3])];
}

/** @param {string | undefined} pair */
function parse(pair) {
  return Number.parseInt(pair ?? "0", 16);
}

/**
 * WCAG 2.2, "relative luminance".
 * @param {Colour} one
 */
function luminance(one) {
  const [red = 0, green = 0, blue = 0] = one.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * WCAG 2.2, "contrast ratio": 1 to 21.
 * @param {Colour} one
 * @param {Colour} other
 */
export function contrast(one, other) {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/**
 * The colour itself where it can be read on the paper, else the nearest one that can, darker or lighter.
 * @param {Colour} wanted
 * @param {Colour} paper
 * @returns {Colour}
 */
export function legible(wanted, paper) {
  const end = luminance(paper) > 0.18 ? BLACK : WHITE;
  for (let share = 0; share < 1; share += 0.02) {
    const mixed = /** @type {Colour} */ (wanted.map((value, index) => (
      Math.round(value + (/** @type {number} */ (end[index]) - value) * share)
    )));
    if (contrast(mixed, paper) >= LEGIBLE) {
      return mixed;
    }
  }
  return end;
}

/**
 * @param {string | null} text
 * @param {string} property  of panel.css: there is one for light and one for dark
 */
function dye(text, property) {
  const wanted = colour(text ?? "");
  if (wanted === null) {
    return;
  }
  for (const [scheme, paper] of Object.entries(PAPERS)) {
    const ink = legible(wanted, paper);
    const on = contrast(ink, WHITE) >= contrast(ink, BLACK) ? "#ffffff" : "#000000";
    const { style } = document.documentElement;
    style.setProperty(`--${property}-${scheme}`, `rgb(${ink.join(" ")})`);
    style.setProperty(`--on-${property}-${scheme}`, on);
  }
}

/**
 * @param {string} id
 * @param {string | null} address
 * @param {string} [text]
 */
function link(id, address, text) {
  const place = find(document, `#${id}`, HTMLAnchorElement);
  if (address !== null && /^(?:https?|mailto|tel):/i.test(address)) {
    place.href = address;
    place.hidden = false;
    place.target = "_blank";
    place.rel = "noreferrer";
    if (text !== undefined) {
      place.textContent = text;
    }
  }
}

/** Ask NEON who it is, and look like it. */
export async function dress() {
  try {
    const answer = await fetch("/brand.json");
    const told = await answer.json();
    name = told.name;
    dye(told.colour, "accent");
    dye(told.accentColour, "stripe");
    link("website", told.website, told.website?.replace(/^https?:\/\/|\/$/g, ""));
    link("support", told.support);
    if (told.logo !== null) {
      const logo = find(document, "#logo", HTMLImageElement);
      logo.src = told.logo;
      logo.hidden = false;
      find(document, "link[rel=icon]", HTMLLinkElement).href = told.logo;
    }
  } catch {
    // Then it looks as it does without a brand.
  }
  document.title = name;
  find(document, "#brand", HTMLElement).textContent = name;
}
