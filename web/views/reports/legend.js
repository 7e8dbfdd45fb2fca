// What the colours of the bars mean, and how much of each there is: in all, or where the pointer is.

import { element, fill, setText } from "../../elements.js";
import { formatDuration } from "../../format.js";
import { formatPeriod } from "./days.js";

/** A spot in the colour of a series. */
export const mark = (colour) => element("i", { class: "mark", "data-colour": colour, "aria-hidden": "true" });

export function legendView() {
  const what = element("h2", {});
  const list = element("ul", { class: "legend", role: "list" });
  const note = element("p", { class: "hint" });
  const node = element("section", { "aria-label": "What the colours mean" }, what, list, note);
  let bars = null;
  let amounts = [];
  return { node, show, point };

  /** Show what `seriesOf` says, or with null nothing; `remark` is what else to know about it. */
  function show(next, remark) {
    bars = next;
    setText(note, remark);
    node.hidden = !bars;
    if (!bars) return;
    amounts = bars.series.map(() => element("span", { class: "amount" }));
    fill(
      list,
      bars.series.map(({ label, colour }, index) =>
        element("li", {}, mark(colour), element("span", { class: "name" }, label), amounts[index]),
      ),
    );
    point(null);
  }

  /** Tell of one bar, or of all. */
  function point(place) {
    if (!bars) return;
    const { days, period, totals, series } = bars;
    const isOne = place !== null && place in days;
    const sum = isOne ? totals[place] : totals.reduce((all, each) => all + each, 0);
    setText(what, `${isOne ? formatPeriod(days[place], period) : "In all"}: ${formatDuration(sum)}`);
    series.forEach(({ seconds, total }, index) => setText(amounts[index], formatDuration(isOne ? seconds[place] : total)));
  }
}
