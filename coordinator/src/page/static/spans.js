// The form that asks for pieces of a text: marked with mouse, finger or keys. Places are counted in code points, as the
// coordinator counts them, and not in the units of JavaScript's strings.

import { button, el, fill } from "./dom.js";
import { letterStops, nextStop, pieces, trimmed, wordStops } from "./geometry.js";
import { Palette } from "./palette.js";
import { plain, sampleElement } from "./sample.js";

/** Marked text in the list of spans, at most. */
const SHOWN = 40;

/** Spans of one sample. */
export class Spans {
  #project;
  #changed;
  #palette;
  #points = [];
  #letters = [0];
  #words = [0];
  #spans = [];
  #selected = -1;
  /** What is about to be marked, in code points: from the anchor to the caret. */
  #range = null;
  #touch = false;
  #pressed = false;
  #text = el("div", { class: "text marked" });
  #list = el("ul", { class: "parts" });

  constructor(project, changed) {
    this.#project = project;
    this.#changed = changed;
    this.#palette = new Palette(project.form.classes, "Class of the marked piece", (name) => this.#classify(name));
    document.addEventListener("selectionchange", () => this.#follow());
    // The browser says only after this what is marked now.
    document.addEventListener("pointerup", () => setTimeout(() => this.#lift()));
  }

  show(task, label) {
    const text = plain(task.data[this.#project.show.text]);
    this.#points = [...text];
    this.#letters = letterStops(text);
    this.#words = wordStops(this.#points);
    this.#spans = (label ?? []).map((span) => ({ ...span }));
    this.#selected = -1;
    this.#range = null;
    this.#text = el("div", {
      class: "text marked",
      dir: "auto",
      tabindex: "0",
      role: "textbox",
      "aria-readonly": "true",
      "aria-multiline": "true",
      "aria-label": "The text to mark",
    });
    this.#text.addEventListener("pointerdown", (event) => {
      this.#touch = event.pointerType !== "mouse";
      // Nothing is drawn anew here: the browser is about to look where in these elements it was pressed.
      this.#range = null;
      this.#pressed = true;
    });
    this.#text.addEventListener("keydown", (event) => this.#caretKey(event));
    this.#text.addEventListener("focus", () => {
      if (!this.#pressed && !this.#range && !this.#nativeRange()) this.#set({ anchor: 0, caret: 0 });
    });
    this.#draw();
    const hint = el("p", {
      class: "hint",
      text: "Mark a piece of the text: with the mouse it gets the chosen class at once; with a finger or the keys, choose a class afterwards.",
    });
    return {
      sample: sampleElement(task, this.#project.show, { text: this.#text }),
      controls: el("div", {}, this.#palette.element, this.#list, hint),
    };
  }

  value() {
    const order = (a, b) => a.start - b.start || a.end - b.end;
    return { label: [...this.#spans].sort(order) };
  }

  key(event) {
    if (["Delete", "x"].includes(event.key) && this.#spans[this.#selected]) {
      this.#remove(this.#selected);
      return true;
    }
    if (event.key === "Backspace" && this.#spans[this.#selected] && event.target === this.#text) {
      this.#remove(this.#selected);
      return true;
    }
    return this.#palette.key(event);
  }

  keys() {
    return [
      ["Tab", "Go to the text"],
      ["← →", "Move in the text; with Ctrl by words"],
      ["Shift+→", "Mark, with any of these"],
      ["1 … 9", "Class of what is marked"],
      ["Delete x", "Delete the piece"],
      ["Esc", "Mark nothing"],
    ];
  }

  #classify(name) {
    const piece = this.#range && this.#piece();
    if (piece) this.#mark(piece, name);
    else if (this.#spans[this.#selected]) {
      this.#spans[this.#selected].class = name;
      this.#draw();
      this.#changed();
    }
  }

  #mark(piece, name) {
    const same = this.#spans.findIndex((span) => span.start === piece.start && span.end === piece.end);
    if (same >= 0) this.#spans[same].class = name;
    else this.#spans.push({ class: name, ...piece });
    this.#selected = same >= 0 ? same : this.#spans.length - 1;
    const { caret } = this.#range ?? { caret: piece.end };
    this.#range = { anchor: caret, caret };
    getSelection().removeAllRanges();
    this.#draw();
    this.#changed();
  }

  #remove(at) {
    this.#spans.splice(at, 1);
    this.#selected = -1;
    this.#draw();
    this.#changed();
  }

  #piece() {
    const { anchor, caret } = this.#range;
    return trimmed(this.#points, Math.min(anchor, caret), Math.max(anchor, caret));
  }

  #set(range) {
    this.#range = range;
    this.#draw();
  }

  /** What the browser has marked in the text, in code points. */
  #nativeRange() {
    const selection = getSelection();
    if (selection.rangeCount === 0 || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    if (!range.intersectsNode(this.#text)) return null;
    const inside = (node) => this.#text.contains(node);
    const anchor = inside(range.startContainer) ? this.#place(range.startContainer, range.startOffset) : 0;
    const caret = inside(range.endContainer) ? this.#place(range.endContainer, range.endOffset) : this.#points.length;
    return anchor < caret ? { anchor, caret } : null;
  }

  #place(node, offset) {
    const before = document.createRange();
    before.setStart(this.#text, 0);
    before.setEnd(node, offset);
    return [...before.toString()].length;
  }

  /** A finger goes on to move the ends of what it marked after it was lifted: remembered, until a class is chosen. */
  #follow() {
    if (!this.#touch || !this.#text.isConnected) return;
    const range = this.#nativeRange();
    if (range) this.#range = range;
  }

  #lift() {
    const pressed = this.#pressed;
    this.#pressed = false;
    if (!pressed || this.#touch || !this.#text.isConnected) return;
    const range = this.#nativeRange();
    if (range) {
      this.#range = range;
      const piece = this.#piece();
      if (piece) this.#mark(piece, this.#palette.current);
      return;
    }
    const selection = getSelection();
    if (selection.rangeCount === 0 || !this.#text.contains(selection.focusNode)) return;
    const caret = this.#place(selection.focusNode, selection.focusOffset);
    this.#selected = this.#spans.findIndex((span) => span.start <= caret && caret < span.end);
    this.#set({ anchor: caret, caret });
  }

  #caretKey(event) {
    const { caret, anchor } = this.#range ?? { anchor: 0, caret: 0 };
    const stops = event.ctrlKey || event.altKey ? this.#words : this.#letters;
    const to = {
      ArrowLeft: () => nextStop(stops, caret, false),
      ArrowRight: () => nextStop(stops, caret, true),
      ArrowUp: () => this.#line(caret, -1),
      ArrowDown: () => this.#line(caret, 1),
      Home: () => 0,
      End: () => this.#points.length,
      Escape: () => caret,
    }[event.key];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    this.#touch = false;
    const place = to();
    this.#selected = event.shiftKey ? -1 : this.#spans.findIndex((span) => span.start <= place && place < span.end);
    getSelection().removeAllRanges();
    this.#set({ anchor: event.shiftKey ? anchor : place, caret: place });
  }

  /** The place one line above or below, as the text is laid out now. */
  #line(caret, way) {
    const mark = this.#text.querySelector(".caret");
    const from = mark?.getBoundingClientRect();
    if (!from || typeof document.caretRangeFromPoint !== "function") return nextStop(this.#words, caret, way > 0);
    const range = document.caretRangeFromPoint(from.left, from.top + from.height / 2 + way * from.height * 1.4);
    if (range && this.#text.contains(range.startContainer)) return this.#place(range.startContainer, range.startOffset);
    return way > 0 ? this.#points.length : 0;
  }

  #draw() {
    const range = this.#range;
    const [from, to] = range ? [Math.min(range.anchor, range.caret), Math.max(range.anchor, range.caret)] : [-1, -1];
    const parts = pieces(this.#points.length, this.#spans, range ? [from, to] : []).map((piece) =>
      this.#pieceElement(piece, from, to),
    );
    if (range) {
      const before = pieces(this.#points.length, this.#spans, [from, to]).filter((piece) => piece.end <= range.caret).length;
      parts.splice(before, 0, el("span", { class: "caret", "aria-hidden": "true" }));
    }
    fill(this.#text, ...parts);
    fill(this.#list, ...this.#spans.map((span, at) => this.#partElement(span, at)));
  }

  #pieceElement(piece, from, to) {
    const text = this.#points.slice(piece.start, piece.end).join("");
    const inner = piece.spans.reduce((best, at) => (best < 0 || this.#length(at) <= this.#length(best) ? at : best), -1);
    const classes = [];
    if (inner >= 0) classes.push("span", this.#palette.colourOf(this.#spans[inner].class));
    if (inner >= 0 && inner === this.#selected) classes.push("selected");
    if (piece.start >= from && piece.end <= to) classes.push("about");
    const ending = piece.spans.filter((at) => this.#spans[at].end === piece.end).map((at) => this.#spans[at].class);
    return el(
      "span",
      { class: classes.join(" ") || null, data: ending.length > 0 ? { label: ending.join(", ") } : {} },
      text,
    );
  }

  #length(at) {
    return this.#spans[at].end - this.#spans[at].start;
  }

  #partElement(span, at) {
    const points = this.#points.slice(span.start, span.end);
    const text = points.length > SHOWN ? `${points.slice(0, SHOWN).join("")}…` : points.join("");
    const select = () => {
      this.#selected = at;
      this.#palette.choose(span.class);
      this.#set(null);
    };
    return el(
      "li",
      { class: `part ${this.#palette.colourOf(span.class)}${at === this.#selected ? " selected" : ""}` },
      el(
        "button",
        { type: "button", class: "plain", click: select },
        el("span", { dir: "auto", text: span.class }),
        ": ",
        el("q", { dir: "auto", text }),
      ),
      button("×", null, () => this.#remove(at), { class: "close", "aria-label": `Delete ${span.class}: ${text}` }),
    );
  }
}
