// The desk of one project on the page: shows a sample with its form, takes the answer, shows the next.

import { Refused, SessionOver, call, connection, isReachable } from "./api.js";
import { Boxes } from "./boxes.js";
import { Choice } from "./choice.js";
import { Desk } from "./desk.js";
import { askReason, showKeys } from "./dialogs.js";
import { button, el, fill, notice, percent } from "./dom.js";
import { isForeign, pressesSomething } from "./keys.js";
import { NumberForm } from "./number.js";
import { fetchImages, plain } from "./sample.js";
import { Spans } from "./spans.js";

const FORMS = { classes: Choice, multi: Choice, pairwise: Choice, number: NumberForm, boxes: Boxes, spans: Spans };
/** Forms whose suggestion is looked over and corrected before it is an answer. */
const CORRECTED = new Set(["boxes", "spans"]);
/** States of a request that wants no more answers. */
const DECIDED = new Set(["resolved", "conflict"]);
/** Answers that can be undone. */
const REMEMBERED = 50;
/** How often the figures of the project are looked up, in answers of one's own. */
const LOOK_UP = 10;

/** Time that the annotator had a sample in sight. */
class Watch {
  #sum = 0;
  #since = null;

  start(sum = 0) {
    this.#sum = sum;
    this.#since = document.visibilityState === "visible" ? performance.now() : null;
  }

  see(visible) {
    this.#sum = this.read();
    this.#since = visible ? performance.now() : null;
  }

  read() {
    return this.#sum + (this.#since === null ? 0 : performance.now() - this.#since);
  }
}

export class Work {
  #project;
  #outbox;
  #desk;
  #form;
  #shown = null;
  #history = [];
  #watch = new Watch();
  #mine = { since: 0, median_seconds: null };
  #done = 0;
  /** Answers and undos so far. */
  #given = 0;
  /** One's own figures are not the coordinator's yet. */
  #stale = true;
  #listeners = new AbortController();
  #parts = {
    progress: el("progress", { max: "1", value: "0", "aria-label": "How far the project is" }),
    counts: el("span", { class: "counts" }),
    mine: el("span", { class: "mine" }),
    waiting: el("p", { class: "waiting", role: "status", hidden: true }),
    stage: el("div", { class: "stage" }),
  };
  element;

  constructor(project, outbox) {
    this.#project = project;
    this.#outbox = outbox;
    this.#desk = new Desk(project, outbox);
    this.#form = new FORMS[project.form.kind](project, () => this.#changed());
    this.element = el("div", { class: "work" }, this.#headElement(), this.#parts.waiting, this.#parts.stage);
  }

  open() {
    const { signal } = this.#listeners;
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    document.addEventListener("visibilitychange", () => this.#watch.see(document.visibilityState === "visible"), { signal });
    connection.addEventListener("change", () => this.#connection(), { signal });
    this.#outbox.addEventListener("change", ({ detail }) => this.#sent(detail), { signal });
    this.#desk.addEventListener("change", () => this.#refresh(), { signal });
    this.#desk.addEventListener(
      "taken",
      () => notice("The sample that you had before you was given to somebody else meanwhile.", "warning"),
      { signal },
    );
    this.#desk.addEventListener("fail", ({ detail }) => this.#failed(detail), { signal });
    this.#connection();
    this.#lookUp();
    this.#refresh();
    this.#desk.open();
  }

  close() {
    this.#listeners.abort();
    this.#desk.close();
  }

  #headElement() {
    const { name, instructions } = this.#project;
    const { progress, counts, mine } = this.#parts;
    const text = instructions.trim() || "Nobody has written instructions for this project.";
    const told = el(
      "details",
      { class: "instructions" },
      el("summary", {}, "Instructions", el("kbd", { "aria-hidden": "true", text: "i" })),
      el("div", { class: "text", dir: "auto", text }),
    );
    // Open until somebody has closed them once.
    told.open = instructions.trim() !== "" && !remembers(`hone/read/${this.#project.id}`);
    told.addEventListener("toggle", () => {
      if (!told.open) remember(`hone/read/${this.#project.id}`);
    });
    this.#parts.instructions = told;
    return el(
      "div",
      { class: "head" },
      el("h1", { dir: "auto", text: name }),
      el("div", { class: "progress" }, progress, counts, mine),
      told,
    );
  }

  /** Shows the current sample, or why there is none. */
  #refresh() {
    const task = this.#desk.current;
    this.#desk.ahead.forEach((next) => fetchImages(next, this.#project.show));
    if (task && task === this.#shown) return;
    this.#shown = task;
    if (!task) return this.#showNothing();
    const { sample, controls, focus } = this.#form.show(task, task.former);
    this.#watch.start(task.tookMs ?? 0);
    const title = el("h2", { class: "title", tabindex: "-1", text: `Sample ${task.request}` });
    this.#parts.submit = button("Submit", "Enter", () => this.#submit(), { class: "primary" });
    this.#parts.undo = button("Undo", "u", () => this.#undo());
    const actions = el(
      "div",
      { class: "actions" },
      this.#parts.submit,
      button("Skip", "s", () => this.#skip()),
      this.#parts.undo,
      button("Keys", "?", () => this.#help(), { class: "for-keys" }),
    );
    fill(this.#parts.stage, title, sample, this.#suggestionElement(task), controls, actions);
    this.#changed();
    (focus ?? title).focus({ preventScroll: true });
    title.scrollIntoView({ block: "nearest" });
  }

  #showNothing() {
    const reason = this.#desk.reason;
    const text =
      reason === null ? "Fetching a sample …" : `Nothing to label right now: ${reason}. This page looks again by itself.`;
    this.#parts.undo = button("Undo", "u", () => this.#undo());
    this.#parts.submit = null;
    const panel = el(
      "div",
      { class: "panel", role: "status", data: { state: reason === null ? "fetching" : "nothing" } },
      el("p", { text }),
    );
    fill(this.#parts.stage, panel, el("div", { class: "actions" }, this.#parts.undo));
    this.#changed();
  }

  #suggestionElement(task) {
    const prediction = task.prediction;
    if (!prediction) return null;
    const key = "a";
    const text = CORRECTED.has(this.#project.form.kind) ? "Take over" : "Accept";
    return el(
      "aside",
      { class: "suggestion", "aria-label": "Suggestion of a model" },
      el("span", { class: "badge", text: "Suggestion" }),
      el("span", { class: "what", dir: "auto", text: this.#describe(prediction.label) }),
      el("span", { class: "sure", text: `${percent(prediction.confidence)} sure` }),
      button(text, key, () => this.#accept()),
    );
  }

  #describe(label) {
    const { kind } = this.#project.form;
    if (kind === "pairwise") return { a: "A is better", b: "B is better", tie: "No difference" }[label];
    if (kind === "multi") return label.join(", ") || "none of the classes";
    if (!CORRECTED.has(kind)) return plain(label);
    const counts = new Map();
    for (const { class: name } of label) counts.set(name, (counts.get(name) ?? 0) + 1);
    return [...counts].map(([name, count]) => `${count} × ${name}`).join(", ") || "nothing in this sample";
  }

  #key(event) {
    if (isForeign(event)) return;
    if (event.key === "Enter" && !pressesSomething(event)) return this.#do(event, () => this.#submit());
    // The form first: a box that is chosen takes Backspace.
    if (this.#shown && event.key.length >= 1 && !(event.key === " ") && this.#form.key(event)) {
      if (!(event.target instanceof HTMLInputElement && event.target.type === "text")) event.preventDefault();
      return;
    }
    const actions = {
      u: () => this.#undo(),
      Backspace: () => this.#undo(),
      s: () => this.#skip(),
      a: () => this.#accept(),
      "?": () => this.#help(),
      i: () => {
        this.#parts.instructions.open = !this.#parts.instructions.open;
      },
    };
    const action = actions[event.key] ?? actions[event.key.toLowerCase()];
    if (action) this.#do(event, action);
  }

  #do(event, action) {
    event.preventDefault();
    if (!event.repeat) action();
  }

  #submit() {
    if (!this.#shown) return;
    const { label, missing } = this.#form.value();
    if (missing) return notice(`${missing}.`);
    this.#finish((task, tookMs) => this.#outbox.submit(task, label, tookMs), label);
  }

  async #skip() {
    const task = this.#shown;
    if (!task) return;
    const reason = await askReason();
    if (reason !== null && task === this.#shown) this.#finish((task) => this.#outbox.skip(task, reason));
  }

  #finish(send, label) {
    const [task, tookMs] = [this.#shown, this.#watch.read()];
    send(task, tookMs);
    this.#history.push({ task, label, tookMs, counted: label !== undefined });
    if (this.#history.length > REMEMBERED) this.#history.shift();
    this.#given += 1;
    if (label !== undefined) this.#mine.since += 1;
    this.#desk.shift();
    this.#figures();
  }

  #undo() {
    const last = this.#history.pop();
    if (!last) return notice("There is nothing to undo.");
    const { task, label, tookMs, counted } = last;
    this.#outbox.undo(task);
    this.#given += 1;
    if (counted) this.#mine.since -= 1;
    this.#desk.unshift({ ...task, former: label, tookMs });
    this.#figures();
  }

  #accept() {
    const task = this.#shown;
    if (!task?.prediction) return;
    if (!CORRECTED.has(this.#project.form.kind)) {
      return this.#finish((task, tookMs) => this.#outbox.submit(task, task.prediction.label, tookMs), task.prediction.label);
    }
    const { sample, controls } = this.#form.show(task, task.prediction.label);
    this.#parts.stage.querySelector(".sample").replaceWith(sample);
    this.#parts.stage.querySelector(".suggestion").nextElementSibling.replaceWith(controls);
    this.#changed();
  }

  #help() {
    const suggestion = CORRECTED.has(this.#project.form.kind)
      ? "Take over the suggestion, to correct it"
      : "Accept the suggestion";
    showKeys([
      ...this.#form.keys(),
      ["Enter", "Submit"],
      ["a", suggestion],
      ["s", "Skip, with a reason"],
      ["u Backspace", "Undo the last answer"],
      ["i", "Instructions"],
      ["?", "This list"],
    ]);
  }

  #changed() {
    this.#parts.submit?.classList.toggle("ready", this.#form.value().missing === undefined);
    if (this.#parts.undo) this.#parts.undo.disabled = this.#history.length === 0;
  }

  #sent({ done, answer, refused, error, over }) {
    if (over) this.#failed(new SessionOver("the session is over"));
    if (done?.kind === "submit") {
      this.#done += 1;
      // Until the figures are looked up again.
      if (DECIDED.has(answer.state)) this.#project.counts.done += 1;
      this.#figures();
      if (this.#done % LOOK_UP === 0 || (this.#stale && this.#outbox.size === 0)) this.#lookUp();
    }
    // What was undone has been decided meanwhile, by others' answers for instance.
    if (done?.kind === "undo" && answer.task === null) {
      this.#desk.drop(done.request);
      notice(`Sample ${done.request} cannot be changed any more: ${answer.reason}.`, "warning");
    }
    // A skip cannot always be taken back, but the sample can be answered all the same.
    if (refused && refused.kind !== "undo")
      notice(`What you said of sample ${refused.request} was refused: ${error.message}.`, "error");
    this.#connection();
  }

  #failed(error) {
    if (error instanceof SessionOver) {
      this.element.dispatchEvent(new CustomEvent("over", { bubbles: true }));
    } else if (error instanceof Refused) {
      notice(`The coordinator refuses: ${error.message}.`, "error");
    }
  }

  #connection() {
    const waiting = this.#outbox.size;
    const lost = !isReachable();
    const kept = waiting === 1 ? "1 answer is kept here and sent then." : `${waiting} answers are kept here and sent then.`;
    this.#parts.waiting.hidden = !lost;
    this.#parts.waiting.textContent = lost
      ? `No connection to the coordinator; the page tries again by itself. ${waiting > 0 ? kept : "You can go on."}`
      : "";
    this.element.dataset.unsent = String(waiting);
  }

  /** Looks the figures up; those of one's own are taken only if the coordinator knew everything when it counted. */
  async #lookUp() {
    const given = this.#given;
    const known = () => this.#outbox.size === 0 && given === this.#given;
    const before = known();
    try {
      const midnight = new Date();
      midnight.setHours(0, 0, 0, 0);
      const [project, me] = await Promise.all([
        call("GET", `/projects/${this.#project.id}`),
        call("GET", `/me?since_us=${midnight.getTime() * 1000}`),
      ]);
      this.#project.counts = project.counts;
      this.#stale = !(before && known());
      if (!this.#stale) this.#mine.since = me.since;
      this.#mine.median_seconds = me.median_seconds;
      this.#figures();
    } catch (error) {
      if (error instanceof SessionOver) this.#failed(error);
    }
  }

  #figures() {
    const { total, done } = this.#project.counts;
    const { since, median_seconds: median } = this.#mine;
    this.#parts.progress.max = Math.max(1, total);
    this.#parts.progress.value = done;
    this.#parts.counts.textContent = `${done} of ${total} done`;
    this.#parts.mine.textContent = `You today: ${since}${median === null ? "" : `, ${median.toFixed(1)} s each`}`;
  }
}

function remembers(key) {
  try {
    return localStorage.getItem(key) !== null;
  } catch {
    return false;
  }
}

function remember(key) {
  try {
    localStorage.setItem(key, "1");
  } catch {
    /* shown again next time */
  }
}
