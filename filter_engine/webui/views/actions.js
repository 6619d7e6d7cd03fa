// The thresholds of the actions.

import { ask, postJson, saved } from "../api.js";
import { action, h, heading, tell } from "../dom.js";
import { source } from "../explanation.js";

/** The order in which a controller wants them (saveactions). */
const ORDER = ["reject", "rewrite subject", "add header", "greylist"];

export async function show({ session, signal }) {
  const [rows, sources] = await Promise.all([ask("actions", { signal }), ask("actions/sources", { signal })]);
  const now = new Map(rows.map((row) => [row.action, row.value]));
  const fields = ORDER.map((name) => h("input", { type: "number", step: "0.1", id: `limit-${name.replace(" ", "-")}`, value: now.get(name) ?? "", disabled: session.read_only }));
  const form = h("form", null, h("p", null, "A mail gets the action with the highest threshold that its score reaches. An empty field switches an action off."),
    h("div", { class: "fields" }, ORDER.map((name, at) => [h("label", { for: fields[at].id }, action(name)), h("span", null, fields[at], " ", h("small", null, source(sources[name])))])),
    h("button", { class: "main", disabled: session.read_only }, "Save"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = fields.map((field) => (field.value === "" ? null : Number(field.value)));
    const set = values.filter((value) => value !== null);
    if (set.some((value, at) => at && value > set[at - 1])) return tell("a stronger action needs the higher threshold", true);
    try {
      tell(saved(await postJson("saveactions", values)));
    } catch (error) {
      tell(error.message, true);
    }
  });
  return h("div", null, heading("Actions"), form);
}
