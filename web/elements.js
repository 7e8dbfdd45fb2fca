// Elements without markup: what is given as text is text, whoever wrote it.

/**
 * Make an element. Properties that begin with `on` listen; `class`, `for`, `role`, `aria-*` and
 * `data-*` are attributes; all others are set as properties. What is null or false is left out.
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (/^(class|for|role|list)$|^(aria|data)-/.test(key)) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Set a text only when it is another one: nothing is drawn or read out again for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Put these, and nothing else, into a parent. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat().filter(Boolean));
  return parent;
}

/**
 * Let the children of `parent` be one node for each item, in this order. Nodes are made once for
 * each key and kept; only those that are new, gone or elsewhere are touched. One call takes out
 * `most` at most and puts as many in: it returns whether that was all, and the next one goes on.
 */
export function keyedList(parent, keyOf, make, update, most = Infinity) {
  const nodes = new Map();
  return (items) => takeOut(new Set(items.map(keyOf))) && putIn(items);

  function takeOut(kept) {
    let taken = 0;
    for (const [key, node] of nodes) {
      if (kept.has(key)) continue;
      if (taken === most) return false;
      nodes.delete(key);
      if (node.parentNode === parent) node.remove();
      taken += 1;
    }
    return true;
  }

  function putIn(items) {
    let place = parent.firstChild;
    let put = 0;
    for (const item of items) {
      const key = keyOf(item);
      const node = nodes.get(key) ?? make(item);
      if (node !== place && put === most) return false;
      nodes.set(key, node);
      update(node, item);
      if (node === place) {
        place = place.nextSibling;
      } else {
        parent.insertBefore(node, place);
        put += 1;
      }
    }
    return true;
  }
}

/** Do something that moves nodes about; what had the focus has it afterwards, if it is there. */
export function keepFocus(work) {
  const focused = document.activeElement;
  work();
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

/** Call `work` once before the next frame, however often it is asked for. */
export function onceAFrame(work) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      work();
    });
  };
}
