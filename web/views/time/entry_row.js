// One entry in the list of a day.

import { element, fill, setText } from "../../elements.js";
import { formatDuration, formatElapsed, formatTime } from "../../format.js";
import { dayOf, secondsOf } from "../../time/day.js";
import { spanText } from "../../time/questions.js";

/** `actions` are what the buttons do: resume(id), edit(id), discard(id, node). */
export function makeRow(entry, actions) {
  const button = (text, work) => element("button", { type: "button", class: "quiet", onclick: work }, text);
  const node = element(
    "li",
    { class: "entry" },
    element("div", { class: "subject" }),
    element("p", { class: "when" }, element("span", { class: "from-to" }), element("span", { class: "hint" })),
    element("span", { class: "duration" }),
    element(
      "div",
      { class: "actions" },
      button("Continue", () => actions.resume(entry.id)),
      button("Edit", () => actions.edit(entry.id)),
      button("Delete", () => actions.discard(entry.id, node)),
    ),
  );
  return node;
}

/** Show an entry in its row; `about` is what its names are, `span` the day and `now` in ms. */
export function updateRow(node, entry, about, span, now) {
  const [, , , actions] = node.children;
  const seen = JSON.stringify([entry.version, about, span.start]);
  if (node.seen !== seen) {
    node.seen = seen;
    describe(node.children[0], entry, about);
    const [resume, ...others] = actions.children;
    resume.hidden = !entry.ended_at;
    for (const button of [resume, ...others]) {
      button.setAttribute("aria-label", `${button.textContent} ${about.what}, ${formatTime(entry.started_at)}`);
    }
    node.classList.toggle("running", !entry.ended_at);
  }
  showTime(node, entry, span, now);
}

function describe(node, entry, { what, project, note }) {
  const name = entry.task_id ? element("a", { href: `#/tasks/${entry.task_id}` }, what) : what;
  const marks = [...entry.labels.map((label) => ["label", label]), entry.billable && ["", "Billable"], entry.allow_overlap && ["", "May overlap"]];
  fill(
    node,
    element("p", { class: "what" }, name),
    note && element("p", { class: "note" }, note),
    element(
      "ul",
      { class: "marks", role: "list" },
      project && element("li", {}, project),
      marks.filter(Boolean).map(([kind, text]) => element("li", { class: kind || null }, text)),
    ),
  );
}

/** From when to when, and what of it counts on this day; what runs ticks. */
export function showTime(node, entry, span, now) {
  const [, when, duration] = node.children;
  const { counted, all } = secondsOf(entry, span, now);
  const isOneDay = dayOf(entry.started_at) === dayOf(entry.ended_at ?? new Date(now).toISOString());
  const end = entry.ended_at ? formatTime(entry.ended_at) : "now";
  setText(when.children[0], isOneDay ? `${formatTime(entry.started_at)} – ${end}` : spanText(entry));
  const isSplit = Math.round(all) !== Math.round(counted);
  setText(when.children[1], isSplit ? `${formatDuration(all)} in all; ${formatDuration(counted)} count on this day` : "");
  setText(duration, entry.ended_at ? formatDuration(counted) : formatElapsed(counted));
}
