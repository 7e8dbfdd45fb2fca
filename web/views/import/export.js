// Taking everything away, as a file.

import { download } from "../../api.js";
import { element } from "../../elements.js";
import { saveFile } from "../../files.js";
import { announce, attempt } from "../../notices.js";
import { progressBar } from "./progress.js";

export function exportSection() {
  const progress = progressBar();
  const button = element("button", { type: "button", onclick: take }, "Export everything");
  return element(
    "section",
    { "aria-labelledby": "export-title" },
    element("h2", { id: "export-title" }, "Export"),
    element(
      "p",
      {},
      "A ZIP archive of your profile, your inbox, your tasks and time, all of the projects that you own, and of other ",
      "projects what you made, what is assigned to you and your time: for other programs, as tables for spreadsheets, ",
      "and to be imported here or in another Stint. What is in the trash stays out.",
    ),
    button,
    progress.node,
  );

  async function take() {
    button.disabled = true;
    progress.show("The server packs everything.");
    await attempt(async () => {
      const { name, content } = await download("/users/me/export");
      saveFile(name || "stint.zip", content);
      announce("The export is downloaded.");
    });
    progress.hide();
    button.disabled = false;
    button.focus();
  }
}
