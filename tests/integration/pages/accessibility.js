/**
 * Looks at the page as somebody would who cannot see it, or not well: WCAG 2.2, as far as a program can tell.
 * 1.3.1, 4.1.2 names; 1.4.3 contrast; 2.1.1 reach; 2.4.3 no positive tabindex; 2.5.8 size; 3.1.1 language; 4.1.1 ids.
 */

var CONTROLS = "a[href], button, input, select, textarea, iframe, [tabindex]:not([tabindex='-1'])";

function shown() {
  const dialog = document.querySelector("dialog[open]");
  const root = dialog ?? document.body;
  const visible = { visibilityProperty: true, opacityProperty: true };
  return [...root.querySelectorAll("*")].filter((one) => one.checkVisibility(visible));
}

function controls() {
  // Of tabs one is reached by Tab, the others by arrows.
  return shown().filter((one) => one.matches(CONTROLS) && !one.disabled && one.tabIndex >= 0);
}

function number(element) {
  const index = controls().indexOf(element);
  return index < 0 ? null : index;
}

function missed(reached) {
  return controls().filter((_, index) => !reached.includes(index)).map((one) => one.outerHTML.slice(0, 120));
}

function nameOf(one) {
  const ids = (one.getAttribute("aria-labelledby") ?? "").split(" ");
  const by = ids.map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim();
  const labels = [...(one.labels ?? [])].map((label) => label.textContent).join(" ");
  const own = one.matches("button, a") ? one.textContent : "";
  return (one.getAttribute("aria-label") ?? (by || labels || own)).trim();
}

function parse(colour) {
  const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
  return { r, g, b, a };
}

function background(one) {
  for (let place = one; place !== null; place = place.parentElement) {
    const colour = parse(getComputedStyle(place).backgroundColor);
    if (colour.a === 1) return colour;
  }
  return { r: 255, g: 255, b: 255, a: 1 };
}

function luminance({ r, g, b }) {
  const [red, green, blue] = [r, g, b].map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, two) {
  const [light, dark] = [luminance(one), luminance(two)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function examine() {
  const problems = [];
  const say = (what, one) => problems.push(`${what}: ${one.outerHTML.slice(0, 160)}`);
  for (const one of controls()) {
    if (nameOf(one) === "") say("no name", one);
    if (one.tabIndex > 0) say("a tabindex of its own", one);
    const { width, height } = one.getBoundingClientRect();
    if (width < 24 || height < 24) say(`too small (${width} x ${height})`, one);
    const style = getComputedStyle(one);
    const bordered = one.matches("input:not([type=checkbox]), select");
    if (bordered && contrast(parse(style.borderTopColor), background(one.parentElement)) < 3) {
      say("a border without contrast", one);
    }
  }
  const written = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "";
  const texts = shown().filter((one) => [...one.childNodes].some(written));
  for (const one of texts) {
    const style = getComputedStyle(one);
    if (style.clipPath !== "none") continue;
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(parse(style.color), background(one));
    if (ratio < (large ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}`, one);
  }
  for (const one of shown().filter((element) => element.matches("dialog, [role=group], [role=region], nav"))) {
    if (nameOf(one) === "") say("no name", one);
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids.filter((one, index) => ids.indexOf(one) !== index))) {
    problems.push(`two elements have the id ${id}`);
  }
  if (document.documentElement.lang === "") problems.push("no language");
  for (const tag of ["main", "h1"]) {
    if (document.querySelectorAll(tag).length !== 1) problems.push(`not one ${tag}`);
  }
  return { problems, controls: controls().length, texts: texts.length };
}
