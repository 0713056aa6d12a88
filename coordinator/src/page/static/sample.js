// What an annotator sees of a sample: text, image, rows of a table, two things side by side.

import { el } from "./dom.js";

/**
 * The parts of a sample as the project shows them. `own`: elements that a form puts in place of the text or the image.
 */
export function sampleElement(task, show, own = {}) {
  const parts = [];
  if (show.pair) parts.push(pairElement(task, show.pair));
  if (show.image) parts.push(own.image ?? imageElement(task, task.data[show.image]));
  if (show.text) parts.push(own.text ?? textElement(task.data[show.text]));
  if (show.row.length > 0) parts.push(rowElement(task, show.row));
  if (parts.length === 0) parts.push(rowElement(task, Object.keys(task.data)));
  return el("div", { class: "sample" }, ...parts);
}

/** Where the image of a value lies; null: it is none. */
export function imageSource(task, value) {
  if (value && typeof value === "object" && typeof value.blob === "string") {
    return `/api/v1/requests/${task.request}/blobs/${encodeURIComponent(value.blob)}`;
  }
  return typeof value === "string" && /^(https?:|data:image\/(png|jpeg|gif|webp|avif|bmp)[;,])/i.test(value) ? value : null;
}

/** Has the browser fetch the images of a sample that comes soon. */
export function fetchImages(task, show) {
  const columns = [show.image, ...(show.pair ?? []), ...show.row].filter((column) => column);
  for (const source of columns.map((column) => imageSource(task, task.data[column]))) {
    if (source) new Image().src = source;
  }
}

function textElement(value) {
  return el("div", { class: "text", dir: "auto", text: plain(value) });
}

/** An image; where it cannot be shown, the way to it. */
export function imageElement(task, value) {
  const source = imageSource(task, value);
  if (!source) return el("p", { class: "trouble", text: "This sample has no image." });
  const image = el("img", { src: source, alt: "The sample", decoding: "async", draggable: "false" });
  const figure = el("figure", { class: "picture" }, image);
  image.addEventListener("error", () => {
    const line = el("p", { class: "trouble", text: "The image cannot be shown. " });
    if (/^https?:/i.test(source)) {
      line.append(el("a", { href: source, target: "_blank", rel: "noopener noreferrer", text: "Open it where it lies" }));
    }
    figure.append(line);
  });
  return figure;
}

function rowElement(task, columns) {
  const rows = columns.map((column) =>
    el("tr", {}, el("th", { scope: "row", text: column }), el("td", { dir: "auto" }, cell(task, task.data[column]))),
  );
  return el("table", { class: "columns" }, el("tbody", {}, ...rows));
}

function pairElement(task, pair) {
  const sides = pair.map((column, at) => {
    const value = task.data[column];
    const shown = imageSource(task, value) ? imageElement(task, value) : textElement(value);
    return el("section", { class: "side", "aria-label": "AB"[at] }, el("h3", { text: "AB"[at] }), shown);
  });
  return el("div", { class: "pair" }, ...sides);
}

function cell(task, value) {
  return value !== null && typeof value === "object" && imageSource(task, value) ? imageElement(task, value) : plain(value);
}

/** A value as text. */
export function plain(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
