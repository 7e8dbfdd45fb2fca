// Deleting with a way back: what is deleted is in the trash, and one action there is one undo.

import { get, post, remove } from "./api.js";
import { announce, complain, offerUndo } from "./notices.js";

const TITLE_LENGTH = 200; // of a title in the trash, which may be cut

/**
 * Delete what is at `path` and offer to bring it back; `title` is what the trash calls it. Returns
 * nothing and throws what the server refuses. `undone` is called once it is back. `version` is
 * what one saw of it; `name` is what people call it, where the trash has another title.
 */
export async function removeWithUndo(path, title, myId, undone = () => {}, { version, name = title } = {}) {
  await remove(path, version);
  offerUndo(`In the trash: ${name}`, async () => {
    const operations = await get("/trash?limit=50");
    const mine = operations.find((each) => each.deleted_by === myId && each.title === title.slice(0, TITLE_LENGTH));
    if (mine) await restore({ id: mine.id, title: name });
    else complain("It is not in the trash any more.");
    undone();
  });
}

/** Undo one action that deleted something; `tell(problems)` says what could not come back. */
export async function restore({ id, title }, tell = complainOf) {
  const { problems } = await post(`/trash/${id}/restore`);
  if (problems.length > 0) tell(problems);
  else announce(`${title} is back.`);
}

function complainOf(problems) {
  complain(problems.map(({ message }) => message).join(" "));
}
