/** How much of an answer may lie unread. */
export interface LogLimits<Part> {
  /** How much a part weighs: 1, or more for one that holds more. */
  readonly weigh: (part: Part) => number;
  /** From this weight on the log is full. */
  readonly high: number;
  /** At this weight or below there is room again. */
  readonly low: number;
  /** What is kept of a part once it was read: the same, in less memory. Default: the part. */
  readonly keep?: (part: Part) => Part;
}

/**
 * Parts of an answer, written by the step loop, which never waits, and read as often as somebody likes, each time from the beginning. What has come
 * before an end or a failure is read first. It takes what is pushed, also when it is full: whoever pushes is to look before making more.
 */
export class PartLog<Part> implements AsyncIterable<Part> {
  readonly #parts: Part[] = [];
  readonly #limits: LogLimits<Part>;
  readonly #onLeave: () => void;
  /** How many parts the reader that is furthest has read, and what those weigh that it has not. */
  #read = 0;
  #unread = 0;
  #readers = 0;
  /** Its readers left before the end: nobody is waited for any more. */
  #isLeft = false;
  #end: { readonly error?: unknown } | undefined;
  #waiting: (() => void)[] = [];
  #onRoom: (() => void)[] = [];

  /** @param onLeave called when the only reader leaves its loop before the end */
  constructor(limits: LogLimits<Part>, onLeave: () => void) {
    this.#limits = limits;
    this.#onLeave = onLeave;
  }

  /** Whether the reader that is furthest is so far behind that nothing more should be made for it. */
  get isFull(): boolean {
    return this.#end === undefined && !this.#isLeft && this.#unread >= this.#limits.high;
  }

  /** Settles when the reader has caught up, or when it is over. */
  room(): Promise<void> {
    return this.isFull ? new Promise((resolve) => this.#onRoom.push(resolve)) : Promise.resolve();
  }

  push(part: Part): void {
    if (this.#end) return;
    this.#parts.push(part);
    this.#unread += this.#limits.weigh(part);
    this.#wake();
  }

  close(): void {
    this.#over({});
  }

  fail(error: unknown): void {
    this.#over({ error });
  }

  /** Reads from the beginning. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Part, undefined> {
    let at = 0;
    let isOver = false;
    const over = (): IteratorResult<Part, undefined> => ({ done: true, value: undefined });
    let isReading = false;
    // An iterator that nobody asks is no reader.
    const begin = (): void => {
      if (!isReading) this.#readers++;
      isReading = true;
    };
    const iterator: AsyncIterableIterator<Part, undefined> = {
      next: async () => {
        begin();
        while (!isOver && at === this.#parts.length && this.#end === undefined)
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        if (isOver) return over();
        if (at < this.#parts.length) return { done: false, value: this.#take(at++) };
        isOver = true;
        if (this.#end?.error !== undefined) throw this.#end.error;
        return over();
      },
      return: () => {
        begin();
        if (!isOver) this.#leave();
        isOver = true;
        this.#wake();
        return Promise.resolve(over());
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #take(index: number): Part {
    const part = this.#parts[index];
    if (index === this.#read) {
      this.#read++;
      this.#unread -= this.#limits.weigh(part);
      if (this.#limits.keep) this.#parts[index] = this.#limits.keep(part);
      if (this.#unread <= this.#limits.low) this.#tellRoom();
    }
    return part;
  }

  #leave(): void {
    if (--this.#readers > 0 || this.#end !== undefined) return;
    this.#isLeft = true;
    this.#onLeave();
    this.#tellRoom();
  }

  #over(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    this.#wake();
    this.#tellRoom();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #tellRoom(): void {
    const waiting = this.#onRoom;
    this.#onRoom = [];
    for (const resolve of waiting) resolve();
  }
}
