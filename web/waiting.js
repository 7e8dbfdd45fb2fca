// What takes long: before a while nobody wants to be told that something loads.

export const SLOW_MS = 200;

/** Return what `work()` returns; `tell` is called when that takes long. */
export async function tellWhenSlow(work, tell) {
  const slow = setTimeout(tell, SLOW_MS);
  try {
    return await work();
  } finally {
    clearTimeout(slow);
  }
}
