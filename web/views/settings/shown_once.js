// Secrets that the API tells once: shown until they were kept.

import { element, fill } from "../../elements.js";
import { saveFile } from "../../files.js";
import { announce } from "../../notices.js";

let ids = 0;

/**
 * Show `lines` in `place` and turn to them; `file` is what they are called when they are saved.
 * `kept` is called once they are taken away.
 */
export function showOnce(place, { title, text, lines, file, kept }) {
  const id = `once-${(ids += 1)}`;
  const secret = element("pre", { class: "secret", tabIndex: 0, "aria-labelledby": id }, lines.join("\n"));
  const says = element("span", { class: "hint", role: "status" });
  const button = (name, onclick) => element("button", { type: "button", onclick }, name);
  const heading = element("h2", { id, tabIndex: -1 }, title);
  fill(
    place,
    element(
      "section",
      { class: "once", "aria-labelledby": id },
      heading,
      element("p", {}, text),
      secret,
      element(
        "p",
        { class: "in-a-row" },
        button("Copy", copy),
        file && button("Save as a file", save),
        button("I have kept it", drop),
        says,
      ),
    ),
  );
  heading.focus();

  async function copy() {
    try {
      await navigator.clipboard.writeText(lines.join("\n"));
      says.textContent = "Copied.";
    } catch {
      // Without a secure connection pages may not; people may.
      getSelection().selectAllChildren(secret);
      says.textContent = "It is selected now: copy it with the keyboard.";
    }
  }

  function save() {
    saveFile(file, new Blob([`${title}\n\n${lines.join("\n")}\n`], { type: "text/plain" }));
  }

  function drop() {
    place.replaceChildren();
    announce("It is not shown any more.");
    kept();
  }
}
