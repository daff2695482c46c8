/**
 * Waits for a state that has no event: looks again and again until `holds` answers true.
 * @param what completes "waited for …" when it does not come within `withinMs` milliseconds.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what = 'a state that did not come',
  withinMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (let look = 0; !(await holds()); look++) {
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms for ${what}`);
    // Most states are one turn of the loop away; the others should not cost a core.
    await new Promise((resolve) => (look < 50 ? setImmediate(resolve) : setTimeout(resolve, 5)));
  }
}
