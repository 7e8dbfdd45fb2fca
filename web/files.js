// Files that the page makes or got, given to the browser to save.

import { element } from "./elements.js";

const KEPT_MS = 60_000; // by then the browser has taken it over

/** Let the browser save `content`, a Blob, under a name. */
export function saveFile(name, content) {
  const address = URL.createObjectURL(content);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}
