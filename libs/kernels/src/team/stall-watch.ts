import { controlWords } from './control-block.js';

const DEFAULT_STALL_MS = 60_000;
/** Looks in a row that must find the same. With one, a process that was halted as a whole and goes on would find its workers where they were. */
const LOOKS = 2;

/** Notices workers that do nothing any more though there is something to do: what a thread does cannot be seen from outside, only that nothing comes of it. */
export class StallWatch {
  readonly #control: Int32Array;
  readonly #stallMs: number;
  readonly #onStall: (reason: string) => void;

  /** @param stallMs how long nothing may come of what is under way; Infinity: for ever */
  constructor(control: Int32Array, stallMs: number = DEFAULT_STALL_MS, onStall: (reason: string) => void) {
    this.#control = control;
    this.#stallMs = stallMs;
    this.#onStall = onStall;
  }

  /** Looks after work until it is settled. */
  async during(what: 'start' | 'step', work: Promise<void>): Promise<void> {
    if (this.#stallMs === Infinity) return work;
    let seen = this.#progress();
    let alike = 0;
    const timer = setInterval(() => {
      const now = this.#progress();
      alike = now === seen ? alike + 1 : 0;
      seen = now;
      if (alike === LOOKS) this.#onStall(`nothing has come of its ${what} for ${this.#stallMs} ms`);
    }, this.#stallMs / LOOKS);
    try {
      await work;
    } finally {
      clearInterval(timer);
    }
  }

  /** A text that changes with each chunk that is taken or done. */
  #progress(): string {
    return [controlWords.cursorPhase, controlWords.cursorChunk, controlWords.done]
      .map((word) => Atomics.load(this.#control, word))
      .join();
  }
}
