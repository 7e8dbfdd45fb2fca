// Dragging cards: where one would go, and how a mouse says so.

/** Show where a card would go: `at(x, y, id)` points there, `take()` returns it and clears up. */
export function dropMarks() {
  let place = null; // the column, the card before which it would go, and else the last one there
  return { at, take };

  function at(x, y, id) {
    const column = document.elementFromPoint(x, y)?.closest(".column");
    show(column ? placeIn(column, y, id) : null);
    return place;
  }

  function placeIn(column, y, id) {
    const cards = [...column.querySelectorAll(".card")].filter((card) => card.dataset.id !== id);
    const next = cards.find((card) => {
      const { top, height } = card.getBoundingClientRect();
      return y < top + height / 2;
    });
    return { column, next, last: cards.at(-1) };
  }

  function show(next) {
    const [before, after] = [place, next].map((each) => each && (each.next ?? each.column));
    if (before !== after) before?.classList.remove("drop-before", "drop-end");
    place = next;
    after?.classList.add(place.next ? "drop-before" : "drop-end");
  }

  function take() {
    const taken = place;
    show(null);
    return taken;
  }
}

/** `drop(id, place)` is called with what was let go of on the board. */
export function dragByMouse(board, marks, drop) {
  let dragged = null;
  board.addEventListener("dragstart", onDragStart);
  board.addEventListener("dragover", onDragOver);
  board.addEventListener("drop", onDrop);
  board.addEventListener("dragend", end);

  function onDragStart(event) {
    const card = event.target.closest?.(".card");
    if (!card || event.defaultPrevented) return;
    dragged = card.dataset.id;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", card.querySelector(".title").textContent);
  }

  function onDragOver(event) {
    if (!dragged || !marks.at(event.clientX, event.clientY, dragged)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
  }

  function onDrop(event) {
    const id = dragged;
    const place = end();
    if (!id || !place) return;
    event.preventDefault();
    drop(id, place);
  }

  function end() {
    dragged = null;
    return marks.take();
  }
}
