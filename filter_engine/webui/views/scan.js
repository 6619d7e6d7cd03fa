// Paste or drop a mail: its verdict and the explanation. Nothing is delivered, nothing is learnt.

import { post } from "../api.js";
import { h, heading } from "../dom.js";
import { explained } from "../explanation.js";

const FIELDS = [["IP", "Client address"], ["Helo", "HELO"], ["Hostname", "Client's host name"], ["From", "Envelope sender"], ["Rcpt", "Recipient"], ["User", "Authenticated user"]];

export function show() {
  const mail = h("textarea", { id: "mail", rows: 14, spellcheck: "false", required: true });
  const inputs = FIELDS.map(([name, title]) => [name, h("input", { type: "text", id: `field-${name}` }), title]);
  const file = h("input", { type: "file", id: "file", accept: ".eml,message/rfc822,text/plain" });
  const result = h("div", { "aria-live": "polite" });
  let raw = null;

  const take = async (chosen) => {
    raw = new Uint8Array(await chosen.arrayBuffer());
    // Shown as Latin-1: what is sent are the file's own octets, unless the text is changed.
    mail.value = new TextDecoder("latin1").decode(raw.slice(0, 200000));
  };
  file.addEventListener("change", () => file.files[0] && take(file.files[0]));
  mail.addEventListener("input", () => { raw = null; });
  mail.addEventListener("dragover", (event) => event.preventDefault());
  mail.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });

  const form = h("form", null,
    h("p", null, h("label", { for: "mail" }, "Mail with its headers; paste it or drop a file here"), mail),
    h("p", null, h("label", { for: "file" }, "or choose a file "), file),
    h("details", null, h("summary", null, "Where it came from"), h("div", { class: "fields" },
      inputs.map(([, input, title]) => [h("label", { for: input.id }, title), input]))),
    h("button", { class: "main" }, "Scan"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const headers = {};
    for (const [name, input] of inputs) if (input.value.trim()) headers[name] = input.value.trim();
    result.replaceChildren(h("p", { class: "empty" }, "Scanning…"));
    try {
      const found = await post("explain", raw ?? mail.value, headers);
      const head = h("h2", { tabindex: "-1" }, "Verdict");
      result.replaceChildren(head, explained(found));
      head.focus();
    } catch (error) {
      result.replaceChildren(h("p", { class: "bad", role: "alert" }, error.message));
    }
  });
  return h("div", null, heading("Test a mail"), form, result);
}
