// The form that asks for boxes in an image: drawn, moved and resized with mouse, finger or keys.

import { button, el, fill } from "./dom.js";
import { between, boxAt, moved, resized, tidy } from "./geometry.js";
import { Palette } from "./palette.js";
import { imageElement, sampleElement } from "./sample.js";

/** A pointer that moves less, in pixels, has pressed and not drawn. */
const PRESS = 5;
/** How far a key moves an edge, as a share of the image: a little, and more while it is held down. */
const STEP = 0.005;
const HELD_STEP = 0.02;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CORNERS = ["nw", "ne", "sw", "se"];

/** Boxes of one sample. */
export class Boxes {
  #project;
  #changed;
  #palette;
  #boxes = [];
  #selected = -1;
  #layer = el("div", { class: "layer" });
  #list = el("ul", { class: "parts" });

  constructor(project, changed) {
    this.#project = project;
    this.#changed = changed;
    this.#palette = new Palette(project.form.classes, "Class of the box", (name) => this.#classify(name));
  }

  show(task, label) {
    this.#boxes = (label ?? []).map((box) => tidy(box));
    this.#selected = -1;
    this.#layer = el("div", { class: "layer", "aria-label": "Boxes on the image", role: "group" });
    this.#layer.addEventListener("pointerdown", (event) => this.#press(event));
    const picture = imageElement(task, task.data[this.#project.show.image]);
    const image = el("div", { class: "canvas" }, picture, picture.querySelector("img") ? this.#layer : null);
    this.#draw();
    const hint = el("p", {
      class: "hint",
      text: "Drag over the image to draw a box. Press on a box to choose it; then drag it, or its corners.",
    });
    const add = button("New box", "n", () => this.#add());
    const controls = el("div", {}, this.#palette.element, el("div", { class: "row" }, add), this.#list, hint);
    return { sample: sampleElement(task, this.#project.show, { image }), controls };
  }

  value() {
    return { label: this.#boxes };
  }

  key(event) {
    const arrow = ARROWS[event.key];
    const box = this.#boxes[this.#selected];
    if (event.key === "n") {
      this.#add();
      return true;
    }
    if (box && arrow) {
      const step = event.repeat ? HELD_STEP : STEP;
      const [dx, dy] = arrow.map((way) => way * step);
      this.#replace(event.shiftKey ? tidy({ ...box, width: box.width + dx, height: box.height + dy }) : moved(box, dx, dy));
      return true;
    }
    if (box && ["Delete", "Backspace", "x"].includes(event.key)) {
      this.#remove(this.#selected);
      return true;
    }
    if (box && event.key === "Escape") {
      this.#select(-1);
      return true;
    }
    return this.#palette.key(event);
  }

  keys() {
    return [
      ["1 … 9", "Class of the chosen box, or of the next one"],
      ["n", "New box"],
      ["Tab", "Choose the next box"],
      ["← → ↑ ↓", "Move the box"],
      ["Shift+←", "Resize it, with any arrow"],
      ["Delete x", "Delete the box"],
      ["Esc", "Choose none"],
    ];
  }

  #add() {
    this.#boxes.push(tidy({ class: this.#palette.current, x: 0.4, y: 0.4, width: 0.2, height: 0.2 }));
    this.#select(this.#boxes.length - 1);
    this.#changed();
  }

  #remove(at) {
    this.#boxes.splice(at, 1);
    this.#select(-1);
    this.#changed();
  }

  #replace(box) {
    this.#boxes[this.#selected] = box;
    this.#draw();
    this.#changed();
  }

  #classify(name) {
    const box = this.#boxes[this.#selected];
    if (box) this.#replace({ ...box, class: name });
  }

  #select(at) {
    this.#selected = at;
    if (this.#boxes[at]) this.#palette.choose(this.#boxes[at].class);
    this.#draw();
    if (at >= 0) this.#layer.children[at]?.focus({ preventScroll: true });
    else if (this.#layer.contains(document.activeElement)) document.activeElement.blur();
  }

  /** Where a pointer is, as shares of the image. */
  #point(event) {
    const frame = this.#layer.getBoundingClientRect();
    const within = (value) => Math.min(1, Math.max(0, value));
    return { x: within((event.clientX - frame.left) / frame.width), y: within((event.clientY - frame.top) / frame.height) };
  }

  #press(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    const from = this.#point(event);
    const corner = event.target.dataset?.corner;
    const box = this.#boxes[this.#selected];
    const onSelected = box && boxAt([box], from) === 0;
    const change =
      corner && box
        ? (point) => resized(box, corner, point)
        : onSelected
          ? (point) => moved(box, point.x - from.x, point.y - from.y)
          : null;
    this.#follow(event, from, change);
  }

  /** Follows a pointer until it is lifted. Without `change` it draws a new box. */
  #follow(down, from, change) {
    const layer = this.#layer;
    const before = this.#boxes.map((box) => ({ ...box }));
    const selected = this.#selected;
    let drawing = change !== null;
    let dragged = false;
    const isDrag = (event) => Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) >= PRESS;
    const move = (event) => {
      if (event.pointerId !== down.pointerId || (!dragged && !isDrag(event))) return;
      dragged = true;
      const point = this.#point(event);
      if (!drawing) {
        drawing = true;
        this.#boxes.push({ class: this.#palette.current, ...between(from, point) });
        this.#selected = this.#boxes.length - 1;
      }
      const now = this.#boxes[this.#selected];
      this.#boxes[this.#selected] = change ? change(point) : { class: now.class, ...between(from, point) };
      this.#draw();
    };
    const end = (event) => {
      if (event.pointerId !== down.pointerId) return;
      for (const [name, listener] of listeners) layer.removeEventListener(name, listener);
      if (event.type === "pointercancel") {
        this.#boxes = before;
        this.#selected = selected;
        this.#draw();
      } else if (dragged) {
        this.#select(this.#selected);
        this.#changed();
      } else {
        this.#select(boxAt(this.#boxes, from));
      }
    };
    const listeners = [
      ["pointermove", move],
      ["pointerup", end],
      ["pointercancel", end],
    ];
    for (const [name, listener] of listeners) layer.addEventListener(name, listener);
    layer.setPointerCapture(down.pointerId);
  }

  #draw() {
    const active = this.#layer.contains(document.activeElement);
    fill(this.#layer, ...this.#boxes.map((box, at) => this.#boxElement(box, at)));
    if (active && this.#selected >= 0) this.#layer.children[this.#selected]?.focus({ preventScroll: true });
    fill(
      this.#list,
      ...this.#boxes.map((box, at) =>
        el(
          "li",
          { class: `part ${this.#palette.colourOf(box.class)}${at === this.#selected ? " selected" : ""}` },
          el(
            "button",
            { type: "button", class: "plain", click: () => this.#select(at) },
            `${at + 1}. `,
            el("span", { dir: "auto", text: box.class }),
          ),
          button("×", null, () => this.#remove(at), { class: "close", "aria-label": `Delete box ${at + 1}` }),
        ),
      ),
    );
  }

  #boxElement(box, at) {
    const isSelected = at === this.#selected;
    const where = [box.x, box.y, box.width, box.height].map((share) => Math.round(share * 100));
    const name = `Box ${at + 1}, ${box.class}: ${where[0]} % from the left, ${where[1]} % from the top, ${where[2]} % wide, ${where[3]} % high`;
    const element = el(
      "div",
      {
        class: `box ${this.#palette.colourOf(box.class)}${isSelected ? " selected" : ""}`,
        tabindex: "0",
        role: "button",
        "aria-pressed": String(isSelected),
        "aria-label": name,
        data: { label: box.class },
      },
      ...(isSelected ? CORNERS.map((corner) => el("span", { class: `corner ${corner}`, data: { corner } })) : []),
    );
    for (const [property, share] of [
      ["left", box.x],
      ["top", box.y],
      ["width", box.width],
      ["height", box.height],
    ]) {
      element.style.setProperty(property, `${share * 100}%`);
    }
    element.addEventListener("focus", () => {
      if (this.#selected !== at) this.#select(at);
    });
    return element;
  }
}
