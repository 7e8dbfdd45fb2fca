// Reports: where time went, as bars and as a table. The address says what a report is about.

import { download, get, getAll } from "../../api.js";
import { element, setText } from "../../elements.js";
import { saveFile } from "../../files.js";
import { formatDuration } from "../../format.js";
import { announce, attempt, attemptQuietly, inBackground } from "../../notices.js";
import { tellWhenSlow } from "../../waiting.js";
import { addressOf, choicesAt, fileNameOf, isHere, questionsOf } from "./address.js";
import { chartView } from "./chart.js";
import { choicesForm } from "./choices.js";
import { formatPeriod } from "./days.js";
import { legendView } from "./legend.js";
import { seriesOf } from "./series.js";
import { tableView } from "./table.js";

const SETTLE_MS = 500; // what changes at once is read at once
const NOTHING = "There is no time in this range. Choose other days, or record some.";
const OF_LABELS = "What has several labels counts for each of them, and once in the total.";

export function reportsView(session) {
  const choices = choicesForm(choose);
  const legend = legendView();
  const chart = chartView(legend.point);
  const table = tableView();
  const says = element("p", { class: "hint", role: "status" });
  const save = element("button", { type: "button", onclick: saveTable }, "Download as CSV");
  let chosen = null;
  let shown = ""; // the answers that one sees, so that nothing is drawn anew for nothing
  let shownOf = null; // the choices that they are about
  let asked = 0;
  let soon = 0;
  let followed = null; // the room of the project that the report is about
  session.onOwnEvent.add(onEvent);
  void attemptQuietly(async () => choices.showProjects(await getAll("/projects")));

  const node = element(
    "main",
    { id: "main", class: "wide reports" },
    element("div", { class: "title-row" }, element("h1", { tabIndex: -1 }, "Reports"), save),
    choices.node,
    element("div", { class: "bars" }, chart.node, says),
    legend.node,
    table.node,
  );
  return { node, show, leave };

  /** Show what the address names; it may be another one without a new view. */
  function show() {
    if (chosen && location.hash === addressOf(chosen)) return;
    const named = choicesAt(location.hash, session.me.timezone);
    choices.show(named);
    choose(named);
  }

  function choose(next) {
    follow(next.project_id, chosen?.project_id);
    chosen = next;
    if (isHere(location.hash)) history.replaceState(null, "", addressOf(chosen));
    void load(attemptQuietly);
  }

  function follow(projectId, before) {
    if (projectId === before) return;
    followed?.stop();
    const onRefused = () => {
      shownOf = null; // it is not for us any more
      onEvent(null);
    };
    const follower = { onChange: onEvent, onRefused };
    followed = projectId ? session.live.follow(`project:${projectId}`, follower) : null;
  }

  function onEvent(event) {
    if (event && !/^(time_entry|project)\./.test(event.type)) return;
    soon ||= setTimeout(() => {
      soon = 0;
      void load(inBackground);
    }, SETTLE_MS);
  }

  /** Read anew, and by `run` tell what goes wrong; what one sees of the same stays. */
  async function load(run) {
    const mine = (asked += 1);
    const about = chosen;
    const { period, ...paths } = questionsOf(about);
    const read = async () => {
      const bars = get(paths.bars);
      const [report, split] = await Promise.all([paths.table === paths.bars ? bars : get(paths.table), bars]);
      if (mine === asked) tell(report, seriesOf(split, { ...about, period }), about);
    };
    const isDone = await tellWhenSlow(() => run(read), () => mine === asked && setText(says, "Loading …"));
    if (mine !== asked) return; // another was asked for meanwhile
    setText(says, "");
    if (isDone || shownOf === about) return;
    shown = "";
    shownOf = null;
    draw(null, null, "There is no report of this.");
  }

  function tell(report, bars, about) {
    shownOf = about;
    const now = JSON.stringify([about, report, bars]);
    if (now === shown) return;
    shown = now;
    const isEmpty = report.groups.length === 0;
    announce(isEmpty ? NOTHING : inAll(report));
    if (isEmpty) draw(null, null, NOTHING);
    else draw(report, bars, summaryOf(report, bars), about.group_by);
  }

  function draw(report, bars, summary, grouping) {
    save.disabled = !report;
    legend.show(bars, grouping === "label" ? OF_LABELS : "");
    table.show(report, bars, grouping);
    void chart.show(bars, summary);
  }

  function saveTable() {
    const about = chosen;
    return attempt(async () => {
      const { content } = await download(questionsOf(about).table, "text/csv");
      saveFile(fileNameOf(about), content);
    });
  }

  function leave() {
    session.onOwnEvent.delete(onEvent);
    followed?.stop();
    clearTimeout(soon);
    asked += 1;
    chart.leave();
  }
}

const inAll = ({ seconds }) => `${formatDuration(seconds)} in all.`;

/** What the bars say to whoever does not see them. */
function summaryOf(report, { period, days, totals, series }) {
  const most = totals.indexOf(Math.max(...totals));
  const names = series.map(({ label, total }) => `${label} ${formatDuration(total)}`);
  return (
    `Bars of the time of each ${period}: ${inAll(report)} Most: ${formatPeriod(days[most], period)}, ` +
    `${formatDuration(totals[most])}. Stacked by ${names.join(", ")}. The table below has the numbers.`
  );
}
