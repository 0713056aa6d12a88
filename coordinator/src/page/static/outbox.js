// What the annotator did and the coordinator does not know yet: kept in this browser until it was acknowledged, sent in
// order, one after the other. An answer has an id of its own, so that one that is sent twice counts once.

import { Refused, SessionOver, Unreachable, backoff, call, pause } from "./api.js";
import { randomId } from "./dom.js";

const PREFIX = "hone/outbox/";

export class Outbox extends EventTarget {
  #owner;
  #tab = randomId().slice(0, 8);
  #entries = [];
  #count = 0;
  #sending = false;
  #over = false;

  /** `store` is the coordinator's store: another one under the same address knows nothing of these samples. */
  constructor(annotator, store) {
    super();
    this.#owner = `${PREFIX}${encodeURIComponent(store)}/${encodeURIComponent(annotator)}/`;
  }

  /** Takes over what other tabs of this annotator have left behind, and sends it. */
  async open() {
    await hold(`${PREFIX}${this.#tab}`);
    const left = storedKeys().filter((key) => key.startsWith(this.#owner));
    for (const key of left.sort()) {
      const tab = key.split("/").at(-2);
      if (tab === this.#tab || (await isHeld(`${PREFIX}${tab}`))) continue;
      const entry = read(key);
      if (entry) this.#entries.push({ ...entry, key });
    }
    this.#tell();
    this.#send();
  }

  /** How many entries wait. */
  get size() {
    return this.#entries.length;
  }

  /** Requests that the coordinator may still think are before the annotator. */
  requests() {
    return this.#entries.map((entry) => entry.request);
  }

  submit(task, label, tookMs) {
    const body = { label, took_ms: Math.round(tookMs), request_id: randomId(), ticket: task.ticket };
    this.#add({ kind: "submit", request: task.request, body });
  }

  skip(task, reason) {
    this.#add({ kind: "skip", request: task.request, body: { reason, ticket: task.ticket } });
  }

  /** Takes the last word about a request back: what was never sent needs no second word. */
  undo(task) {
    const last = this.#entries.at(-1);
    if (last && last.request === task.request && !last.tried) this.#remove(last);
    else this.#add({ kind: "undo", request: task.request, body: { ticket: task.ticket } });
  }

  /** Goes on after a new session has begun, or at once. */
  resume() {
    this.#over = false;
    this.#send();
  }

  /**
   * The page goes: what was never tried leaves at once. It stays in the store of the browser all the same, since nobody
   * is there to hear the answer. Of a request with several entries none is sent: their order would be lost.
   */
  leave() {
    const counts = new Map();
    for (const { request } of this.#entries) counts.set(request, (counts.get(request) ?? 0) + 1);
    const last = this.#entries.filter((entry) => !entry.tried && counts.get(entry.request) === 1);
    for (const entry of last) post(entry).catch(() => {});
  }

  #add(entry) {
    this.#count += 1;
    const order = `${String(Date.now()).padStart(15, "0")}-${String(this.#count).padStart(6, "0")}`;
    entry.key = `${this.#owner}${this.#tab}/${order}`;
    this.#entries.push(entry);
    write(entry);
    this.#tell();
    this.#send();
  }

  #remove(entry) {
    this.#entries = this.#entries.filter((other) => other !== entry);
    forget(entry.key);
    this.#tell();
  }

  #tell(detail = {}) {
    this.dispatchEvent(new CustomEvent("change", { detail }));
  }

  async #send() {
    if (this.#sending || this.#over) return;
    this.#sending = true;
    let tries = 0;
    while (this.#entries.length > 0 && !this.#over) {
      const entry = this.#entries[0];
      entry.tried = true;
      write(entry);
      try {
        const answer = await post(entry);
        tries = 0;
        this.#remove(entry);
        this.#tell({ done: entry, answer });
      } catch (error) {
        if (error instanceof Unreachable) {
          tries += 1;
          await pause(backoff(tries));
        } else if (error instanceof SessionOver) {
          this.#over = true;
          this.#tell({ over: true });
        } else {
          this.#remove(entry);
          this.#tell({ refused: entry, error: error instanceof Refused ? error : new Refused(0, String(error)) });
        }
      }
    }
    this.#sending = false;
  }
}

/** Browsers let calls outlive their page while all of these together are under 64 KiB. */
const LASTING = 16_000;

function post({ request, kind, body }) {
  return call("POST", `/requests/${request}/${kind}`, body, { lasting: JSON.stringify(body).length < LASTING });
}

// Where the browser has no store to offer, the entries live as long as the page.
function write({ key, kind, request, body, tried }) {
  try {
    localStorage.setItem(key, JSON.stringify({ kind, request, body, tried }));
  } catch {
    /* kept in memory */
  }
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function forget(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    /* it was never there */
  }
}

function storedKeys() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

/** Marks something as this tab's for as long as it lives. */
async function hold(name) {
  if (!navigator.locks) return;
  await new Promise((taken) => {
    navigator.locks.request(name, () => {
      taken();
      return new Promise(() => {});
    });
  });
}

async function isHeld(name) {
  if (!navigator.locks) return false;
  return navigator.locks.request(name, { ifAvailable: true }, (lock) => lock === null);
}
