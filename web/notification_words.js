// What notifications say, and where what they are about is.

// As in the letters about them.
const SENTENCES = {
  assigned: (actor) => `${actor} gave you a task`,
  mentioned: (actor) => `${actor} mentioned you`,
  due_soon: () => "This is due soon",
  overdue: () => "This is overdue",
  timer_long: () => "Your timer has been running for long",
  invited: (actor) => `${actor} added you to a project`,
  agent_finished: (actor) => `${actor} has finished`,
  agent_failed: (actor) => `${actor} has failed`,
  export_ready: () => "Your export is ready",
  webhook_disabled: () => "A webhook was switched off",
  message: (actor) => (actor === "You" ? "You write" : `${actor} writes`), // one may write to oneself
};

const PLACES = {
  timer_long: () => ["#/time", "Your time"],
  invited: ({ subject_id: id }) => id && [`#/projects/${id}`, "The project"],
  export_ready: () => ["#/import", "Import and export"],
  webhook_disabled: ({ project_id: id }) => id && [`#/projects/${id}/webhooks`, "The webhooks of the project"],
  message: () => null,
};
const taskPlace = ({ subject_id: id }) => id && [`#/tasks/${id}`, "The task"];

/** What happened, as a sentence without its stop. */
export const sentenceOf = ({ kind }, actor) => (SENTENCES[kind] ?? (() => "Something concerns you"))(actor);

/** Where that is, as [address, what it is where it has no title]; null where there is no place. */
export const placeOf = (notification) => (PLACES[notification.kind] ?? taskPlace)(notification) || null;
