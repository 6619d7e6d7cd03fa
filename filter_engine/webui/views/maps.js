// Maps: read them, and change those that are files of this host.

import { ask, post } from "../api.js";
import { h, heading, table, tell } from "../dom.js";

export async function show({ signal }) {
  const rows = await ask("maps", { signal });
  const place = h("div");
  const open = async (row) => {
    let text;
    try {
      text = await ask("getmap", { headers: { Map: String(row.map) }, text: true, signal });
    } catch (error) {
      return tell(error.message, true);
    }
    const head = h("h2", { tabindex: "-1" }, row.description || row.uri);
    const field = h("textarea", { id: "map", rows: 20, spellcheck: "false", "aria-label": `Lines of ${row.uri}`, value: text });
    if (!row.editable) field.setAttribute("readonly", "");
    const save = h("button", { type: "button", class: "main", disabled: !row.editable, onclick: async () => {
      try {
        await post("savemap", field.value, { Map: String(row.map), "Content-Type": "text/plain" });
        tell("Saved. The workers read it within moments.");
      } catch (error) {
        tell(error.message, true);
      }
    } }, "Save");
    place.replaceChildren(head, h("p", null, h("code", null, row.uri), row.editable ? "" : " · read only"), field, h("p", null, save));
    head.focus();
  };
  return h("div", null, heading("Maps"), table("Maps", [
    { title: "Map", row: (row) => [row.description, h("div", null, h("small", null, row.uri))] },
    { title: "May be changed", row: (row) => (row.editable ? "yes" : "no") },
    { title: "", row: (row) => h("button", { type: "button", "aria-label": `Open ${row.description || row.uri}`, onclick: () => open(row) }, "Open") },
  ], rows, { empty: "No map in a file is configured." }), place);
}
