// A report as a table, which also says what the bars show.

import { element, fill } from "../../elements.js";
import { formatDuration, formatNumber, formatPercent } from "../../format.js";
import { GROUPINGS, PERIODS } from "./address.js";
import { formatPeriod } from "./days.js";
import { mark } from "./legend.js";

export function tableView() {
  // It scrolls sideways, and so it takes the focus, or the keyboard could not.
  const node = element("div", { class: "scrolled", role: "region", "aria-label": "Table of the report", tabIndex: 0 });
  return { node, show };

  /** Show a report with the bars that were made for it, or with null nothing. */
  function show(report, bars, grouping) {
    node.hidden = !report;
    if (report) fill(node, PERIODS.includes(grouping) ? periods(report, bars) : things(report, bars, grouping));
  }
}

const number = (text) => element("td", { class: "number" }, text);
const duration = (seconds) => number(seconds > 0 ? formatDuration(seconds) : "");
const share = (seconds, all) => number(all > 0 ? formatPercent((100 * seconds) / all) : "");
const column = (text) => element("th", { scope: "col", class: "number" }, text);
const part = ({ label, colour }) => element("th", { scope: "col", class: "number series" }, mark(colour), label);
const row = (...content) => element("th", { scope: "row" }, ...content);

function table(head, rows, foot) {
  return element(
    "table",
    { class: "report" },
    element("thead", {}, element("tr", {}, head)),
    element("tbody", {}, rows.map((cells) => element("tr", {}, cells))),
    element("tfoot", {}, element("tr", {}, foot)),
  );
}

const nameOf = (grouping) => GROUPINGS.find(([each]) => each === grouping)[1];

/** Days, weeks or months, with a column for each colour of the bars. */
function periods({ groups, seconds: all }, { period, days, series }) {
  const places = new Map(days.map((day, place) => [day, place]));
  return table(
    [
      element("th", { scope: "col" }, nameOf(period)),
      series.map(part),
      column("Time"),
      column("Share"),
    ].flat(),
    groups.map(({ key, seconds }) => [
      row(formatPeriod(key, period)),
      ...series.map((each) => duration(each.seconds[places.get(key)] ?? 0)),
      number(formatDuration(seconds)),
      share(seconds, all),
    ]),
    [row("Total"), ...series.map(({ total }) => duration(total)), number(formatDuration(all)), share(all, all)],
  );
}

/** Projects, tasks, people or labels, from the one with most time. */
function things({ groups, seconds: all }, { series }, grouping) {
  const colours = new Map(series.map(({ key, colour }) => [key, colour]));
  const sorted = groups.toSorted((a, b) => b.seconds - a.seconds);
  return table(
    [element("th", { scope: "col" }, nameOf(grouping)), column("Time"), column("Share"), column("Entries")],
    sorted.map(({ key, label, seconds, entries }) => [
      row(mark(colours.get(key) ?? "other"), label),
      number(formatDuration(seconds)),
      share(seconds, all),
      number(formatNumber(entries)),
    ]),
    [row("Total"), number(formatDuration(all)), share(all, all), number("")],
  );
}
