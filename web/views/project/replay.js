// Sending a range of events once more, also those that happened while a webhook was off.

import { post } from "../../api.js";
import { element, setText } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { formatNumber } from "../../format.js";

/** `after` is called when they are on their way. */
export function replayForm(part, path, after) {
  const hint = element("p", { class: "hint lead" });
  const says = element("p", { role: "status" });
  const number = (name) => input(name, { type: "number", min: 1, step: 1 });
  const node = element(
    "div",
    {},
    hint,
    form(
      { class: "in-a-row", "aria-labelledby": "replay" },
      async (values) => {
        setText(says, "");
        const range = { since: Number(values.since) - 1, until: Number(values.until) };
        const { count } = await post(`${path}/replay`, range);
        setText(says, count === 0 ? "It wants to know of none of these." : `${formatNumber(count)} on their way.`);
        after();
      },
      field("From event #", number("since")),
      field("To event #", number("until")),
      element("button", {}, "Send again"),
    ),
    says,
  );
  return { node, update };

  function update() {
    const last = `The last event of the project is #${formatNumber(part.room.seq)}.`;
    setText(hint, `Those as well that happened while it was off. ${last} At most 1,000 at once.`);
  }
}
