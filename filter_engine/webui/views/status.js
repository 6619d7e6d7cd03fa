// How much mail, with which verdicts, now and over time.

import { ask } from "../api.js";
import { bytes, count, duration, h, heading, table } from "../dom.js";
import { areas, parts } from "../plot.js";

const KINDS = { reject: "bad", "soft reject": "later", "rewrite subject": "doubt2", "add header": "doubt", greylist: "later2", "no action": "good" };
const NAMES = Object.keys(KINDS);
const EVERY = 2000;
const KEPT = 90;

export async function show({ signal }) {
  const live = { times: [], rows: [] };
  const place = { now: h("div"), live: h("div"), long: h("div"), classes: h("div") };
  const period = h("select", { id: "period" }, ["day", "week", "month", "year"].map((name) => h("option", { value: name }, `last ${name}`)));
  const drawLong = async () => {
    place.long.replaceChildren(longPlot(period.value, await ask(`graph?type=${period.value}`, { signal })));
  };
  period.addEventListener("change", () => drawLong().catch(() => {}));
  const first = await ask("stat", { signal });
  let before = first;
  let beforeAt = Date.now() / 1000;
  draw(place, first, live);
  await drawLong();

  const tick = async () => {
    if (signal.aborted) return;
    try {
      if (!document.hidden) {
        const stat = await ask("stat", { signal });
        const now = Date.now() / 1000;
        live.times.push(now);
        live.rows.push(NAMES.map((name) => Math.max(0, stat.actions[name] - before.actions[name]) / (now - beforeAt)));
        if (live.times.length > KEPT) { live.times.shift(); live.rows.shift(); }
        before = stat;
        beforeAt = now;
        draw(place, stat, live);
        place.now.classList.remove("stale");
      }
    } catch (error) {
      if (signal.aborted) return;
      place.now.classList.add("stale");
    }
    setTimeout(tick, EVERY);
  };
  setTimeout(tick, EVERY);

  return h("div", null, heading("Status"), place.now, h("h2", null, "Now"), place.live,
    h("h2", null, "Throughput"), h("p", null, h("label", { for: "period" }, "Period "), period), place.long,
    h("h2", null, "What was learnt"), place.classes);
}

function card(title, value, note = "") {
  return h("div", { class: "card" }, h("dt", null, title), h("dd", null, value, note ? h("small", null, note) : null));
}

function draw(place, stat, live) {
  const times = stat.scan_times?.filter((value) => value !== null) ?? [];
  const average = times.length ? times.reduce((sum, value) => sum + value, 0) / times.length : null;
  const troubles = [["scan errors", stat.scan_errors], ["time ran out", stat.scan_timeouts], ["store did not answer", stat.store_failures],
    ["told to come back", stat.tempfailed], ["upstream errors", stat.upstream_errors]].filter(([, value]) => value);
  place.now.replaceChildren(
    h("dl", { class: "cards" },
      card("Scanned", count(stat.scanned), bytes(stat.bytes_scanned)),
      card("Spam", count(stat.spam_count), stat.scanned ? `${((100 * stat.spam_count) / stat.scanned).toFixed(1)} %` : ""),
      card("Learnt", count(stat.learned ?? stat.total_learns)),
      card("Mean scan", average === null ? "–" : `${(average * 1000).toFixed(0)} ms`, `of the last ${times.length}`),
      card("Up", duration(stat.uptime), `version ${stat.version}`)),
    parts("Verdicts", NAMES.map((name) => ({ name, kind: KINDS[name], value: stat.actions[name] ?? 0 }))),
    troubles.length ? h("p", { class: "bad" }, "Troubles: ", troubles.map(([name, value]) => `${name} ${count(value)}`).join(", ")) : "");
  const columns = NAMES.map((name, at) => ({ name, kind: KINDS[name], values: live.rows.map((row) => row[at]) }));
  place.live.replaceChildren(live.times.length > 1
    ? areas("Messages a second, every two seconds", columns, live.times, "a second")
    : h("p", { class: "empty" }, "The plot begins with the next figures."));
  place.classes.replaceChildren(table("Classes", [
    { title: "Class", row: (item) => h("code", null, item.symbol) },
    { title: "Learnt", number: true, row: (item) => count(item.revision) },
    { title: "Kept in", row: (item) => item.type ?? "" },
  ], stat.statfiles ?? [], { empty: "No classifier is configured." }));
}

function longPlot(name, series) {
  const order = ["reject", "soft reject", "rewrite subject", "add header", "greylist", "no action"];
  const times = series[0]?.map((point) => point.x) ?? [];
  const columns = order.map((kind, at) => ({ name: kind, kind: KINDS[kind], values: (series[at] ?? []).map((point) => point.y) }));
  return areas(`Messages a second, last ${name}`, columns, times, "a second");
}

