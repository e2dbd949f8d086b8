// The console's charts: hand-made SVG, with the same numbers as a table beside them.

import { h, s } from "./dom.js";

export const OUTCOMES = [
  ["completed", "Completed"],
  ["missed", "Missed"],
  ["rejected", "Rejected"],
  ["cancelled", "Cancelled"],
];

const HEIGHT = 190;
const BOTTOM = 24;
const GUTTER = 34;
const SHARE = 600;

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

/** The next round number, so that the axis does not jump with every call. */
function ceiling(most) {
  const steps = [4, 8, 12, 20, 40, 60, 100, 200, 400, 600, 1000];
  return steps.find((step) => step >= most) ?? 4 ** Math.ceil(Math.log(most) / Math.log(4));
}

function timeOf(until, ago) {
  const at = new Date(new Date(until).getTime() - ago * 60_000);
  return at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

/** `[[3, "Completed"], [0, "Missed"]]` → `3 completed`. */
function spelt(counts) {
  return counts.filter(([count]) => count).map(([count, name]) => `${count} ${name.toLowerCase()}`).join(", ");
}

function bar(kind, x, y, width, height, tip) {
  return s("rect", { class: kind, x, y, width, height, rx: 1.5 }, s("title", {}, tip));
}

/** Calls per day, answered and not, with the share of the answered ones above; the days are UTC's. */
export function perDay(days, width) {
  const step = width / days.length;
  const top = ceiling(Math.max(...days.map(({ calls }) => calls)));
  const base = HEIGHT - BOTTOM;
  const scale = (base - 22) / top;
  const parts = days.flatMap(({ since, calls, answered, answerRate }, at) => {
    const [x, middle, wide] = [at * step + step * 0.2, (at + 0.5) * step, step * 0.6];
    const form = { weekday: "short", timeZone: "UTC", ...(width < 500 ? {} : { day: "numeric" }) };
    const day = new Date(since).toLocaleDateString([], form);
    const tip = `${since.slice(0, 10)}: ${calls} calls, ${answered} answered`;
    const high = answered * scale, rest = (calls - answered) * scale;
    return [
      high ? bar("completed", x, base - high, wide, high, tip) : null,
      rest ? bar("missed", x, base - high - rest, wide, rest, tip) : null,
      calls ? s("text", { x: middle, y: base - high - rest - 6, "text-anchor": "middle" }, `${Math.round(answerRate * 100)} %`) : null,
      s("text", { class: "time", x: middle, y: HEIGHT - 5, "text-anchor": "middle" }, at === days.length - 1 ? "today" : day),
    ].filter(Boolean);
  });
  const all = sum(days.map(({ calls }) => calls));
  const words = `Calls per day in the last seven days: ${all} in all, ${sum(days.map(({ answered }) => answered))} answered.`;
  return h("figure", {}, s("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": words },
    s("line", { class: "axis", x1: 0, x2: width, y1: base, y2: base }), parts),
  h("ul", { class: "legend" }, h("li", {}, h("i", { class: "completed" }), "Answered"), h("li", {}, h("i", { class: "missed" }), "Not answered")));
}

/** Calls per minute over the last hour, a stacked bar for each minute; as wide as said, so that the
 *  letters are as large on a phone as on a desk. */
export function perMinute(hour, width) {
  const inner = width - GUTTER;
  const step = inner / 60;
  const totals = hour.completed.map((_, at) => sum(OUTCOMES.map(([key]) => hour[key][at])));
  const top = ceiling(Math.max(...totals));
  const scale = (HEIGHT - BOTTOM - 8) / top;
  const base = HEIGHT - BOTTOM;
  const lines = [0.5, 1].map((part) => {
    const y = base - part * top * scale;
    return s("g", { class: "line" }, s("line", { x1: 0, x2: inner, y1: y, y2: y }),
      s("text", { x: width, y: y + 4, "text-anchor": "end" }, String(part * top)));
  });
  const tip = (at) => `${timeOf(hour.until, 59 - at)}: ${spelt(OUTCOMES.map(([key, name]) => [hour[key][at], name]))}`;
  const bars = totals.flatMap((_, at) => {
    let y = base;
    return OUTCOMES.flatMap(([key]) => {
      const height = hour[key][at] * scale;
      y -= height;
      return height ? [bar(key, at * step + step * 0.14, y, step * 0.72, height, tip(at))] : [];
    });
  });
  const times = (width < 500 ? [59, 30, 0] : [59, 45, 30, 15, 0]).map((ago) => s("text", {
    class: "time", x: (59 - ago + 0.5) * step, y: HEIGHT - 5,
    "text-anchor": ago === 59 ? "start" : ago === 0 ? "end" : "middle",
  }, timeOf(hour.until, ago)));
  const words = `Calls per minute over the last hour: ${sum(totals)} in all, at most ${Math.max(...totals)} in a minute.`;
  return s("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": words },
    lines, s("line", { class: "axis", x1: 0, x2: inner, y1: base, y2: base }), bars, times);
}

/** How the calls of the last hour ended: one bar, and a legend with the numbers. */
export function outcomes(hour) {
  const totals = OUTCOMES.map(([key, name]) => ({ key, name, count: sum(hour[key]) }));
  const all = sum(totals.map(({ count }) => count));
  let x = 0;
  const parts = totals.filter(({ count }) => count).map(({ key, count }) => {
    const width = (count / all) * SHARE;
    x += width;
    return s("rect", { class: key, x: x - width, y: 0, width: Math.max(2, width - 2), height: 14, rx: 3 });
  });
  const bar = all
    ? s("svg", { class: "share", viewBox: `0 0 ${SHARE} 14`, preserveAspectRatio: "none", "aria-hidden": "true" }, parts)
    : null;
  return h("div", {}, bar, h("ul", { class: "legend" }, totals.map(({ key, name, count }) =>
    h("li", {}, h("i", { class: key }), `${name} `, h("strong", {}, String(count)),
      all ? h("span", { class: "note" }, `${Math.round((100 * count) / all)} %`) : null))));
}

/** The minutes in which something happened, as a table. */
export function asTable(hour) {
  const busy = hour.completed.map((_, at) => at).filter((at) => OUTCOMES.some(([key]) => hour[key][at]));
  const head = h("tr", {}, h("th", { scope: "col" }, "Minute"), OUTCOMES.map(([, name]) => h("th", { scope: "col" }, name)));
  const rows = busy.reverse().map((at) => h("tr", {}, h("th", { scope: "row" }, timeOf(hour.until, 59 - at)),
    OUTCOMES.map(([key]) => h("td", {}, String(hour[key][at])))));
  return h("table", {}, h("thead", {}, head), h("tbody", {}, rows));
}
