// Elements out of text. What users and datasets wrote comes in as text alone, so nothing of it can become markup.

/**
 * Makes an element. Properties are attributes, except `class`, `text`, `data` (a map), and functions, which listen.
 * Children that are texts become text.
 */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else if (key === "class") element.className = value;
    else if (key === "text") element.textContent = value;
    else if (key === "data") Object.assign(element.dataset, value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A key as people see it. */
export function kbd(key) {
  return el("kbd", { "aria-hidden": "true", text: key });
}

/** A button with the key that does the same. */
export function button(text, key, click, properties = {}) {
  const shortcut = key ? { "aria-keyshortcuts": key } : {};
  return el("button", { type: "button", click, ...shortcut, ...properties }, text, key ? kbd(key) : null);
}

/** Replaces everything in an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** Tells everybody, also those who hear the page, something that passes. */
export function notice(text, kind = "info") {
  const notices = document.getElementById("notices");
  const line = el(
    "p",
    { class: `notice ${kind}` },
    text,
    button("×", null, () => line.remove(), { "aria-label": "Close", class: "close" }),
  );
  notices.append(line);
  while (notices.children.length > 3) notices.firstElementChild.remove();
  if (kind === "info") setTimeout(() => line.remove(), 6000);
}

/** A share as whole percents. */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** 32 hexadecimal digits that nobody has drawn before. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
