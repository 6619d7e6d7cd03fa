// The last verdicts, with filters, and why each was given.

import { ask, postJson } from "../api.js";
import { action, bytes, count, h, heading, moment, score, table, tell } from "../dom.js";
import { explainedThen } from "../explanation.js";

const PAGE = 200;

const list = (value) => (Array.isArray(value) ? value : value ? [value] : []);
const searched = (row) => [row.ip, row.sender_smtp, row.sender_mime, row.subject, row.user, row["message-id"], ...list(row.rcpt_smtp),
  ...list(row.rcpt_mime), ...Object.keys(row.symbols ?? {})].join("\n").toLowerCase();

export async function show({ session, signal }) {
  let rows = [];
  const words = h("input", { type: "search", id: "words", placeholder: "address, subject, symbol…" });
  const kind = h("select", { id: "kind" }, h("option", { value: "" }, "all actions"),
    ["reject", "soft reject", "greylist", "add header", "rewrite subject", "no action"].map((name) => h("option", { value: name }, name)));
  const least = h("input", { type: "number", id: "least", step: "0.5", "aria-label": "Score from" });
  const place = h("div");
  const why = h("div", { "aria-live": "polite" });

  const draw = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const from = least.value === "" ? -Infinity : Number(least.value);
    const shown = rows.filter((row) => (!kind.value || row.action === kind.value) && row.score >= from
      && wanted.every((word) => row.searched.includes(word)));
    place.replaceChildren(h("p", { role: "status" }, `${count(shown.length)} of ${count(rows.length)}`),
      table("Verdicts", [
        { title: "Time", row: (row) => moment(row.unix_time ?? row.time) },
        { title: "Action", row: (row) => action(row.action) },
        { title: "Score", number: true, row: (row) => score(row.score) },
        { title: "From", row: (row) => [row.sender_smtp || row.sender_mime || "<>", h("div", null, h("small", null, row.ip, row.user && row.user !== "unknown" ? ` · ${row.user}` : ""))] },
        { title: "To", row: (row) => list(row.rcpt_smtp).slice(0, 3).join(", ") || list(row.rcpt_mime).slice(0, 3).join(", ") },
        { title: "Subject", row: (row) => row.subject ?? "" },
        { title: "Size", number: true, row: (row) => bytes(row.size) },
        { title: "Why", row: (row) => h("button", { type: "button", "aria-label": `Why ${row.action}: ${row.subject ?? row["message-id"] ?? ""}`, onclick: () => explain(row) }, "Why?") },
      ], shown.slice(0, PAGE), { empty: "No verdict fits." }));
  };

  const explain = async (row) => {
    const symbols = Object.values(row.symbols ?? {});
    const found = await postJson("explain/header", { score: row.score, required: row.required_score, action: row.action,
      symbols: symbols.map((item) => ({ name: item.name, score: item.score, options: (item.options ?? []).map(String) })) })
      .catch((error) => { tell(error.message, true); return null; });
    if (!found) return;
    const head = h("h2", { tabindex: "-1" }, "Why ", action(row.action), ` ${score(row.score)} of ${score(row.required_score)}`);
    why.replaceChildren(head, h("p", null, row.subject ?? "", " ", h("small", null, `<${row["message-id"] ?? ""}>`)), explainedThen(found));
    head.focus();
  };

  const load = async () => {
    const reply = await ask("history", { signal });
    rows = (reply.rows ?? []).map((row) => ({ ...row, searched: searched(row) }));
    draw();
  };
  for (const field of [words, kind, least]) field.addEventListener("input", draw);
  await load();
  const forget = h("button", { type: "button", disabled: session.read_only, onclick: async () => {
    if (!confirm("Forget all verdicts of this host?")) return;
    await ask("historyreset", { signal }).then(load, (error) => tell(error.message, true));
  } }, "Forget");
  return h("div", null,
    heading("History", h("button", { type: "button", onclick: () => load().catch((error) => tell(error.message, true)) }, "Refresh"), forget),
    h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
      h("label", { for: "words" }, "Search"), words, h("label", { for: "kind" }, "Action"), kind, h("label", { for: "least" }, "Score from"), least),
    place, why);
}
