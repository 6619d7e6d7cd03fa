// The frame: who is logged in, which page is shown, and that only its own requests go on.

import { ApiError, ask, remember } from "./api.js";
import { h, heading, tell } from "./dom.js";

const PAGES = [
  ["status", "Status"], ["history", "History"], ["scan", "Test a mail"], ["symbols", "Symbols"],
  ["actions", "Actions"], ["maps", "Maps"], ["learn", "Learn"], ["errors", "Errors"],
  ["configuration", "Configuration"], ["fleet", "Fleet"],
];
const main = document.getElementById("main");
const tabs = document.getElementById("tabs");
const leave = document.getElementById("leave");
let showing = new AbortController();
let session = null;

function wanted() {
  const name = location.hash.slice(1).split("/")[0];
  return PAGES.some(([known]) => known === name) ? name : "status";
}

async function show() {
  if (!session) return;
  const name = wanted();
  showing.abort();
  showing = new AbortController();
  const { signal } = showing;
  for (const link of tabs.children) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = PAGES.find(([known]) => known === name)[1];
  document.title = `${title} · mailfleet`;
  const place = h("div", null, heading(title), h("p", { class: "empty" }, "Loading…"));
  main.replaceChildren(place);
  try {
    const view = await import(`./views/${name}.js`);
    if (signal.aborted) return;
    const made = await view.show({ session, signal });
    if (signal.aborted) return;
    main.replaceChildren(made);
    main.querySelector("h1")?.focus({ preventScroll: true });
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof ApiError && error.status === 401) return login("Log in again.");
    main.replaceChildren(heading(title), h("p", { class: "bad", role: "alert" }, `${title}: ${error.message}`),
      h("p", null, h("button", { type: "button", onclick: show }, "Try again")));
  }
}

async function enter() {
  session = await ask("auth");
  document.getElementById("host").textContent = session.host ?? "";
  tabs.hidden = false;
  leave.hidden = false;
  await show();
}

function login(why = "") {
  session = null;
  showing.abort();
  remember(null);
  tabs.hidden = true;
  leave.hidden = true;
  const field = h("input", { type: "password", id: "password", autocomplete: "current-password", required: true });
  const said = h("p", { class: "bad", role: "alert" }, why);
  const form = h("form", { class: "login" }, heading("Log in"), h("label", { for: "password" }, "Password of the controller"),
    field, h("button", { class: "main" }, "Log in"), said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    remember(field.value);
    try {
      await enter();
    } catch (error) {
      remember(null);
      said.textContent = error.status === 401 || error.status === 403 ? "That is not the password." : error.message;
      field.select();
    }
  });
  main.replaceChildren(form);
  field.focus();
}

function theme() {
  const order = ["auto", "light", "dark"];
  const now = document.documentElement.dataset.theme ?? "auto";
  const next = order[(order.indexOf(now) + 1) % order.length];
  setTheme(next);
  tell(`Theme: ${next}`);
}

function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  localStorage.setItem("mailfleet-theme", name);
}

setTheme(localStorage.getItem("mailfleet-theme") ?? "auto");
tabs.append(...PAGES.map(([name, title]) => h("a", { href: `#${name}`, "data-page": name }, title)));
document.getElementById("theme").addEventListener("click", theme);
leave.addEventListener("click", () => login());
window.addEventListener("hashchange", show);
enter().catch((error) => login(error.status === 401 || error.status === 403 ? "" : error.message));
