// Why a score: the answer of /explain, for a mail that was scanned or for symbols of the history.

import { action, h, score, table } from "./dom.js";

/** Who says a number: a file and line with its layer, a check, a settings rule. */
export const source = (from) => (from ? `${!from.layer || from.layer === "built in" ? "" : `${from.layer}: `}${from.by}` : "unknown here");

function flipLine(flip) {
  const ways = [];
  if (flip.without) {
    const gives = flip.without_gives && flip.without_gives !== flip.action ? ` (gives ${flip.without_gives})` : "";
    ways.push(`without ${flip.without.join(" and ")}${gives}`);
  }
  if (flip.score) ways.push(`with ${flip.score.symbol} at ${score(flip.score.then)} instead of ${score(flip.score.now)}`);
  if (flip.threshold) ways.push(`with ${flip.threshold.action} from ${score(flip.threshold.then)} instead of ${score(flip.threshold.now)}`);
  const gap = `${flip.gap > 0 ? "+" : ""}${score(flip.gap)} away`;
  return h("li", null, action(flip.action), ` ${gap}`, ways.length ? `: ${ways.join("; or ")}` : "");
}

function thresholds(items) {
  return table("Thresholds", [
    { title: "Action", row: (item) => action(item.action) },
    { title: "From", number: true, row: (item) => score(item.limit) },
    { title: "Crossed", row: (item) => (item.crossed === undefined ? "" : item.crossed ? "yes" : "no") },
    { title: "Written in", row: (item) => source(item.source) },
  ], items);
}

/** A scanned mail, explained. */
export function explained(found) {
  const symbols = table("Symbols", [
    { title: "Added", number: true, row: (item) => score(item.added) },
    { title: "Symbol", row: (item) => [h("code", null, item.name), item.shown ? null : h("small", null, " removed by ", item.removed_by.join(", "))] },
    { title: "What was seen", row: (item) => [h("div", null, item.description),
      item.evidence.slice(0, 10).map((line) => h("div", { class: "evidence" }, line)),
      item.options.length ? h("small", null, item.options.slice(0, 10).join(", ")) : null] },
    { title: "Score from", row: (item) => [score(item.score), h("div", null, h("small", null, source(item.source)))] },
  ], found.symbols, { empty: "No symbol was found." });
  const decided = found.decided_by === "score" ? "by its score" : `by ${found.decided_by}`;
  return h("section", { class: "explained" },
    h("p", { class: "verdict" }, action(found.action), ` ${score(found.score)} · decided ${decided}`,
      found.settings ? ` · settings ${found.settings.name}` : "", found.timed_out ? " · time ran out" : ""),
    symbols,
    found.composites.length ? [h("h2", null, "Composites"), h("ul", null, found.composites.map((item) =>
      h("li", null, h("code", null, item.name), ` = ${item.expression}`, item.removed_symbols.length ? `; removes ${item.removed_symbols.join(", ")}` : "")))] : null,
    h("h2", null, "Thresholds"), thresholds(found.thresholds),
    found.flips.length ? [h("h2", null, "What would have changed the action"), h("ul", null, found.flips.map(flipLine))] : null,
    found.unfinished.length ? h("p", { class: "bad" }, `Did not finish: ${found.unfinished.join(", ")}`) : null);
}

/** Symbols of an old verdict by today's configuration. */
export function explainedThen(found) {
  return h("section", { class: "explained" },
    h("p", null, `By today's scores: ${score(found.score_now)}, `, action(found.action_now)),
    table("Symbols then and now", [
      { title: "Then", number: true, row: (item) => score(item.then) },
      { title: "Now", number: true, row: (item) => score(item.now) },
      { title: "Symbol", row: (item) => h("code", null, item.name) },
      { title: "What it means", row: (item) => [item.description, item.options.length ? h("div", { class: "evidence" }, item.options.join(", ")) : null] },
      { title: "Score from", row: (item) => [source(item.source), item.enabled ? null : h("div", null, h("small", null, "switched off"))] },
    ], found.symbols),
    thresholds(found.thresholds));
}
