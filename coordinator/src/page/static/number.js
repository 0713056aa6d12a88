// The form that asks for a number.

import { el } from "./dom.js";
import { sampleElement } from "./sample.js";

/** A number for one sample. */
export class NumberForm {
  #project;
  #changed;
  #input = el("input", {
    type: "text",
    id: "number",
    inputmode: "decimal",
    autocomplete: "off",
    data: { keys: "page" },
    "aria-describedby": "number-says",
  });
  #slider = null;
  #says = el("p", { id: "number-says", class: "says" });

  constructor(project, changed) {
    this.#project = project;
    this.#changed = changed;
    const { min, max } = project.form;
    this.#input.addEventListener("input", () => this.#typed());
    if (min !== null && max !== null) {
      this.#slider = el("input", { type: "range", min, max, step: "any", "aria-label": "The number, on a scale" });
      this.#slider.addEventListener("input", () => this.#set(this.#rounded(Number(this.#slider.value))));
    }
  }

  show(task, label) {
    this.#set(label ?? null);
    const { min, max } = this.#project.form;
    const between =
      min !== null && max !== null
        ? ` from ${min} to ${max}`
        : min !== null
          ? `, ${min} or more`
          : max !== null
            ? `, ${max} or less`
            : "";
    const legend = el("legend", { text: "What is the number?" });
    const named = el("label", { for: "number", text: `Number${between}` });
    const set = el("fieldset", { class: "form" }, legend, named, this.#input, this.#slider, this.#says);
    return { sample: sampleElement(task, this.#project.show), controls: set, focus: this.#input };
  }

  value() {
    const text = this.#input.value.trim().replace(",", ".");
    if (text === "") return { missing: "Write a number first" };
    const number = Number(text);
    const { min, max } = this.#project.form;
    if (!Number.isFinite(number)) return { missing: `“${text}” is not a number` };
    if (min !== null && number < min) return { missing: `${number} is below ${min}` };
    if (max !== null && number > max) return { missing: `${number} is above ${max}` };
    return { label: number };
  }

  /** Digits go into the field, from wherever they are typed. */
  key(event) {
    if (!/^[0-9.,-]$/.test(event.key) && event.key !== "Backspace") return false;
    if (event.target === this.#input) return true;
    if (event.key === "Backspace") return false;
    this.#input.focus();
    this.#input.value += event.key;
    this.#typed();
    event.preventDefault();
    return true;
  }

  keys() {
    return [["0 … 9", "Write the number"]];
  }

  #typed() {
    const { label, missing } = this.value();
    this.#says.textContent = this.#input.value.trim() === "" ? "" : (missing ?? "");
    this.#input.setAttribute("aria-invalid", String(missing !== undefined && this.#input.value.trim() !== ""));
    if (this.#slider && label !== undefined) this.#slider.value = String(label);
    this.#changed();
  }

  #set(number) {
    this.#input.value = number === null ? "" : String(number);
    if (this.#slider && number !== null) this.#slider.value = String(number);
    this.#typed();
  }

  /** As exact as the scale is long: a thousandth of it. */
  #rounded(number) {
    const { min, max } = this.#project.form;
    const digits = Math.max(0, 3 - Math.ceil(Math.log10(max - min)));
    return Math.min(max, Math.max(min, Number(number.toFixed(digits))));
  }
}
