// Boxes as shares of an image, texts as code points. Nothing here knows the page.

/** The smallest side of a box, as a share. */
export const SMALLEST = 0.002;

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
/** A millionth of an image is less than a pixel of any. */
const rounded = (value) => Math.round(value * 1e6) / 1e6;

/** A box with edges within the image, wide and high enough to be seen. */
export function tidy({ x, y, width, height, ...rest }) {
  const left = rounded(clamp(x, 0, 1 - SMALLEST));
  const top = rounded(clamp(y, 0, 1 - SMALLEST));
  const fit = (size, from) => rounded(clamp(size, SMALLEST, 1 - from));
  return { ...rest, x: left, y: top, width: fit(width, left), height: fit(height, top) };
}

/** The box between two corners. */
export function between(a, b) {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return tidy({ x, y, width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) });
}

/** The box moved as a whole, as far as the image reaches. */
export function moved(box, dx, dy) {
  return tidy({ ...box, x: clamp(box.x + dx, 0, 1 - box.width), y: clamp(box.y + dy, 0, 1 - box.height) });
}

/** The box with one corner elsewhere. `corner`: nw, ne, sw or se. */
export function resized(box, corner, point) {
  const fixed = {
    x: corner.includes("w") ? box.x + box.width : box.x,
    y: corner.includes("n") ? box.y + box.height : box.y,
  };
  const inside = { x: clamp(point.x, 0, 1), y: clamp(point.y, 0, 1) };
  return { ...box, ...between(fixed, inside) };
}

/** The smallest of the boxes under a point; -1: none. */
export function boxAt(boxes, { x, y }) {
  let found = -1;
  boxes.forEach((box, at) => {
    const inside = x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
    const area = (at) => boxes[at].width * boxes[at].height;
    if (inside && (found < 0 || area(at) < area(found))) found = at;
  });
  return found;
}

/** Pieces of a text that are covered alike: `{ start, end, spans }`, spans by their positions. Marks cut, too. */
export function pieces(length, spans, marks = []) {
  const cuts = new Set([0, length, ...marks, ...spans.flatMap((span) => [span.start, span.end])]);
  const edges = [...cuts].filter((edge) => edge >= 0 && edge <= length).sort((a, b) => a - b);
  return edges.slice(1).map((end, at) => {
    const start = edges[at];
    const covering = spans.flatMap((span, index) => (span.start <= start && span.end >= end ? [index] : []));
    return { start, end, spans: covering };
  });
}

/** Cuts white space off both ends of a piece; null: nothing else is in it. */
export function trimmed(points, start, end) {
  const blank = (at) => points[at].trim() === "";
  let [from, to] = [start, end];
  while (from < to && blank(from)) from += 1;
  while (to > from && blank(to - 1)) to -= 1;
  return from < to ? { start: from, end: to } : null;
}

/** Where letters begin that people see as one, in code points, with the end of the text. */
export function letterStops(text) {
  const stops = [0];
  const letters =
    typeof Intl.Segmenter === "function" ? [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment) : [...text];
  for (const letter of letters) stops.push(stops.at(-1) + [...letter].length);
  return stops;
}

/** Where words begin and end. */
export function wordStops(points) {
  const isBlank = (at) => points[at].trim() === "";
  const stops = [0];
  for (let at = 1; at < points.length; at += 1) if (isBlank(at) !== isBlank(at - 1)) stops.push(at);
  stops.push(points.length);
  return stops;
}

/** The next stop before or after a place. */
export function nextStop(stops, at, forward) {
  const found = forward ? stops.find((stop) => stop > at) : stops.findLast((stop) => stop < at);
  return found ?? at;
}
