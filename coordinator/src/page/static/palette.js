// The class that the next box or span gets, by key, mouse or touch.

import { el, kbd } from "./dom.js";
import { classKey, classOf } from "./keys.js";

/** Colours that the style sheet has for classes; beyond them they come again. */
const COLOURS = 12;

/** The name of a class's colour in the style sheet. */
export function colour(at) {
  return `c${at % COLOURS}`;
}

/** The classes of a form, one of them chosen. `picked` is called with the name whenever somebody picks one, also again. */
export class Palette {
  #classes;
  #picked;
  #inputs;
  element;

  constructor(classes, legend, picked) {
    this.#classes = classes;
    this.#picked = picked;
    this.#inputs = classes.map((name, at) => {
      const key = classKey(at);
      // A click says it, and not a change: the class that is chosen already can be meant again.
      const input = el("input", {
        type: "radio",
        name: "palette",
        value: name,
        ...(key ? { "aria-keyshortcuts": key } : {}),
      });
      input.addEventListener("click", () => picked(name));
      return input;
    });
    if (this.#inputs[0]) this.#inputs[0].checked = true;
    const labels = classes.map((name, at) => {
      const key = classKey(at);
      const text = el("span", { class: "name", dir: "auto", text: name });
      return el(
        "label",
        { class: `choice ${colour(at)}` },
        this.#inputs[at],
        el("span", { class: "swatch" }),
        text,
        key ? kbd(key) : null,
      );
    });
    this.element = el(
      "fieldset",
      { class: "form" },
      el("legend", { text: legend }),
      el("div", { class: "choices" }, ...labels),
    );
  }

  /** The chosen class. */
  get current() {
    return this.#classes[this.#inputs.findIndex((input) => input.checked)] ?? this.#classes[0];
  }

  colourOf(name) {
    return colour(Math.max(0, this.#classes.indexOf(name)));
  }

  /** Shows another class as the chosen one. */
  choose(name) {
    const input = this.#inputs[this.#classes.indexOf(name)];
    if (input) input.checked = true;
  }

  /** Takes the key of a class; answers whether it was one. */
  key(event) {
    const at = classOf(event.key, this.#classes.length);
    if (at < 0) return false;
    this.choose(this.#classes[at]);
    this.#picked(this.#classes[at]);
    return true;
  }
}
