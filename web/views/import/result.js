// What an import did, or a dry run would: in words, and line by line what is wrong with the file.

import { counted, inWords } from "../../counts.js";
import { element, setText } from "../../elements.js";
import { formatNumber } from "../../format.js";

/** What was made, by the kinds of things; formats tell it in different members. */
function madeOf(result, format) {
  if (format === "stint") return result.counts;
  return {
    project: result.projects_created,
    task: result.tasks_created,
    item: result.items_created,
    time_entry: format === "ticktick" ? 0 : result.created,
  };
}

export function showResult(result, { format, isDry, bringIn }) {
  const made = inWords(madeOf(result, format));
  const unit = format === "stint" ? "record" : "line";
  return [
    element("h2", { tabIndex: -1 }, isDry ? "What would come in" : made ? "It is imported" : "There was nothing new"),
    element("ul", {}, sentences(result, { made, unit, format, isDry }).map((text) => element("li", {}, text))),
    isDry && made && confirm(bringIn),
    !isDry && element("p", {}, element("a", { href: "#/" }, "Go to your projects"), " · ", element("a", { href: "#/time" }, "Go to your time")),
    result.errors.length > 0 && problemTable(result.errors, format),
  ].filter(Boolean);
}

function sentences(result, { made, unit, format, isDry }) {
  const { matched, skipped, overlapping } = result;
  const people = format === "stint" ? 0 : result.people_created; // there they are in the counts
  const are = (number) => (number === 1 ? "is" : "are");
  return [
    made && `${isDry ? "New would be" : "New"}: ${made}.`,
    !made && (isDry ? "Nothing in it is new here." : "Nothing was made."),
    people > 0 && `${counted(people, "person")} ${people === 1 ? "has" : "have"} no account here; placeholders stand in until they sign up.`,
    matched > 0 && `${counted(matched, unit)} ${are(matched)} here already from an earlier import; nothing is made twice.`,
    overlapping > 0 &&
      `${counted(overlapping, "time_entry")} ${overlapping === 1 ? "overlaps" : "overlap"} others of the same person, and ${are(overlapping)} kept nevertheless.`,
    skipped > 0 && `${counted(skipped, unit)} ${isDry ? "would be" : skipped === 1 ? "was" : "were"} left out; the reasons are below.`,
    result.unknown_columns.length > 0 && `These columns of the file are not read: ${result.unknown_columns.join(", ")}.`,
  ].filter(Boolean);
}

function confirm(bringIn) {
  const wrong = element("p", { class: "wrong", role: "alert" });
  return element(
    "div",
    { class: "confirm" },
    element("button", { type: "button", class: "primary", onclick: run }, "Import"),
    element("span", { class: "hint" }, "Nothing is written until then."),
    wrong,
  );

  async function run() {
    setText(wrong, "");
    try {
      await bringIn();
    } catch (problem) {
      if (!problem.isProblem) throw problem;
      setText(wrong, problem.message);
    }
  }
}

function problemTable(errors, format) {
  const heads = ["Line", format === "stint" ? "File" : "Column", "What is wrong", "Then"];
  return element(
    "div",
    { class: "scrolled", role: "region", tabIndex: 0, "aria-label": "What is wrong, line by line" },
    element(
      "table",
      { class: "problems" },
      element("caption", {}, captionOf(errors)),
      element("thead", {}, element("tr", {}, heads.map((head, i) => element("th", { scope: "col", class: i === 0 && "number" }, head)))),
      element("tbody", {}, errors.map(problemRow)),
    ),
  );
}

function captionOf({ length }) {
  return length < 1_000 ? "What is wrong, line by line" : `What is wrong: the first ${formatNumber(length)}`;
}

const problemRow = ({ line, column, message, severity }) =>
  element(
    "tr",
    {},
    element("td", { class: "number" }, formatNumber(line)),
    element("td", {}, column),
    element("td", {}, message),
    element("td", { class: severity }, severity === "error" ? "Left out" : "Comes in, changed"),
  );
