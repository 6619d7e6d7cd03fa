// Teach the classifier and the fuzzy storage.

import { post } from "../api.js";
import { h, heading, table } from "../dom.js";

export function show({ session }) {
  const text = h("textarea", { id: "mail", rows: 10, spellcheck: "false" });
  const files = h("input", { type: "file", id: "files", multiple: true, accept: ".eml,message/rfc822,text/plain" });
  const flag = h("input", { type: "number", id: "flag", min: 1, value: 1, class: "short" });
  const weight = h("input", { type: "number", id: "weight", value: 1, class: "short" });
  const result = h("div", { "aria-live": "polite" });

  const teach = (path, word, headers = () => ({})) => async () => {
    const mails = [...files.files].map((file) => [file.name, file]);
    if (text.value.trim()) mails.push(["the text", text.value]);
    if (!mails.length) return result.replaceChildren(h("p", { class: "bad", role: "alert" }, "Paste a mail or choose files."));
    const done = [];
    for (const [name, body] of mails) {
      try {
        const reply = await post(path, body, headers());
        const missed = reply?.hashes_not_learnt;
        done.push([name, missed ? `${word}, but not its hashes: ${missed}` : word]);
      } catch (error) {
        done.push([name, refusal(error)]);
      }
      result.replaceChildren(table("Results", [{ title: "Mail", row: ([mail]) => mail }, { title: "Result", row: ([, said]) => said }], done));
    }
  };
  const button = (title, act) => h("button", { type: "button", disabled: session.read_only, onclick: act }, title);
  return h("div", null, heading("Learn"),
    h("p", null, h("label", { for: "mail" }, "Mail with its headers"), text),
    h("p", null, h("label", { for: "files" }, "or files "), files),
    h("p", { class: "row" }, button("This is spam", teach("learnspam", "learnt")), button("This is no spam", teach("learnham", "learnt"))),
    h("h2", null, "Fuzzy hashes"),
    h("p", { class: "row" }, h("label", { for: "flag" }, "Flag "), flag, h("label", { for: "weight" }, "Weight "), weight,
      button("Add", teach("fuzzyadd", "added", () => ({ Flag: flag.value, Weight: weight.value }))),
      button("Remove", teach("fuzzydel", "removed", () => ({ Flag: flag.value })))),
    session.read_only ? h("p", { class: "bad" }, "This password may only read.") : null, result);
}

/** The reason stands in the status line, which HTTP/2 (a proxy) does not have. */
function refusal({ status, message }) {
  if (status === 208) return "known already";
  if (status !== 204) return message;
  return message.startsWith("status ") ? "not learnt: too short, or of that class for certain" : `not learnt: ${message}`;
}
