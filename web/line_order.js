// Putting lines in order: by steps, and by a grip with the arrow keys or a pointer.

import { patch } from "./api.js";
import { element } from "./elements.js";
import { announce, attempt } from "./notices.js";

/** `linesOf` returns the items in their order; `take` is handed one that was moved. */
export function lineOrder(list, linesOf, take) {
  let queue = Promise.resolve(); // each move begins where the one before it has led
  let held = null; // the id of the line that a pointer holds
  let mark = null;
  return { gripFor, step };

  function gripFor(id) {
    const onpointerup = () => drop(id);
    const handlers = { onkeydown: (event) => onKey(event, id), onpointerdown, onpointermove, onpointerup, onpointercancel };
    return element("button", { type: "button", class: "quiet grip", title: "Drag it, or press the arrow keys", ...handlers }, "⠿");

    function onpointerdown(event) {
      if (event.button !== 0) return;
      event.target.setPointerCapture(event.pointerId);
      held = id;
    }
  }

  function onKey(event, id) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(id, by);
  }

  /** Move a line one up, by -1, or one down. */
  function step(id, by) {
    queue = queue.then(() => {
      const lines = linesOf();
      const index = lines.findIndex((line) => line.id === id);
      if (index < 0) return undefined; // it is gone
      const other = lines[index + by];
      if (other) return put(id, by < 0 ? { before_id: other.id } : { after_id: other.id });
      return announce(`${lines[index].name} is the ${by < 0 ? "first" : "last"}.`);
    });
  }

  function onpointermove({ clientY }) {
    if (held) showMark(placeAt(clientY));
  }

  function onpointercancel() {
    held = null;
    showMark(null);
  }

  /** The line before which it would go, or else the one after which it would: { node, side }. */
  function placeAt(clientY) {
    const others = [...list.children].filter(({ dataset }) => dataset.id !== held);
    const next = others.find((line) => {
      const { top, height } = line.getBoundingClientRect();
      return clientY < top + height / 2;
    });
    if (next) return { node: next, side: "before" };
    return others.length > 0 ? { node: others.at(-1), side: "after" } : null;
  }

  function showMark(place) {
    mark?.node.classList.remove(`drop-${mark.side}`);
    mark = place;
    mark?.node.classList.add(`drop-${mark.side}`);
  }

  function drop(id) {
    const place = mark;
    onpointercancel();
    if (place) queue = queue.then(() => put(id, { [`${place.side}_id`]: place.node.dataset.id }));
  }

  function put(id, place) {
    return attempt(async () => {
      const item = await patch(`/items/${id}`, place);
      take(item);
      const lines = linesOf();
      announce(`${item.name}: ${lines.findIndex((line) => line.id === id) + 1} of ${lines.length}.`);
    });
  }
}
