// A line that is edited where it stands.

import { element } from "../../elements.js";
import { form } from "../../forms.js";

/**
 * Put a form for `control` into a line. `save(values, end)` saves it; `end` takes the form away again
 * and gives the focus back to what `opener` selects in the line, as Escape and Cancel do.
 */
export function editInPlace(line, { opener, control, verb, properties = {} }, save) {
  const editor = form(
    { ...properties, onkeydown },
    (values) => save(values, end),
    control,
    element("button", { class: "primary" }, verb),
    element("button", { type: "button", class: "quiet", onclick: end }, "Cancel"),
  );
  line.classList.add("edited");
  line.append(editor);

  function onkeydown(event) {
    if (event.key !== "Escape") return;
    event.preventDefault(); // the task stays open
    end();
  }

  function end() {
    editor.remove();
    line.classList.remove("edited");
    line.querySelector(opener).focus();
  }
}
