// Forms that choose: one class, any number of classes, which of two.

import { button, el, fill, kbd } from "./dom.js";
import { classKey, classOf } from "./keys.js";
import { sampleElement } from "./sample.js";

/** More classes than this are looked for by name. */
const MANY = 20;

/** Choices for one sample. `changed` is called whenever the value does. */
export class Choice {
  #project;
  #changed;
  #many;
  #options;
  #chosen = new Set();
  #list = el("div", { class: "choices" });
  #filter = null;

  constructor(project, changed) {
    this.#project = project;
    this.#changed = changed;
    const { kind, classes } = project.form;
    this.#many = kind === "multi";
    this.#options = kind === "pairwise" ? PAIR : classes.map((name, at) => ({ value: name, text: name, key: classKey(at) }));
  }

  /** Shows a sample and, where there is one, an answer to begin with. Returns the sample and what is filled in. */
  show(task, label) {
    const values = label === undefined ? [] : this.#many ? label : [label];
    this.#chosen = new Set(values);
    fill(this.#list, ...this.#options.map((option) => this.#optionElement(option)));
    const legend = el("legend", { text: this.#many ? "Which of these? Any number, also none" : "Which of these?" });
    const set = el("fieldset", { class: "form" }, legend, this.#filterElement(), this.#list);
    return { sample: sampleElement(task, this.#project.show), controls: set };
  }

  /** The label; or why there is none yet. */
  value() {
    if (this.#many) return { label: this.#options.map((option) => option.value).filter((value) => this.#chosen.has(value)) };
    const [value] = this.#chosen;
    return value === undefined ? { missing: "Choose one first" } : { label: value };
  }

  /** Takes a key; answers whether it was one of the form's. */
  key(event) {
    if (this.#project.form.kind === "pairwise") {
      const option = PAIR.find(({ key, arrow }) => key === event.key || arrow === event.key);
      if (!option) return false;
      this.#choose(option.value);
      return true;
    }
    if (event.key === "/" && this.#filter) {
      this.#filter.focus();
      return true;
    }
    const at = classOf(event.key, this.#options.length);
    if (at < 0) return false;
    this.#choose(this.#options[at].value);
    return true;
  }

  keys() {
    if (this.#project.form.kind === "pairwise") {
      return [
        ["1 ←", "A is better"],
        ["2 →", "B is better"],
        ["3 ↓", "No difference"],
      ];
    }
    const what = this.#many ? "Choose a class, or not" : "Choose a class";
    const last = classKey(Math.min(this.#options.length, 9) - 1);
    return [
      [`1 … ${last}`, what],
      ...(this.#options.length > 9 ? [["q …", "The classes beyond the ninth"]] : []),
      ...(this.#filter ? [["/", "Find a class by its name"]] : []),
    ];
  }

  #choose(value) {
    const was = this.#chosen.has(value);
    if (!this.#many) this.#chosen.clear();
    if (was && this.#many) this.#chosen.delete(value);
    else this.#chosen.add(value);
    for (const input of this.#list.querySelectorAll("input")) input.checked = this.#chosen.has(input.value);
    this.#changed();
  }

  #optionElement({ value, text, key }) {
    const type = this.#many ? "checkbox" : "radio";
    const input = el("input", {
      type,
      name: "choice",
      value,
      change: () => this.#set(input),
      ...(key ? { "aria-keyshortcuts": key } : {}),
    });
    input.checked = this.#chosen.has(value);
    return el(
      "label",
      { class: "choice", data: { name: text.toLowerCase() } },
      input,
      el("span", { class: "name", dir: "auto", text }),
      key ? kbd(key) : null,
    );
  }

  #set(input) {
    if (!this.#many) this.#chosen.clear();
    if (input.checked) this.#chosen.add(input.value);
    else this.#chosen.delete(input.value);
    this.#changed();
  }

  #filterElement() {
    if (this.#options.length <= MANY) return null;
    this.#filter = el("input", {
      type: "search",
      class: "filter",
      placeholder: "Find a class",
      "aria-label": "Find a class",
      autocomplete: "off",
    });
    const matches = () => {
      const wanted = this.#filter.value.trim().toLowerCase();
      const labels = [...this.#list.querySelectorAll("label")];
      for (const label of labels) label.hidden = wanted !== "" && !label.dataset.name.includes(wanted);
      return labels.filter((label) => !label.hidden);
    };
    this.#filter.addEventListener("input", matches);
    this.#filter.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      const [only, second] = event.key === "Enter" ? matches() : [];
      event.preventDefault();
      if (event.key === "Enter" && only === undefined) return;
      if (only && !second) this.#choose(only.querySelector("input").value);
      this.#filter.value = "";
      matches();
      this.#filter.blur();
    });
    return el(
      "div",
      { class: "row" },
      this.#filter,
      button("Show all", null, () => {
        this.#filter.value = "";
        matches();
      }),
    );
  }
}

const PAIR = [
  { value: "a", text: "A is better", key: "1", arrow: "ArrowLeft" },
  { value: "b", text: "B is better", key: "2", arrow: "ArrowRight" },
  { value: "tie", text: "No difference", key: "3", arrow: "ArrowDown" },
];
