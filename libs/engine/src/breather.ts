import type { Clock } from '@starling/core';

const { setImmediate: afterIo } = globalThis as { setImmediate?: (task: () => void) => unknown };

/** Lets other tasks of the thread run: timers, sockets. A resolved promise would not. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    if (afterIo) {
      afterIo(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Keeps work on the main thread in pieces of a few milliseconds. */
export class Breather {
  readonly #limitMs: number;
  readonly #clock: Clock;
  #since: number;

  constructor(limitMs: number, clock: Clock) {
    this.#limitMs = limitMs;
    this.#clock = clock;
    this.#since = clock();
  }

  /** Whether the thread has worked for so long that others should have a turn. */
  get isDue(): boolean {
    return this.#clock() - this.#since >= this.#limitMs;
  }

  async pause(): Promise<void> {
    await nextTask();
    this.#since = this.#clock();
  }
}
