// A copy of a room: a snapshot, and the events after it. As examples/live_client.py has it.

const KIND_OF = {
  members: "member",
  agents: "agent",
  tasks: "task",
  items: "item",
  comments: "comment",
  leases: "lease",
  time_entries: "time_entry",
  notifications: "notification",
};
const SINGLE = ["project", "user"];
const GONE = ["deleted", "removed", "moved", "read", "ended"];
const OF_TASKS = ["item", "comment", "lease"]; // they go where their task goes

export const memberKey = (projectId, userId) => `${projectId} ${userId}`;
const keyOf = (kind, row) => (kind === "member" ? memberKey(row.project_id, row.user_id) : row.id);

/** Everything in a room as of one seq of its log: `rows.task` and so on are Maps by id. */
export function makeRoom(name) {
  const room = { name, epoch: null, seq: null, rows: {}, present: new Map(), load, apply, put };
  empty();
  return room;

  function empty() {
    for (const kind of [...Object.values(KIND_OF), ...SINGLE]) room.rows[kind] = new Map();
  }

  /** Start over from a snapshot. */
  function load(snapshot) {
    room.epoch = snapshot.epoch;
    room.seq = snapshot.seq;
    empty();
    for (const [part, kind] of Object.entries(KIND_OF)) {
      for (const row of snapshot[part]) room.rows[kind].set(keyOf(kind, row), row);
    }
    for (const kind of SINGLE) if (snapshot[kind]) room.rows[kind].set(snapshot[kind].id, snapshot[kind]);
  }

  /** Take what the server answered to a change, ahead of its event; a later state stays. */
  function put(kind, row) {
    const key = keyOf(kind, row);
    const known = room.rows[kind].get(key);
    if (!known || known.version <= row.version) room.rows[kind].set(key, { ...known, ...row });
  }

  /** Apply an event; false when it takes a new snapshot. */
  function apply(event) {
    if (room.seq === null || event.seq > room.seq + 1) return false;
    if (event.seq <= room.seq) return true; // seen already
    room.seq = event.seq;
    const [kind, verb] = event.type.split(".");
    if (["claimed", "restored"].includes(verb) && ["member", "project"].includes(kind)) return false;
    if (!room.rows[kind]) return true; // of a kind that we do not know
    if (!GONE.includes(verb)) {
      put(kind, event.data);
      return true;
    }
    room.rows[kind].delete(keyOf(kind, event.data));
    if (kind === "task") {
      for (const other of OF_TASKS) {
        for (const [key, row] of room.rows[other]) if (row.task_id === event.subject) room.rows[other].delete(key);
      }
    }
    return true;
  }
}
