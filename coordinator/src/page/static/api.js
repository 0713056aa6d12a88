// Calls of the coordinator, and whether it can be reached.

/** The coordinator cannot be reached, or cannot answer now: the same call may succeed later. */
export class Unreachable extends Error {}
/** Nobody knows who this is any more. */
export class SessionOver extends Error {}
/** The coordinator will not do it, however often it is asked. */
export class Refused extends Error {
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

/** How long an answer may take; longer than the coordinator takes at most. */
const LIMIT_MS = 40_000;
const LATER = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Tells with `change` when the coordinator was lost or is there again. */
export const connection = new EventTarget();
let reachable = true;

export function isReachable() {
  return reachable;
}

function setReachable(now) {
  if (reachable === now) return;
  reachable = now;
  connection.dispatchEvent(new Event("change"));
}

/**
 * Makes a call and returns what was answered. `lasting`: the call outlives the page.
 * Throws `Unreachable`, `SessionOver` or `Refused`.
 */
export async function call(method, path, body, { lasting = false } = {}) {
  let response;
  let answer;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: { "Content-Type": "application/json", "Hone-Page": "1" },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      keepalive: lasting,
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    answer = await response.json();
  } catch (error) {
    setReachable(false);
    throw new Unreachable(String(error));
  }
  if (LATER.has(response.status)) {
    setReachable(response.status === 429);
    throw new Unreachable(answer.error);
  }
  setReachable(true);
  if (response.status === 401) throw new SessionOver(answer.error);
  if (!response.ok) throw new Refused(response.status, answer.error, answer.hint);
  return answer;
}

/** Waits, or until the network is said to be back. */
export function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });
}

/** How long to wait before the next try: longer each time, never the same for everybody. */
export function backoff(tries) {
  return Math.min(10_000, 300 * 2 ** Math.min(tries, 6)) * (0.75 + Math.random() / 2);
}
