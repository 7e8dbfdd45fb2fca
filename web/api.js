// The REST API, as a page uses it: cookies with their CSRF token, renewed sessions, problems.

const BASE = document.documentElement.dataset.api;
const OFFLINE = "There is no connection to the server. Nothing was changed; try again when it is back.";
const LOST = "The connection was lost. Try again when it is back: nothing comes in twice.";
const UNREADABLE = "The file cannot be read any more; it was moved or changed. Choose it again.";

/** Tells our own changes from those of others; the WebSocket has the same one. */
export const clientId = newKey();

/** An answer that is not what was asked for, or none: `code`, `detail` and more of RFC 9457. */
export class Problem extends Error {
  isProblem = true;

  constructor(members) {
    super(members.detail);
    Object.assign(this, { status: 0, code: "", errors: [] }, members);
  }

  /** What is wrong with one field of the body, or an empty text. */
  about(field) {
    const names = [`body.${field}`, `form.${field}`];
    const found = this.errors.filter((error) => names.includes(error.field));
    return found.map((error) => error.message).join("; ");
  }
}

function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

const listeners = new Set();
/** Hear that nobody is signed in any more. */
export const onSignedOut = (listener) => listeners.add(listener);

function cookie(name) {
  // In production its name says that it is of this very host.
  const found = new RegExp(`(?:^|; )(?:__Host-)?${name}=([^;]*)`).exec(document.cookie);
  return found ? found[1] : "";
}

async function send(method, path, { body, form, version, key, accept, csrf = "stint_csrf" }) {
  const headers = { "X-Client-Id": clientId };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (version !== undefined) headers["If-Match"] = `"v${version}"`;
  if (key !== undefined) headers["Idempotency-Key"] = key;
  if (accept !== undefined) headers.Accept = accept;
  if (method !== "GET") headers["X-CSRF-TOKEN"] = cookie(csrf);
  if (form) return sendForm(path, headers, form);
  try {
    return await fetch(BASE + path, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Problem({ code: "offline", detail: OFFLINE });
  }
}

/** Send a form with a file; fetch would not tell how much of it has gone. */
function sendForm(path, headers, { content, type, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", BASE + path);
    for (const [name, value] of Object.entries({ ...headers, "Content-Type": type })) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.upload.onload = () => onProgress(1);
    request.onload = () => resolve(new Response(request.responseText || null, { status: request.status }));
    request.onerror = () => reject(new Problem({ code: "offline", detail: LOST }));
    request.send(content);
  });
}

async function problemOf(answer) {
  const told = await answer.json().catch(() => ({ detail: `The server answered ${answer.status}.` }));
  return new Problem({ ...told, status: answer.status });
}

let refreshing = null; // one for all requests that find the token expired

/** Renew the session; returns the problem where that did not work. */
function refresh() {
  refreshing ??= send("POST", "/auth/refresh", { body: {}, csrf: "stint_refresh_csrf" })
    .then((answer) => (answer.ok ? null : problemOf(answer)))
    .finally(() => {
      refreshing = null;
    });
  return refreshing;
}

async function fetchOrThrow(method, path, options) {
  const answer = await send(method, path, options);
  if (answer.ok) return answer;
  let problem = await problemOf(answer);
  let isOver = ["unauthenticated", "token_expired", "token_invalid", "session_over"].includes(problem.code);
  if (problem.code === "token_expired" && !options.isRenewed) {
    problem = await refresh();
    if (!problem) return fetchOrThrow(method, path, { ...options, isRenewed: true });
    isOver = problem.status === 401 || problem.status === 403; // and not a server that starts anew
  }
  if (isOver) listeners.forEach((listener) => listener());
  throw problem;
}

/** Read to the end: also on the way an answer may get lost. */
const whole = (reading) =>
  reading.catch(() => {
    throw new Problem({ code: "offline", detail: LOST });
  });

async function contentOf(answer) {
  const text = await whole(answer.text());
  return text ? JSON.parse(text) : null;
}

// POSTs without an answer yet, by what they say: a second click waits for the same answer, and who
// tries again after a lost connection does it with the same Idempotency-Key.
const unanswered = new Map();

async function postOnce(path, options) {
  const name = `${path} ${JSON.stringify(options.body)}`;
  const attempt = unanswered.get(name) ?? { key: newKey() };
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

// The form that was sent last and not answered: who tries again sends its very bytes, since with
// other ones, if only between its parts, the same Idempotency-Key would name something else.
let unansweredForm = null;

async function encode(path, form) {
  const parts = [...form].map(([key, value]) => [key, value.name ?? value, value.size, value.lastModified]);
  const name = JSON.stringify([path, parts]);
  if (unansweredForm?.name === name) return unansweredForm;
  const encoded = new Response(form);
  try {
    const content = await encoded.blob();
    return { name, content, type: encoded.headers.get("Content-Type"), key: newKey() };
  } catch {
    throw new Problem({ code: "unreadable", detail: UNREADABLE });
  }
}

/** Send a form with a file; `onProgress` hears which part of it has gone, 1 at the end. */
export async function upload(path, form, onProgress) {
  const encoded = await encode(path, form);
  unansweredForm = null;
  try {
    return await contentOf(await fetchOrThrow("POST", path, { form: { ...encoded, onProgress }, key: encoded.key }));
  } catch (problem) {
    if (problem.status === 0 || problem.code === "request_in_progress") unansweredForm = encoded;
    throw problem;
  }
}

/** Read a file: its content, and the name that the server has for it, or "". */
export async function download(path, accept) {
  const answer = await fetchOrThrow("GET", path, { accept });
  const name = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "";
  return { name, content: await whole(answer.blob()) };
}

export const get = async (path) => contentOf(await fetchOrThrow("GET", path, {}));
export const post = (path, body, options = {}) => postOnce(path, { ...options, body });
export const patch = async (path, body, version) => contentOf(await fetchOrThrow("PATCH", path, { body, version }));
/** Delete; `body` is for what takes a confirmation. */
export const remove = async (path, version, body) => contentOf(await fetchOrThrow("DELETE", path, { version, body }));

/** Read a page of a list: its rows, and the cursor of the next page, or "" behind the last one. */
export async function getPage(path, cursor = "", limit = 50) {
  const url = `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${cursor && `&cursor=${cursor}`}`;
  const answer = await fetchOrThrow("GET", url, {});
  const next = /[?&]cursor=([^&>]*)[^>]*>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1] ?? "";
  return { rows: await contentOf(answer), cursor: next };
}

/** Read all pages of a list. */
export async function getAll(path) {
  const found = [];
  let cursor = "";
  do {
    const page = await getPage(path, cursor, 200);
    found.push(...page.rows);
    ({ cursor } = page);
  } while (cursor);
  return found;
}
