/** Runs something when a signal aborts, at once if it has; the returned function takes it back. */
export function whenAborted(signal: AbortSignal, run: () => void): () => void {
  if (signal.aborted) run();
  else signal.addEventListener('abort', run, { once: true });
  return () => signal.removeEventListener('abort', run);
}

/** Settles when a signal aborts. */
export const aborted = (signal: AbortSignal) => new Promise<void>((resolve) => void whenAborted(signal, resolve));
