import { StarlingError } from '@starling/core';

/** How long a page may be busy at a stretch. */
const SLICE_MS = 8;

/**
 * Does work that has stops on its way while the page stays alive.
 * @throws StarlingError deadline_exceeded after `limitMs`; cancelled when the signal says so
 */
export async function inSlices<T>(
  steps: Generator<undefined, T>,
  { signal, limitMs }: { readonly signal: AbortSignal; readonly limitMs: number },
): Promise<T> {
  const end = performance.now() + limitMs;
  for (let slice = performance.now() + SLICE_MS; ; ) {
    const step = steps.next();
    if (step.done === true) return step.value;
    const now = performance.now();
    if (now > end)
      throw new StarlingError(
        'deadline_exceeded',
        `this takes longer than ${limitMs / 1000} s here; make the grammar smaller`,
      );
    if (now < slice) continue;
    await new Promise((resume) => setTimeout(resume));
    if (signal.aborted) throw new StarlingError('cancelled', 'something else is asked for by now');
    slice = performance.now() + SLICE_MS;
  }
}
