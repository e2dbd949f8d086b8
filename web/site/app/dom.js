// The little there is between the pages and the DOM.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** An element: `h("button", { class: "go", onclick: ring }, "Call")`. Text stays text. */
export function h(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** The same for SVG. */
export function s(name, properties, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

/** A button that answers to a click. */
export function button(text, kind, onclick) {
  return h("button", { type: "button", class: kind, onclick }, text);
}

/** 75 → "1:15". */
export function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/** Call `tick` at once and every second until the returned function is called. */
export function everySecond(tick) {
  tick();
  const timer = setInterval(tick, 1000);
  return () => clearInterval(timer);
}

const away = new Map();

/** Say at the top of the page what is wrong; several may have something to say, each under a key. */
export function warn(key, text) {
  if (text) away.set(key, text);
  else away.delete(key);
  const banner = document.getElementById("away");
  const said = [...new Set(away.values())].join(" ");
  if (banner.textContent !== said) banner.textContent = said;
  banner.hidden = !said;
}
