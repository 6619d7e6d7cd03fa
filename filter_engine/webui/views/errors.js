// What went wrong on this host.

import { ask } from "../api.js";
import { h, heading, moment, table } from "../dom.js";

export async function show({ signal }) {
  const rows = await ask("errors", { signal });
  return h("div", null, heading("Errors"), table("Errors", [
    { title: "Time", row: (row) => moment(row.ts) },
    { title: "Process", row: (row) => `${row.type} ${row.pid}` },
    { title: "Module", row: (row) => row.module },
    { title: "Message", row: (row) => row.message },
  ], rows, { empty: "No errors are noted." }));
}
