// Keys: which class has which, and when a key is meant for the page rather than for a field.

/** Keys that mean the same in every project: undo, skip, accept, instructions, help, and those of boxes. */
const TAKEN = new Set(["u", "s", "a", "i", "n", "x"]);
/** Digits first, then letters that are free. */
export const CLASS_KEYS = [..."123456789", ..."qwertyopdfghjklzcvbm".split("").filter((key) => !TAKEN.has(key))];

/** The key of the class at a position; null: it has none. */
export function classKey(at) {
  return CLASS_KEYS[at] ?? null;
}

/** The position of the class that a key stands for; -1: none. */
export function classOf(key, count) {
  const at = CLASS_KEYS.indexOf(key.toLowerCase());
  return at < count ? at : -1;
}

/** Whether a key stroke is a text's that is being typed, or the browser's. */
export function isForeign(event) {
  if (event.isComposing || event.defaultPrevented || event.metaKey || event.altKey || event.ctrlKey) return true;
  if (document.querySelector("dialog[open]")) return true;
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && (target.type === "text" || target.type === "search") && !target.dataset.keys;
}

/** Whether Enter presses what has the focus, and is not the page's. */
export function pressesSomething(event) {
  return event.target instanceof Element && event.target.closest("button, a, summary") !== null;
}
