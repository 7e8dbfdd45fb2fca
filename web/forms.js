// Forms: labelled fields, one answer at a time, and what is wrong with it beside each field.

import { element, setText } from "./elements.js";

let ids = 0;

/** A labelled control with room for what is wrong with it. */
export function field(label, control, hint) {
  control.id ||= `field-${(ids += 1)}`;
  const wrong = element("p", { class: "wrong", id: `${control.id}-wrong` });
  const told = hint && element("p", { class: "hint", id: `${control.id}-hint` }, hint);
  control.setAttribute("aria-describedby", [wrong.id, told?.id].filter(Boolean).join(" "));
  return element("div", { class: "field" }, element("label", { for: control.id }, label), control, told, wrong);
}

export const input = (name, properties = {}) => element("input", { name, required: true, ...properties });

export function select(name, options, value = "") {
  const made = element("select", { name });
  made.append(...options.map(([key, text]) => element("option", { value: key }, text)));
  made.value = value;
  return made;
}

/**
 * A form that hands its values to `submit`. While it waits it takes no second answer; a problem is
 * told under the fields that it is about, or else above the button.
 */
export function form(properties, submit, ...children) {
  const told = element("p", { class: "wrong", role: "alert" });
  const made = element("form", { noValidate: false, ...properties, onsubmit }, ...children, told);
  const button = made.querySelector("button:not([type=button])");
  if (button) button.before(told);
  let waiting = false;
  return made;

  async function onsubmit(event) {
    event.preventDefault();
    if (waiting) return;
    waiting = true;
    tell(null);
    try {
      await submit(Object.fromEntries(new FormData(made)), made);
    } catch (problem) {
      if (!problem.isProblem) throw problem;
      tell(problem);
    } finally {
      waiting = false;
    }
  }

  function tell(problem) {
    let isTold = false;
    for (const control of made.elements) {
      const text = problem && control.name ? problem.about(control.name) : "";
      const place = document.getElementById(`${control.id}-wrong`);
      if (!place) continue;
      setText(place, text);
      control.toggleAttribute("aria-invalid", Boolean(text));
      if (text) control.setAttribute("aria-invalid", "true");
      if (text && !isTold) control.focus();
      isTold ||= Boolean(text);
    }
    setText(told, problem && !isTold ? problem.message : "");
  }
}
