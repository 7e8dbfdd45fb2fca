// The REST API, as a page uses it: cookies with their CSRF token, renewed sessions, problems.

const BASE = document.documentElement.dataset.api;
const OFFLINE = "There is no connection to the server. Nothing was changed; try again when it is back.";

/** Tells our own changes from those of others; the WebSocket has the same one. */
export const clientId = crypto.getRandomValues(new Uint32Array(4)).join("-");

/** An answer that is not what was asked for, or none: `code`, `detail` and more of RFC 9457. */
export class Problem extends Error {
  isProblem = true;

  constructor(members) {
    super(members.detail);
    Object.assign(this, { status: 0, code: "", errors: [] }, members);
  }

  /** What is wrong with one field of the body, or an empty text. */
  about(field) {
    const found = this.errors.filter((error) => error.field === `body.${field}`);
    return found.map((error) => error.message).join("; ");
  }
}

const listeners = new Set();
/** Hear that nobody is signed in any more. */
export const onSignedOut = (listener) => listeners.add(listener);

function cookie(name) {
  // In production its name says that it is of this very host.
  const found = new RegExp(`(?:^|; )(?:__Host-)?${name}=([^;]*)`).exec(document.cookie);
  return found ? found[1] : "";
}

async function send(method, path, { body, version, key, csrf = "stint_csrf" }) {
  const headers = { "X-Client-Id": clientId };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (version !== undefined) headers["If-Match"] = `"v${version}"`;
  if (key !== undefined) headers["Idempotency-Key"] = key;
  if (method !== "GET") headers["X-CSRF-TOKEN"] = cookie(csrf);
  try {
    return await fetch(BASE + path, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Problem({ code: "offline", detail: OFFLINE });
  }
}

async function problemOf(answer) {
  const told = await answer.json().catch(() => ({ detail: `The server answered ${answer.status}.` }));
  return new Problem({ ...told, status: answer.status });
}

let refreshing = null; // one for all requests that find the token expired

function refresh() {
  refreshing ??= send("POST", "/auth/refresh", { body: {}, csrf: "stint_refresh_csrf" }).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function fetchOrThrow(method, path, options) {
  let answer = await send(method, path, options);
  if (answer.ok) return answer;
  let problem = await problemOf(answer);
  if (problem.code === "token_expired" && (await refresh()).ok) {
    answer = await send(method, path, options);
    if (answer.ok) return answer;
    problem = await problemOf(answer);
  }
  const isSession = ["unauthenticated", "token_expired", "token_invalid", "session_over"].includes(problem.code);
  if (isSession) listeners.forEach((listener) => listener());
  throw problem;
}

async function contentOf(answer) {
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

// POSTs without an answer yet, by what they say: a second click waits for the same answer, and who
// tries again after a lost connection does it with the same Idempotency-Key.
const unanswered = new Map();

async function postOnce(path, options) {
  const name = `${path} ${JSON.stringify(options.body)}`;
  const attempt = unanswered.get(name) ?? { key: [...crypto.getRandomValues(new Uint32Array(4))].join("-") };
  unanswered.set(name, attempt);
  attempt.answer ??= fetchOrThrow("POST", path, { ...options, key: attempt.key }).then(contentOf);
  try {
    const content = await attempt.answer;
    unanswered.delete(name);
    return content;
  } catch (problem) {
    attempt.answer = null;
    if (problem.status !== 0) unanswered.delete(name);
    throw problem;
  }
}

export const get = async (path) => contentOf(await fetchOrThrow("GET", path, {}));
export const post = (path, body, options = {}) => postOnce(path, { ...options, body });
export const patch = async (path, body, version) => contentOf(await fetchOrThrow("PATCH", path, { body, version }));
export const remove = async (path, version) => contentOf(await fetchOrThrow("DELETE", path, { version }));

/** Read all pages of a list. */
export async function getAll(path) {
  const found = [];
  let cursor = "";
  do {
    const url = `${path}${path.includes("?") ? "&" : "?"}limit=200${cursor && `&cursor=${cursor}`}`;
    const answer = await fetchOrThrow("GET", url, {});
    found.push(...(await contentOf(answer)));
    cursor = /[?&]cursor=([^&>]*)[^>]*>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1] ?? "";
  } while (cursor);
  return found;
}
