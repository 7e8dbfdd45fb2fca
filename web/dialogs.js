// Dialogs above the view: one thing at a time, closed with Escape.

import { element } from "./elements.js";

const OPEN = "dialog.dialog[open]";

export const isDialogOpen = () => document.querySelector(OPEN) !== null;

/**
 * Show a dialog with a heading, unless one is open already: it was asked for twice. It is gone once
 * it is closed, and the focus is back where it was.
 */
export function openDialog(title, ...children) {
  const close = () => dialog.close();
  const dialog = element(
    "dialog",
    { class: "dialog", "aria-label": title, onclose: () => dialog.remove() },
    element(
      "header",
      { class: "title-row" },
      element("h2", {}, title),
      element("button", { type: "button", class: "quiet close", onclick: close, "aria-label": "Close" }, "×"),
    ),
    ...children,
  );
  if (isDialogOpen()) return dialog;
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Close what is above a view that goes. */
export function closeDialog() {
  document.querySelector(OPEN)?.close();
}
