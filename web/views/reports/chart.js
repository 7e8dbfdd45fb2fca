// Stacked bars on a canvas. They are drawn by uPlot, which comes only when there is something to draw.

import { element, fill } from "../../elements.js";
import { formatPeriodShort } from "./days.js";

const VENDOR = "../../vendor/uplot";
const HOUR = 3600;
const MINUTE = 60;
const SPACE = { x: 64, y: 36 }; // pixels between labels, at least
const STEPS = [1, 2, 3, 4, 7, 14, 28, 56, 91, 182, 365, 730, 1825, 3650];
const FONT = "12px system-ui, sans-serif";
const HEADROOM = 1.05;
const NO_CHART = "The bars could not be loaded; all numbers are in the table. Load the page again for the bars.";

let library = null; // one for all charts, and asked for again when it did not come

function load() {
  library ??= Promise.all([import(`${VENDOR}/uPlot.esm.js`), loadStyle()]).then(
    ([{ default: uPlot }]) => uPlot,
    () => {
      library = null;
      return null;
    },
  );
  return library;
}

function loadStyle() {
  const href = new URL(`${VENDOR}/uPlot.min.css`, import.meta.url).href;
  return new Promise((onload, onerror) => {
    document.head.append(element("link", { rel: "stylesheet", href, onload, onerror }));
  });
}

/** A place for bars; `pointed(place)` hears which of them the pointer is on, or null. */
export function chartView(pointed) {
  const node = element("div", { class: "chart", role: "img", "aria-label": "Bars that are not there yet" });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const sizes = new ResizeObserver(() => plot?.setSize(sizeOf(node)));
  let plot = null;
  let wanted = null;
  dark.addEventListener("change", redraw);
  sizes.observe(node);
  return { node, show, leave };

  /** Draw what `seriesOf` says, or with null a text; `summary` says it to whoever sees no bars. */
  async function show(bars, summary) {
    node.setAttribute("aria-label", summary);
    wanted = bars;
    if (!bars) {
      clear(summary);
      return;
    }
    const uPlot = await load();
    if (wanted !== bars) return; // another was wanted meanwhile
    clear(uPlot ? null : NO_CHART);
    if (uPlot) plot = new uPlot(optionsOf(uPlot, bars), dataOf(bars), node);
  }

  function clear(text) {
    plot?.destroy();
    plot = null;
    fill(node, text && element("p", { class: "hint", "aria-hidden": "true" }, text));
  }

  function redraw() {
    plot?.redraw();
  }

  function leave() {
    wanted = null;
    plot?.destroy();
    plot = null;
    sizes.disconnect();
    dark.removeEventListener("change", redraw);
  }

  function optionsOf(uPlot, { period, days, series, highest }) {
    const unit = unitOf(highest);
    const axis = { font: FONT, stroke: () => colour("text"), ticks: { show: false } };
    return {
      ...sizeOf(node),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: [-0.5, days.length - 0.5] }, y: { range: [0, (highest / unit.seconds) * HEADROOM] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 34,
          incrs: STEPS,
          space: SPACE.x,
          values: (_, places) => places.map((place) => (days[place] ? formatPeriodShort(days[place], period) : "")),
        },
        {
          ...axis,
          grid: { stroke: () => colour("grid"), width: 1 },
          space: SPACE.y,
          size: 56,
          values: (_, amounts) => amounts.map(unit.format),
        },
      ],
      // The highest first: each of the others covers all of it but its own part.
      series: [
        {},
        ...series.toReversed().map((each) => ({
          fill: () => colour(each.colour),
          stroke: () => colour("ground"),
          width: 1,
          points: { show: false },
          paths: uPlot.paths.bars({ size: [0.8, 64] }),
        })),
      ],
      hooks: { setCursor: [({ cursor }) => pointed(cursor.idx ?? null)] },
    };
  }

  /** A colour of the theme as it is now; a canvas knows no variables. */
  function colour(name) {
    const probe = element("i", { class: "mark", "data-colour": name });
    node.append(probe);
    const { backgroundColor } = getComputedStyle(probe);
    probe.remove();
    return backgroundColor;
  }
}

const sizeOf = ({ clientWidth: width, clientHeight: height }) => ({ width, height });

/** Bars in hours, or where there is less than one, in minutes. */
function unitOf(highest) {
  const [unit, seconds] = highest >= HOUR ? ["hour", HOUR] : ["minute", MINUTE];
  const format = new Intl.NumberFormat(navigator.languages, { style: "unit", unit, unitDisplay: "narrow" });
  return { seconds, format: (amount) => format.format(amount) };
}

function dataOf({ days, series, highest }) {
  const unit = unitOf(highest).seconds;
  const below = days.map(() => 0);
  // Without a height there is no bar, or its edge would cover the axis.
  const heights = series.map(({ seconds }) => seconds.map((each, place) => (below[place] += each) / unit || null));
  return [days.map((_, place) => place), ...heights.reverse()];
}
