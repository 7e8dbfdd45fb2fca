// What people call the values that the API has, in the order in which they are shown.

export const STATUSES = [
  ["pending", "To do"],
  ["in_progress", "In progress"],
  ["completed", "Completed"],
  ["cancelled", "Cancelled"],
];
export const PRIORITIES = [
  ["none", "No priority"],
  ["low", "Low"],
  ["medium", "Medium"],
  ["high", "High"],
  ["urgent", "Urgent"],
];

const STATUS_NAMES = Object.fromEntries(STATUSES);
const PRIORITY_NAMES = Object.fromEntries(PRIORITIES);
export const statusName = (status) => STATUS_NAMES[status];
export const priorityName = (priority) => PRIORITY_NAMES[priority];

/** The order that people made by hand. */
export const byPosition = (a, b) =>
  a.position < b.position ? -1 : a.position > b.position ? 1 : a.id < b.id ? -1 : 1;
