/** Parts of an answer on their way from the step loop, which never waits, to one reader. What has come before an end or a failure is read first. */
export class PartChannel<Part> implements AsyncIterableIterator<Part, undefined> {
  readonly #parts: Part[] = [];
  readonly #onLeave: () => void;
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @param onLeave called when the reader leaves the loop before the end */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  push(part: Part): void {
    if (this.#end) return;
    this.#parts.push(part);
    this.#wake?.();
  }

  close(): void {
    this.#end ??= {};
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Part, undefined>> {
    while (this.#parts.length === 0 && this.#end === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
    const part = this.#parts.shift();
    if (part !== undefined) return { done: false, value: part };
    const error = this.#end?.error;
    this.#end = {};
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<Part, undefined>> {
    if (this.#end === undefined) this.#onLeave();
    this.#end = {};
    this.#parts.length = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
