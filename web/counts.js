// Numbers of things, as people say them: "3 tasks, 1 comment".

import { formatNumber } from "./format.js";

const NAMES = {
  project: ["project", "projects"],
  member: ["membership", "memberships"],
  person: ["person", "people"],
  agent: ["agent", "agents"],
  task: ["task", "tasks"],
  item: ["line of a list", "lines of lists"],
  comment: ["comment", "comments"],
  time_entry: ["time entry", "time entries"],
  line: ["line", "lines"],
  record: ["record", "records"],
};
// Some answers name kinds in the plural.
const KINDS = Object.fromEntries(Object.keys(NAMES).flatMap((kind) => [[kind, kind], [`${kind}s`, kind]]));
Object.assign(KINDS, { people: "person", time_entries: "time_entry" });
const ORDER = Object.keys(NAMES);

export function counted(number, kind) {
  const [one, many] = NAMES[KINDS[kind]] ?? [kind, kind];
  return `${formatNumber(number)} ${number === 1 ? one : many}`;
}

/** Say all that there are any of, in the order of the names above. */
export function inWords(counts) {
  return Object.entries(counts)
    .filter(([, number]) => number > 0)
    .sort(([a], [b]) => ORDER.indexOf(KINDS[a]) - ORDER.indexOf(KINDS[b]))
    .map(([kind, number]) => counted(number, kind))
    .join(", ");
}
