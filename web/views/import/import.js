// Bringing along what one has elsewhere, and taking everything away.

import { upload } from "../../api.js";
import { element, fill } from "../../elements.js";
import { announce, attemptQuietly, complain } from "../../notices.js";
import { settingsPlaces } from "../../subplaces.js";
import { exportSection } from "./export.js";
import { importForm } from "./form.js";
import { progressBar } from "./progress.js";
import { showResult } from "./result.js";

const WORKING = {
  true: "The server looks what would come in. Nothing is written.",
  false: "The server brings it in. That is one step: all that can come in does, or nothing.",
};

export function importView(session) {
  const progress = progressBar();
  const outcome = element("section", { class: "outcome", "aria-label": "What came of it", hidden: true });
  const asked = importForm(session, () => send(true), forget);
  let isWorking = false;
  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("h1", { tabIndex: -1 }, "Import and export"),
    settingsPlaces("#/import"),
    element("h2", {}, "Import"),
    asked.node,
    progress.node,
    outcome,
    exportSection(),
  );
  asked.takeDrops(node);
  void attemptQuietly(asked.load);
  return { node };

  /** What was said of another file or another place does not hold. */
  function forget() {
    outcome.hidden = true;
    fill(outcome);
  }

  /** Ask the server what would come in, or with `isDry` false bring it in; throws what it refuses. */
  async function send(isDry) {
    if (isWorking) return;
    isWorking = true;
    if (isDry) forget(); // or else it stays, to try again
    const { form, format } = asked.read(isDry);
    asked.wait(true);
    progress.show("The file is being sent.");
    try {
      const result = await upload("/imports", form, (part) => {
        if (part < 1) progress.to(part);
        else progress.show(WORKING[isDry]);
      });
      tell(showResult(result, { format, isDry, bringIn: () => send(false) }));
    } catch (problem) {
      if (!node.isConnected && problem.isProblem) complain(problem); // somebody went elsewhere
      throw problem;
    } finally {
      isWorking = false;
      progress.hide();
      asked.wait(false);
    }
  }

  function tell(nodes) {
    fill(outcome, nodes);
    outcome.hidden = false;
    const heading = outcome.querySelector("h2");
    if (node.isConnected) heading.focus();
    else announce(heading.textContent);
  }
}
