// Plots in SVG: drawn from numbers, with the same numbers as words for those who cannot see them.

import { h, svg } from "./dom.js";

const WIDTH = 1200;
const HEIGHT = 220;
const LEFT = 44;
const BOTTOM = 22;

function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((limit) => limit >= value);
}

/**
 * Areas one upon another. `series` are {name, kind, values: [number|null]}, `times` are seconds since 1970.
 */
export function areas(label, series, times, unit) {
  const points = times.length;
  const sums = times.map((_, at) => series.reduce((sum, line) => sum + (line.values[at] ?? 0), 0));
  const top = ceiling(Math.max(0, ...sums));
  const x = (at) => LEFT + (points < 2 ? 0 : ((WIDTH - LEFT) * at) / (points - 1));
  const y = (value) => (HEIGHT - BOTTOM) * (1 - value / top) + 2;
  const below = times.map(() => 0);
  const shapes = series.map((line) => {
    const lower = [...below];
    line.values.forEach((value, at) => { below[at] += value ?? 0; });
    const upper = below.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    const back = lower.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).reverse();
    return svg("polygon", { class: `area ${line.kind}`, points: [...upper, ...back].join(" ") },
      svg("title", null, line.name));
  });
  const lines = [0, 0.5, 1].map((part) => svg("g", null,
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(top * part), y2: y(top * part) }),
    svg("text", { x: LEFT - 6, y: y(top * part) + 4, "text-anchor": "end" }, String(+(top * part).toPrecision(3)))));
  const clock = (at) => new Date(times[at] * 1000).toISOString().slice(11, 19);
  const marks = points < 2 ? [] : [[0, "start"], [points - 1, "end"]].map(([at, anchor]) =>
    svg("text", { x: x(at), y: HEIGHT - 4, "text-anchor": anchor }, clock(at)));
  const last = series.map((line) => `${line.name} ${+(line.values.at(-1) ?? 0).toFixed(2)}`).join(", ");
  return h("figure", null,
    svg("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${label}; now ${last} ${unit}` },
      lines, shapes, marks),
    h("figcaption", null, label, " ",
      series.map((line) => [h("span", { class: `key ${line.kind}` }, line.name), " "])));
}

/** Parts of a whole as one bar and a list. `parts` are {name, kind, value}. */
export function parts(label, items) {
  const sum = items.reduce((total, item) => total + item.value, 0);
  let at = 0;
  const shapes = items.filter((item) => item.value > 0).map((item) => {
    const width = (100 * item.value) / sum;
    const shape = svg("rect", { class: `area ${item.kind}`, x: at, y: 0, width, height: 6 }, svg("title", null, item.name));
    at += width;
    return shape;
  });
  const share = (value) => (sum ? `${((100 * value) / sum).toFixed(1)} %` : "–");
  return h("figure", null,
    svg("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none", role: "img", "aria-label": label }, shapes),
    h("ul", { class: "legend" }, items.map((item) => h("li", null,
      h("span", { class: `key ${item.kind}` }, item.name), " ", item.value.toLocaleString("en"), " ", h("small", null, share(item.value))))));
}
