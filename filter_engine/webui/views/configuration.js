// What is in force and who says it, and what the linter thinks of it. Secrets never leave the host.

import { ask } from "../api.js";
import { count, h, heading, table } from "../dom.js";

const SHOWN = 400;

export async function show({ signal }) {
  const { values, findings } = await ask("configuration", { signal });
  const words = h("input", { type: "search", id: "words", placeholder: "option, value or file" });
  const said = h("input", { type: "checkbox", id: "said", checked: true });
  const place = h("div");
  const draw = () => {
    const wanted = words.value.toLowerCase();
    const fits = values.filter((row) => (!said.checked || row.line) && `${row.option}\n${row.value}\n${row.file ?? ""}`.toLowerCase().includes(wanted));
    place.replaceChildren(h("p", { role: "status" }, `${count(fits.length)} of ${count(values.length)}${fits.length > SHOWN ? `, the first ${SHOWN} shown` : ""}`),
      table("Options", [
        { title: "Option", row: (row) => h("code", null, row.option) },
        { title: "Value", row: (row) => h("code", null, row.value) },
        { title: "Layer", row: (row) => row.layer },
        { title: "Written in", row: (row) => (row.line ? `${row.file}:${row.line}` : "") },
      ], fits.slice(0, SHOWN), { empty: "No option fits." }));
  };
  words.addEventListener("input", draw);
  said.addEventListener("input", draw);
  draw();
  return h("div", null, heading("Configuration"),
    h("h2", null, "Findings"), table("Findings", [
      { title: "Severity", row: (row) => h("span", { class: `badge ${row.severity === "error" ? "bad" : "doubt"}` }, row.severity) },
      { title: "Where", row: (row) => (row.file ? `${row.file}:${row.line}` : "") },
      { title: "What happens", row: (row) => [row.message, h("div", null, h("small", null, row.hint))] },
      { title: "Code", row: (row) => h("code", null, row.code) },
    ], findings, { empty: "configtest finds nothing to say." }),
    h("h2", null, "Options"), h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
      h("label", { for: "words" }, "Search"), words, h("label", { for: "said" }, said, " only what files of this site say")), place);
}
