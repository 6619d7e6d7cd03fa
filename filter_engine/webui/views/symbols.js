// Every symbol, its score, who says it, and how often it was set.

import { ask, postJson, saved } from "../api.js";
import { count, h, heading, score, table, tell } from "../dom.js";
import { source } from "../explanation.js";

const SHOWN = 300;

export async function show({ session, signal }) {
  let rows = [];
  const words = h("input", { type: "search", id: "words", placeholder: "symbol or description" });
  const group = h("select", { id: "group" });
  const changed = h("input", { type: "checkbox", id: "changed" });
  const place = h("div");

  const load = async () => {
    const [groups, sources, counters] = await Promise.all([ask("symbols", { signal }), ask("symbols/sources", { signal }), ask("counters", { signal })]);
    const hits = new Map(counters.map((item) => [item.symbol, item.hits]));
    const known = new Map();
    for (const { group: name, rules } of groups) {
      for (const rule of rules) {
        const row = known.get(rule.symbol) ?? { ...rule, groups: [], source: sources[rule.symbol], hits: hits.get(rule.symbol) ?? 0 };
        row.groups.push(name);
        known.set(rule.symbol, row);
      }
    }
    rows = [...known.values()].sort((a, b) => b.hits - a.hits || a.symbol.localeCompare(b.symbol));
    const chosen = group.value;
    group.replaceChildren(h("option", { value: "" }, "all groups"), ...groups.map(({ group: name }) => name).sort().map((name) => h("option", { value: name }, name)));
    group.value = chosen;
    draw();
  };

  const save = async (row, field) => {
    const value = Number(field.value);
    if (field.value === "" || !Number.isFinite(value)) return tell("a score is a number", true);
    try {
      const reply = await postJson("savesymbols", [{ name: row.symbol, value }]);
      tell(`${row.symbol} now has ${score(value)}. ${saved(reply)}`);
      await load();
    } catch (error) {
      tell(`${row.symbol}: ${error.message}`, true);
      field.value = row.weight;
    }
  };

  const weight = (row) => {
    if (session.read_only) return score(row.weight);
    const field = h("input", { type: "number", step: "0.1", value: row.weight, class: "short", "aria-label": `Score of ${row.symbol}` });
    field.addEventListener("change", () => save(row, field));
    return field;
  };

  const draw = () => {
    const wanted = words.value.toLowerCase();
    const fits = rows.filter((row) => (!group.value || row.groups.includes(group.value))
      && (!changed.checked || (row.source?.default ?? row.weight) !== row.weight)
      && `${row.symbol}\n${row.description ?? ""}`.toLowerCase().includes(wanted));
    place.replaceChildren(h("p", { role: "status" }, `${count(fits.length)} of ${count(rows.length)}${fits.length > SHOWN ? `, the first ${SHOWN} shown` : ""}`),
      table("Symbols", [
        { title: "Symbol", row: (row) => [h("code", null, row.symbol), h("div", null, h("small", null, row.description ?? ""))] },
        { title: "Score", number: true, row: weight },
        { title: "Says", row: (row) => [source(row.source), row.source && row.source.default !== null && row.source.default !== row.weight ? h("div", null, h("small", null, `default ${score(row.source.default)}`)) : null] },
        { title: "Groups", row: (row) => row.groups.join(", ") },
        { title: "Hits", number: true, row: (row) => count(row.hits) },
      ], fits.slice(0, SHOWN), { empty: "No symbol fits." }));
  };
  for (const field of [words, group, changed]) field.addEventListener("input", draw);
  await load();
  return h("div", null, heading("Symbols"), h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
    h("label", { for: "words" }, "Search"), words, h("label", { for: "group" }, "Group"), group,
    h("label", { for: "changed" }, changed, " only changed scores")), place);
}
