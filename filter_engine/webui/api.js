// Requests to this controller and to its neighbours. The password is kept for this tab alone.

const KEY = "mailfleet-password";
const LIMIT = 20000;
let password = sessionStorage.getItem(KEY);

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export function remember(given) {
  password = given;
  if (given) sessionStorage.setItem(KEY, given);
  else sessionStorage.removeItem(KEY);
}

/** Ask `path` of this controller, or of the one at `base`. A reply without content gives null. */
export async function ask(path, { method = "GET", headers = {}, body, base = "", text = false, signal } = {}) {
  const sent = { ...headers };
  if (password) sent.Password = password;
  const ends = AbortSignal.timeout(LIMIT);
  let reply;
  try {
    reply = await fetch(base + path, {
      method, headers: sent, body, cache: "no-store", credentials: "same-origin", redirect: "error",
      signal: signal ? AbortSignal.any([signal, ends]) : ends,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(ends.aborted ? "no answer within 20 seconds" : "cannot be reached", 0);
  }
  const said = await reply.text();
  if (!reply.ok || reply.status === 204 || reply.status === 208) {
    throw new ApiError(reason(said) || reply.statusText || `status ${reply.status}`, reply.status);
  }
  if (text) return said;
  try {
    return said ? JSON.parse(said) : null;
  } catch {
    throw new ApiError(`no JSON from ${path}`, reply.status);
  }
}

function reason(said) {
  try {
    return JSON.parse(said).error;
  } catch {
    return "";
  }
}

export const post = (path, body, headers = {}) => ask(path, { method: "POST", body, headers });
export const postJson = (path, data) => post(path, JSON.stringify(data), { "Content-Type": "application/json" });

/** Whom what was saved is for: with dynamic_conf all hosts that share Redis, else this one. */
export const saved = (reply) => (reply?.shared ? "Saved for all hosts that share Redis." : "Saved.");

/**
 * Where a neighbour's controller may answer, best first. Under a proxy that serves this page at one neighbour's path,
 * the others' paths are tried there: one certificate, one login. Then at the neighbour's own web server; an entry
 * without a scheme is spoken to as this page is.
 */
export function basesOf(neighbour, all) {
  const path = plain(neighbour.path);
  const host = neighbour.host.includes("://") ? neighbour.host : `${location.protocol}//${neighbour.host}`;
  const bases = [new URL(`/${path}`, host).href];
  if (all.some((one) => plain(one.path) && location.pathname === `/${plain(one.path)}`)) bases.unshift(new URL(`/${path}`, location.href).href);
  return [...new Set(bases)];
}

function plain(path) {
  const bare = (path ?? "").replace(/^\/+|\/+$/g, "");
  return bare ? `${bare}/` : "";
}
