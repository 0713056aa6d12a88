// Why a sample is skipped, which keys there are, and other questions. The browser's own dialogs keep the focus inside.

import { button, el, kbd } from "./dom.js";

/** Common reasons, each with a digit. */
export const REASONS = [
  "Not clear enough to decide",
  "None of the answers fits",
  "Broken or cannot be read",
  "Private or offensive",
];

/** Asks why a sample is skipped; answers the reason, or null. */
export function askReason() {
  return new Promise((resolve) => {
    const text = el("input", { type: "text", id: "reason", maxlength: "500", autocomplete: "off" });
    const reasons = REASONS.map((reason, at) =>
      el(
        "li",
        {},
        button(reason, String(at + 1), () => dialog.close(reason)),
      ),
    );
    const form = el(
      "form",
      {
        method: "dialog",
        submit: (event) => {
          event.preventDefault();
          dialog.close(text.value.trim() || "other");
        },
      },
      el("label", { for: "reason", text: "Another reason" }),
      text,
      el(
        "div",
        { class: "row" },
        el("button", { type: "submit", class: "primary", text: "Skip" }),
        button("Cancel", "Esc", () => dialog.close("")),
      ),
    );
    const dialog = open("Why do you skip this sample?", el("ol", { class: "reasons" }, ...reasons), form);
    dialog.addEventListener("keydown", (event) => {
      const at = event.target === text && text.value !== "" ? -1 : Number(event.key) - 1;
      if (event.ctrlKey || event.metaKey || event.altKey || !REASONS[at]) return;
      event.preventDefault();
      dialog.close(REASONS[at]);
    });
    dialog.addEventListener("close", () => resolve(dialog.returnValue || null));
  });
}

/** Shows the keys: pairs of a key and what it does. */
export function showKeys(pairs) {
  const rows = pairs.map(([keys, what]) =>
    el("tr", {}, el("td", {}, ...keys.split(" ").map(kbd)), el("td", { text: what })),
  );
  const dialog = open(
    "Keys",
    el("table", { class: "keys" }, el("tbody", {}, ...rows)),
    button("Close", "Esc", () => dialog.close("")),
  );
}

/** Asks a question that is answered with yes or no. */
export function ask(question, yes) {
  return new Promise((resolve) => {
    const dialog = open(
      question,
      el(
        "div",
        { class: "row" },
        button(yes, null, () => dialog.close("yes"), { class: "primary" }),
        button("Cancel", "Esc", () => dialog.close("")),
      ),
    );
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}

function open(title, ...children) {
  const dialog = el(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    el("h2", { id: "dialog-title", text: title }),
    ...children,
  );
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close("");
  });
  dialog.showModal();
  return dialog;
}
