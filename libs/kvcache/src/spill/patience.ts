/** Storage is waited for so long, for one record; after that, what is wanted is computed, and what is written is let go. */
export const PATIENCE_MS = 5_000;

/** What slower storage gives within a time, or that it is late. What comes later is handed to `onLate`. */
export type Timely<Value> = { readonly isLate: false; readonly value: Value } | { readonly isLate: true };

/** Waits for storage, but not for longer than `ms`. The promise must not reject after that: stores never do. */
export async function waitFor<Value>(
  work: Promise<Value>,
  ms: number,
  onLate: (value: Value) => void,
): Promise<Timely<Value>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Timely<Value>>((resolve) => (timer = setTimeout(() => resolve({ isLate: true }), ms)));
  try {
    const first = await Promise.race([work.then((value): Timely<Value> => ({ isLate: false, value })), late]);
    if (first.isLate) void work.then(onLate, () => undefined);
    return first;
  } finally {
    clearTimeout(timer);
  }
}
