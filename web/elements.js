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
 * each key and kept; only those that are new, gone or elsewhere are touched.
 */
export function keyedList(parent, keyOf, make, update) {
  let nodes = new Map();
  return (items) => {
    const next = new Map(items.map((item) => [keyOf(item), nodes.get(keyOf(item)) ?? make(item)]));
    for (const [key, node] of nodes) {
      if (!next.has(key) && node.parentNode === parent) node.remove();
    }
    let place = parent.firstChild;
    for (const item of items) {
      const node = next.get(keyOf(item));
      update(node, item);
      if (node === place) place = place.nextSibling;
      else parent.insertBefore(node, place);
    }
    nodes = next;
  };
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
