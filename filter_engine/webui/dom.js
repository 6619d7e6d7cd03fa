// Elements and formats. Text from mail is only ever set as text, never read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** A table in a box that scrolls by itself; `columns` are {title, number?, row: (item) => content}. */
export function table(caption, columns, items, { empty = "Nothing yet.", rowClass = null } = {}) {
  if (!items.length) return h("p", { class: "empty" }, empty);
  const head = columns.map((column) => h("th", { scope: "col", class: column.number && "number" }, column.title));
  const rows = items.map((item) =>
    h("tr", { class: rowClass && rowClass(item) },
      columns.map((column) => h("td", { class: column.number && "number" }, column.row(item)))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", { class: "unseen" }, caption), h("thead", null, h("tr", null, head)), h("tbody", null, rows)));
}

export const count = (value) => (value ?? 0).toLocaleString("en");
export const score = (value) => (value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(2));

/** A point in time, in UTC as the logs have it. */
export function moment(seconds) {
  if (!seconds) return "–";
  const iso = new Date(seconds * 1000).toISOString();
  return h("time", { datetime: iso }, `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`);
}

export function duration(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const shown = [];
  let rest = Math.round(seconds);
  for (const [name, size] of units) {
    if (rest >= size && shown.length < 2) shown.push(`${Math.floor(rest / size)} ${name}`);
    rest %= size;
  }
  return shown.join(" ") || "0 s";
}

export function bytes(value) {
  const names = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  let rest = value ?? 0;
  while (rest >= 1000 && at < names.length - 1) { rest /= 1000; at += 1; }
  return `${at ? rest.toFixed(1) : rest} ${names[at]}`;
}

const KINDS = {
  "reject": "bad", "soft reject": "later", "greylist": "later", "add header": "doubt",
  "rewrite subject": "doubt", "no action": "good", "discard": "bad", "quarantine": "bad",
};

/** An action as a badge: its word says it, its colour only helps. */
export const action = (name) => h("span", { class: `badge ${KINDS[name] ?? ""}` }, name ?? "–");

export function heading(title, ...beside) {
  return h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, title), beside);
}

/** A line for people and for screen readers, gone after a while. */
export function tell(text, bad = false) {
  const place = document.getElementById("told");
  place.textContent = text;
  place.className = bad ? "shown bad" : "shown";
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { place.className = ""; }, bad ? 12000 : 5000);
}
