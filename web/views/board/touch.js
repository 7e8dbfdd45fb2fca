// Dragging cards with a finger: held for a moment a card is lifted; before that one scrolls.

const HOLD_MS = 350;
const SLACK = 10; // px that a finger may wander while it holds
const EDGE = 48; // px from where the board and its columns begin to scroll
const SPEED = 12; // px in each frame

/** As `dragByMouse`, which browsers do not have for touch. */
export function dragByTouch(board, marks, drop) {
  let pressed = null; // { id, card, x, y, pointerId, isLifted }
  let timer = 0;
  board.addEventListener("pointerdown", onDown);
  board.addEventListener("pointermove", onMove);
  board.addEventListener("pointerup", onUp);
  board.addEventListener("pointercancel", end);
  // What is being moved does not scroll, is not followed as a link and opens no menu.
  for (const name of ["touchmove", "touchend", "contextmenu"]) {
    board.addEventListener(name, (event) => pressed?.isLifted && event.cancelable && event.preventDefault(), { passive: false });
  }
  // Long presses are ours: some browsers would drag the card as a mouse does.
  board.addEventListener("dragstart", (event) => pressed && event.preventDefault(), { capture: true });

  function onDown(event) {
    if (pressed) return void end(); // a second finger zooms
    const card = event.target.closest(".card");
    if (event.pointerType !== "touch" || !card?.draggable) return;
    pressed = { id: card.dataset.id, card, x: event.clientX, y: event.clientY, pointerId: event.pointerId, isLifted: false };
    timer = setTimeout(lift, HOLD_MS);
  }

  function lift() {
    pressed.isLifted = true;
    pressed.card.classList.add("lifted");
    board.classList.add("moving");
    navigator.vibrate?.(10);
    scrollAtEdges();
  }

  function onMove(event) {
    if (event.pointerId !== pressed?.pointerId) return;
    const hasWandered = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > SLACK;
    if (!pressed.isLifted && hasWandered) return void end();
    if (!pressed.isLifted) return;
    Object.assign(pressed, { x: event.clientX, y: event.clientY });
    marks.at(pressed.x, pressed.y, pressed.id);
  }

  function onUp(event) {
    if (event.pointerId !== pressed?.pointerId) return;
    const { id, isLifted } = pressed;
    const place = end();
    if (isLifted && place) drop(id, place);
  }

  function end() {
    clearTimeout(timer);
    pressed?.card.classList.remove("lifted");
    board.classList.remove("moving");
    pressed = null;
    return marks.take();
  }

  function scrollAtEdges() {
    if (!pressed?.isLifted) return;
    if (!pressed.card.isConnected) return void end(); // somebody has deleted it, or gone elsewhere
    const { x, y, id } = pressed;
    const list = document.elementFromPoint(x, y)?.closest(".column")?.querySelector(".cards");
    const page = document.scrollingElement;
    const { left, right } = board.getBoundingClientRect();
    const within = list?.getBoundingClientRect();
    const hasScrolled = [
      scroll(board, "scrollLeft", x, left, Math.min(right, innerWidth)),
      list && scroll(list, "scrollTop", y, within.top, Math.min(within.bottom, innerHeight)),
      scroll(page, "scrollTop", y, 0, innerHeight),
    ];
    if (hasScrolled.some(Boolean)) marks.at(x, y, id); // another place is below the finger now
    requestAnimationFrame(scrollAtEdges);
  }

  function scroll(node, direction, at, start, end) {
    const before = node[direction];
    if (at < Math.max(start, 0) + EDGE) node[direction] -= SPEED;
    else if (at > end - EDGE) node[direction] += SPEED;
    return node[direction] !== before;
  }
}
