// What was said about a task.

import { patch, post } from "../../api.js";
import { element, keepFocus, keyedList, setText } from "../../elements.js";
import { emptied, field, form } from "../../forms.js";
import { formatInstant } from "../../format.js";
import { announce, attempt } from "../../notices.js";
import { removeWithUndo } from "../../undo.js";
import { editInPlace } from "./edit_in_place.js";

const MOST = 10_000; // characters
const firstLine = (text) => text.trim().split("\n")[0];

export function comments(context, taskId) {
  const { room, session } = context;
  const list = element("ol", { class: "comments", role: "list" });
  const text = element("textarea", { name: "body", rows: 3, required: true, maxLength: MOST });
  const draw = keyedList(list, (comment) => comment.id, makeComment, updateComment);
  const say = form(
    {},
    (values) =>
      emptied(text, async () => context.take("comment", await post(`/tasks/${taskId}/comments`, values)), "\n"),
    field("Say something", text, "@name tells a member of the project."),
    element("button", {}, "Comment"),
  );
  const node = element(
    "section",
    { "aria-labelledby": "comments-title" },
    element("h3", { id: "comments-title" }, "Comments"),
    element("div", { role: "log", "aria-labelledby": "comments-title" }, list),
    say,
  );
  return { node, update };

  function update() {
    const said = [...room.rows.comment.values()].filter((comment) => comment.task_id === taskId);
    keepFocus(() => draw(said.sort((a, b) => (a.id < b.id ? -1 : 1))));
    say.hidden = !context.canWrite();
  }

  function makeComment({ id, created_at: at }) {
    const edit = element("button", { type: "button", class: "quiet edit", onclick: () => beginToEdit(line, id) }, "Edit");
    const drop = element("button", { type: "button", class: "quiet", onclick: () => discard(line, id) }, "Delete");
    const line = element(
      "li",
      {},
      element("p", { class: "by" }, element("strong"), " ", element("time", { dateTime: at }, formatInstant(at)), edit, drop),
      element("p", { class: "body" }),
    );
    return line;
  }

  function updateComment(line, comment) {
    const [by, body] = line.children;
    const [who, , edit, drop] = by.children;
    const isMine = comment.created_by === session.me.id;
    setText(who, context.nameOf(comment.created_by));
    setText(body, comment.body);
    edit.hidden = !isMine || !context.canWrite();
    drop.hidden = !isMine && !context.isOwner();
    edit.setAttribute("aria-label", `Edit “${firstLine(comment.body)}”`);
    drop.setAttribute("aria-label", `Delete “${firstLine(comment.body)}”`);
  }

  function beginToEdit(line, id) {
    if (line.querySelector("form")) return;
    const { body, version } = room.rows.comment.get(id);
    let base = version; // what the change is made to
    const written = element("textarea", { name: "body", rows: 4, required: true, maxLength: MOST, value: body });
    written.setAttribute("aria-label", "Your comment");
    editInPlace(line, { opener: ".edit", control: written, verb: "Save comment" }, save);
    written.focus();

    async function save(values, end) {
      try {
        const saved = await patch(`/comments/${id}`, values, base);
        end();
        context.take("comment", saved);
        announce("The comment is saved.");
      } catch (problem) {
        if (problem.status !== 412) throw problem;
        base = problem.current.version;
        problem.message = `You changed it elsewhere, to: “${problem.current.body}”. Save again to have it as it is here.`;
        throw problem;
      }
    }
  }

  function discard(line, id) {
    const { body } = room.rows.comment.get(id);
    const next = line.nextElementSibling ?? line.previousElementSibling;
    return attempt(async () => {
      await removeWithUndo(`/comments/${id}`, firstLine(body), session.me.id, () => text.focus());
      room.rows.comment.delete(id);
      context.tell(null);
      (next?.querySelector("button:not([hidden])") ?? text).focus();
    });
  }
}
