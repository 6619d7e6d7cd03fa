// All controllers of the site side by side: the browser asks each itself.

import { ask, basesOf } from "../api.js";
import { count, duration, h, heading, table } from "../dom.js";

const EVERY = 5000;

async function look(name, neighbour, all, signal) {
  let fault = "";
  for (const base of neighbour ? basesOf(neighbour, all) : [""]) {
    const started = performance.now();
    try {
      const [state, stat] = await Promise.all([ask("state", { base, signal }), ask("stat", { base, signal })]);
      return { name, base, state, stat, took: performance.now() - started };
    } catch (error) {
      fault = error.message;
    }
  }
  return { name, base: neighbour ? basesOf(neighbour, all).at(-1) : "", fault };
}

export async function show({ signal }) {
  const neighbours = Object.entries(await ask("neighbours", { signal }));
  const named = neighbours.map(([, neighbour]) => neighbour);
  const asked = neighbours.length ? neighbours : [["this host", null]];
  const place = h("div", { "aria-live": "off" });
  // Each host is shown as it answers: one that is away keeps nobody waiting for the others.
  const rows = new Map(asked.map(([name]) => [name, { name }]));
  const load = () => Promise.all(asked.map(async ([name, neighbour]) => {
    const row = await look(name, neighbour, named, signal);
    if (signal.aborted) return;
    rows.set(name, row);
    place.replaceChildren(draw([...rows.values()]));
  }));
  place.replaceChildren(draw([...rows.values()]));
  let loading = load();
  const tick = async () => {
    if (signal.aborted) return;
    await loading;
    if (!document.hidden && !signal.aborted) loading = load();
    setTimeout(tick, EVERY);
  };
  setTimeout(tick, EVERY);
  return h("div", null, heading("Fleet"), neighbours.length ? null
    : h("p", null, "This host names no neighbours (", h("code", null, "neighbours"), " in options.inc): it is alone here."), place);
}

function drift(rows) {
  const prints = rows.filter((row) => row.state).map((row) => row.state.shared_fingerprint);
  const versions = rows.filter((row) => row.state).map((row) => row.state.version);
  const said = [];
  if (new Set(versions).size > 1) said.push("The hosts run different versions.");
  if (new Set(prints).size > 1) said.push("Scores or thresholds differ between the hosts.");
  return said;
}

function replication(state) {
  const parts = (state.stores ?? []).map((one) => {
    if (one.fault) return `${one.place}: ${one.fault}`;
    if (one.role === "replica") return `${one.place}: replica${one.link_up ? `, ${one.lag_seconds ?? 0} s behind` : ", link down"}`;
    return `${one.place}: ${one.role}${one.replicas ? `, ${one.replicas} replicas` : ""}`;
  });
  return parts.map((part) => h("div", null, part));
}

function upstreams(state) {
  const all = state.upstreams ?? [];
  const dead = all.filter((one) => !one.up);
  if (!all.length) return "";
  return [
    h("span", { class: `badge ${dead.length ? "bad" : "good"}` }, dead.length ? `${dead.length} of ${all.length} away` : `${all.length} answer`),
    ...dead.map((one) => h("div", null, `${one.service}: ${one.server}`)),
  ];
}

function summary(rows) {
  const away = rows.filter((row) => row.fault).map((row) => row.name);
  const said = [...(away.length ? [`Cannot be asked: ${away.join(", ")}.`] : []), ...drift(rows)];
  if (said.length) return h("p", { class: "bad", role: "status" }, said.join(" "));
  return h("p", { role: "status" }, rows.every((row) => row.state) ? "All hosts answer and agree." : "Asking …");
}

function draw(rows) {
  return h("div", null, summary(rows),
    table("Hosts", [
      { title: "Host", row: (row) => [h("strong", null, row.name), row.base ? h("div", null, h("a", { href: row.base }, "open")) : null] },
      { title: "State", row: (row) => (row.fault ? h("span", { class: "badge bad" }, row.fault) : !row.state ? "" : [h("span", { class: `badge ${row.state.ready ? "good" : "bad"}` }, row.state.ready ? "ready" : "not ready"), h("div", null, h("small", null, `${row.took.toFixed(0)} ms`))]) },
      { title: "Version", row: (row) => row.state?.version ?? "" },
      { title: "Up", row: (row) => (row.stat ? duration(row.stat.uptime) : "") },
      { title: "Scanned", number: true, row: (row) => (row.stat ? count(row.stat.scanned) : "") },
      { title: "Spam", number: true, row: (row) => (row.stat ? count(row.stat.spam_count) : "") },
      { title: "Learnt", number: true, row: (row) => (row.stat?.statfiles ?? []).map((one) => `${one.symbol} ${count(one.revision)}`).join(", ") },
      { title: "Stores", row: (row) => (row.state ? replication(row.state) : "") },
      { title: "Upstreams", row: (row) => (row.state ? upstreams(row.state) : "") },
      { title: "Errors", number: true, row: (row) => (row.state ? count(row.state.errors) : "") },
      { title: "Configuration", row: (row) => (row.state ? h("code", { title: row.state.config_id }, row.state.config_id.slice(0, 10)) : "") },
    ], rows));
}
