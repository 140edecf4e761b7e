import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Lease, LimitStore, WindowCount } from './limit-store.js';
import { countOf, limiterOptions } from './window-count.js';

/** Limits of one process, in its memory. */
export class MemoryLimitStore implements LimitStore {
  readonly #windowSeconds: number;
  readonly #counts: RateLimiterMemory;
  readonly #taken = new Map<string, number>();

  constructor(windowSeconds: number) {
    this.#windowSeconds = windowSeconds;
    this.#counts = new RateLimiterMemory(limiterOptions(windowSeconds));
  }

  async add(name: string, amount: number): Promise<WindowCount> {
    return countOf(await this.#counts.penalty(name, amount), this.#windowSeconds);
  }

  async read(name: string): Promise<WindowCount> {
    return countOf(await this.#counts.get(name), this.#windowSeconds);
  }

  acquire(name: string, limit: number): Promise<Lease | undefined> {
    const taken = this.#taken.get(name) ?? 0;
    if (taken >= limit) return Promise.resolve(undefined);
    this.#taken.set(name, taken + 1);
    let isHeld = true;
    return Promise.resolve({
      release: () => {
        if (isHeld) this.#give(name);
        isHeld = false;
        return Promise.resolve();
      },
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #give(name: string): void {
    const left = (this.#taken.get(name) ?? 0) - 1;
    if (left > 0) this.#taken.set(name, left);
    else this.#taken.delete(name);
  }
}
