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
  offer(made, options);
  made.value = value;
  return made;
}

/** Let a select offer these and nothing else; what is chosen stays so if it is among them. */
export function offer(control, options) {
  const offered = JSON.stringify(options);
  if (control.offered === offered) return; // somebody may have it open
  control.offered = offered;
  const { value } = control;
  control.replaceChildren(...options.map(([key, text]) => element("option", { value: key }, text)));
  if (options.some(([key]) => key === value)) control.value = value;
}

/** Let it offer one more, unless it does already. */
export function addOption(control, value, text) {
  if ([...control.options].some((option) => option.value === value)) return;
  control.offered = null;
  control.append(element("option", { value }, text));
}

/** What is written with commas between it. */
export const listOf = (text) => [...new Set(text.split(",").map((each) => each.trim()).filter(Boolean))];

/** What is wrong, where no field of the form is. */
const rest = ({ errors, message }) => errors.map((error) => error.message).join("; ") || message;

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
    setText(told, problem && !isTold ? rest(problem) : "");
  }
}

/**
 * Empty a control while what was in it is sent: what is typed from here on is the next one. What is
 * refused comes back before it.
 */
export async function emptied(control, send, between = " ") {
  const text = control.value;
  control.value = "";
  try {
    await send();
  } catch (problem) {
    control.value = [text, control.value].filter(Boolean).join(between);
    throw problem;
  }
}
