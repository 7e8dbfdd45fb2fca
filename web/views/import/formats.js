// The kinds of files that can come in, and how to tell which one a file is.

const HEAD_BYTES = 4_096;

export const FORMATS = [
  ["clockify", "Clockify", "The detailed report, as CSV. It brings time."],
  ["toggl", "Toggl Track", "The detailed report, as CSV. It brings time."],
  ["ticktick", "TickTick", "The backup, as CSV. It brings tasks."],
  ["stint", "Stint", "The ZIP archive of an export, as below. It brings everything."],
];

// In the order in which they are tried; a report of Toggl has most columns of one of Clockify.
const SIGNS = [
  ["stint", (head, name) => head.startsWith("PK") && name.endsWith(".zip")],
  ["ticktick", (head) => head.includes("List Name") && head.includes("Folder Name")],
  ["clockify", (head) => /Start Date/.test(head) && /Duration \(h\)|Billable Rate|Group/.test(head)],
  ["toggl", (head) => /Start date/.test(head) && /Duration/.test(head)],
  ["clockify", (_, name) => name.includes("clockify")],
  ["toggl", (_, name) => name.includes("toggl")],
  ["ticktick", (_, name) => name.includes("ticktick")],
];

/** Return the format that a file seems to have by its beginning or its name, or "". */
export async function guessFormat(file) {
  const bytes = await file.slice(0, HEAD_BYTES).arrayBuffer();
  const [first, second] = new Uint8Array(bytes);
  const encoding = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  const head = new TextDecoder(encoding).decode(bytes);
  return SIGNS.find(([, fits]) => fits(head, file.name.toLowerCase()))?.[0] ?? "";
}
