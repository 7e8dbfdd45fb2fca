// What is to come in, and where to: the file, its format, a project and the zone of its clocks.

import { getAll } from "../../api.js";
import { element, setText } from "../../elements.js";
import { addOption, field, form, input, select } from "../../forms.js";
import { zoneNames } from "../../format.js";
import { FORMATS, guessFormat } from "./formats.js";

const AS_NAMED = "As the file names them";
const HINTS = Object.fromEntries(FORMATS.map(([format, , hint]) => [format, hint]));

/** `rehearse()` is called once the form is filled in, `changed()` when it names something else. */
export function importForm(session, rehearse, changed) {
  const file = input("file", { type: "file", accept: ".csv,.txt,.zip", onchange: guess });
  const format = select("format", [["", "Choose …"], ...FORMATS.map(([key, name]) => [key, name])]);
  const project = select("project_id", [["", AS_NAMED]]);
  const zones = zoneNames().map((zone) => element("option", { value: zone }));
  const timezone = input("timezone", { value: session.me.timezone, list: "import-zones", autocomplete: "off", spellcheck: false });
  format.required = true;
  const formatField = field("Format", format, "It is guessed from the file; change it where that is wrong.");
  const hint = formatField.querySelector(".hint");
  const placeFields = element(
    "div",
    {},
    field("Project", project, "Projects that the file names are made where you own none of that name. Only your own take an import."),
    field("Time zone", timezone, "The zone of the clocks by which the times in the file were written."),
    element("datalist", { id: "import-zones" }, zones),
  );
  const button = element("button", { class: "primary" }, "See what would come in");
  const fields = element(
    "fieldset",
    {},
    element("div", { class: "drop" }, field("File", file, "Or drop it here.")),
    formatField,
    placeFields,
    button,
  );
  const node = form({ class: "import", onchange: told }, rehearse, fields);
  return { node, load, read, wait, takeDrops };

  /** Offer the projects that take an import. */
  async function load() {
    const owned = (await getAll("/projects?archived=false")).filter(({ role }) => role === "owner");
    for (const { id, name } of owned) addOption(project, id, name);
  }

  /** Return what is sent, and in which format the file is. */
  function read(isDry) {
    const body = new FormData();
    body.set("format", format.value);
    if (format.value !== "stint") {
      if (project.value) body.set("project_id", project.value);
      body.set("timezone", timezone.value);
    }
    body.set("dry_run", String(isDry));
    body.set("file", file.files[0]);
    return { form: body, format: format.value };
  }

  /** Let nothing be changed while the server works. */
  function wait(isWaiting) {
    fields.disabled = isWaiting;
    if (!isWaiting && document.activeElement === document.body) button.focus(); // it had it before
  }

  function told() {
    setText(hint, HINTS[format.value] ?? "It is guessed from the file; change it where that is wrong.");
    placeFields.hidden = format.value === "stint"; // archives bring their own
    timezone.disabled = format.value === "stint";
    changed();
  }

  async function guess() {
    const [chosen] = file.files;
    if (!chosen) return;
    format.value = await guessFormat(chosen).catch(() => ""); // it is gone; sending it will say so
    told();
  }

  /** Take a file that somebody drops onto `target`, which would otherwise replace the page. */
  function takeDrops(target) {
    target.addEventListener("dragover", over);
    target.addEventListener("dragleave", out);
    target.addEventListener("drop", drop);
  }

  function over(event) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    node.classList.add("over");
  }

  function out() {
    node.classList.remove("over");
  }

  function drop(event) {
    event.preventDefault();
    out();
    if (event.dataTransfer.files.length === 0 || fields.disabled) return;
    const one = new DataTransfer();
    one.items.add(event.dataTransfer.files[0]);
    file.files = one.files;
    void guess();
  }
}
