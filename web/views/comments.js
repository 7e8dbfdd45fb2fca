// What was said about a task.

import { post } from "../api.js";
import { element, keepFocus, keyedList, setText } from "../elements.js";
import { field, form } from "../forms.js";
import { formatInstant } from "../format.js";

export function comments(context, taskId) {
  const { room } = context;
  const list = element("ol", { class: "comments", role: "list" });
  const text = element("textarea", { name: "body", rows: 3, required: true, maxLength: 10_000 });
  const draw = keyedList(list, (comment) => comment.id, makeComment, updateComment);
  const say = form(
    {},
    async (values, made) => {
      room.put("comment", await post(`/tasks/${taskId}/comments`, values));
      made.reset();
      context.changed.forEach((listener) => listener(null));
    },
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

  function makeComment(comment) {
    return element(
      "li",
      {},
      element(
        "p",
        { class: "by" },
        element("strong"),
        " ",
        element("time", { dateTime: comment.created_at }, formatInstant(comment.created_at)),
      ),
      element("p", { class: "body" }),
    );
  }

  function updateComment(line, comment) {
    const [by, body] = line.children;
    setText(by.firstChild, context.nameOf(comment.created_by));
    setText(body, comment.body);
  }
}
