// The samples before the annotator: the one that is shown and a few that are fetched ahead. Keeps them the annotator's
// while the page is open, and gives them back when it goes.

import { Refused, SessionOver, Unreachable, backoff, call, pause } from "./api.js";

/** Fetched ahead, so that the next sample is there at once. */
const AHEAD = 2;
/** When nothing is left, somebody may ask for more: looked for after this, then less and less often. */
const LOOK_MS = 3_000;
const LOOK_LONGEST_MS = 30_000;

export class Desk extends EventTarget {
  #project;
  #outbox;
  #tasks = [];
  #reason = null;
  #filling = false;
  #closed = false;
  #looks = 0;
  #timer = null;

  constructor(project, outbox) {
    super();
    this.#project = project;
    this.#outbox = outbox;
  }

  open() {
    // Often enough that three lost messages do no harm.
    const every = Math.max(1_000, (this.#project.lease_seconds * 1_000) / 4);
    this.#timer = setInterval(() => this.renew(), every);
    this.fill();
  }

  /** The sample to be shown, if there is one. */
  get current() {
    return this.#tasks[0] ?? null;
  }

  /** Why there is none; null: not known yet. */
  get reason() {
    return this.#reason;
  }

  get ahead() {
    return this.#tasks.slice(1);
  }

  /** The current sample is done with. */
  shift() {
    this.#looks = 0;
    const task = this.#tasks.shift();
    this.#tell();
    this.fill();
    return task;
  }

  /** Puts a sample back before the annotator. */
  unshift(task) {
    this.#tasks = [task, ...this.#tasks.filter((other) => other.request !== task.request)];
    this.#tell();
  }

  /** Takes a sample away that is not the annotator's any more. */
  drop(request) {
    const had = this.#tasks.length;
    this.#tasks = this.#tasks.filter((task) => task.request !== request);
    if (this.#tasks.length < had) {
      this.#tell();
      this.fill();
    }
  }

  /** Fetches what is missing. One call at a time: two would be given the same sample. */
  async fill() {
    if (this.#filling || this.#closed) return;
    this.#filling = true;
    let tries = 0;
    while (this.#tasks.length <= AHEAD && !this.#closed) {
      try {
        const holding = [...this.#tasks.map((task) => task.request), ...this.#outbox.requests()];
        const { task, reason } = await call("POST", `/projects/${this.#project.id}/next`, { holding });
        tries = 0;
        if (this.#closed) break;
        if (task) {
          if (!this.#tasks.some((other) => other.request === task.request)) this.#tasks.push(task);
          this.#reason = null;
          this.#looks = 0;
          this.#tell();
          continue;
        }
        this.#reason = reason || "nothing is left";
        this.#tell();
        this.#looks += 1;
        await pause(Math.min(LOOK_LONGEST_MS, LOOK_MS * 1.5 ** (this.#looks - 1)));
      } catch (error) {
        if (error instanceof Unreachable) {
          tries += 1;
          await pause(backoff(tries));
        } else {
          this.#reason = error.message;
          this.#tell();
          this.#fail(error);
          break;
        }
      }
    }
    this.#filling = false;
  }

  /** Says that the annotator is still there. */
  async renew() {
    const requests = this.#tasks.map((task) => task.request);
    if (requests.length === 0 || this.#closed) return;
    try {
      const { over } = await call("POST", "/renew", { requests });
      for (const request of over) await this.#regain(request);
    } catch (error) {
      if (error instanceof SessionOver) this.#fail(error);
    }
  }

  /** A lease that ran out, over a night for instance: taken again where nobody else has the sample. */
  async #regain(request) {
    const task = this.#tasks.find((task) => task.request === request);
    if (!task || this.#outbox.requests().includes(request)) return;
    try {
      const body = { request, ticket: task.ticket };
      const again = await call("POST", `/projects/${this.#project.id}/next`, body);
      if (again.task) return;
    } catch (error) {
      if (!(error instanceof Refused)) return;
    }
    const shown = this.current === task;
    this.drop(request);
    if (shown) this.dispatchEvent(new Event("taken"));
  }

  /** Gives everything back that is not answered. */
  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    const requests = this.#tasks.map((task) => task.request);
    this.#tasks = [];
    if (requests.length > 0) call("POST", "/release", { requests }, { lasting: true }).catch(() => {});
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }

  #fail(error) {
    this.dispatchEvent(new CustomEvent("fail", { detail: error }));
  }
}
