/** A request's word that it asks a model: until it is given back, the model stays. */
export interface Hold {
  /**
   * The request is over. Once.
   * @param keepAliveMs how long the model shall stay from now on without a request; 0: it goes when nobody else asks it. Default: as the operator has it
   */
  release(keepAliveMs?: number): void;
}

/** A request that waits until its model is there. */
export interface Waiter {
  readonly resolve: (hold: Hold) => void;
  readonly reject: (error: unknown) => void;
}

/** A timer's longest time; what stays longer stays. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A model's place in memory, had or wanted: who asks it, who waits for it, and how long it stays. */
export class Residence {
  readonly name: string;
  readonly waiters = new Set<Waiter>();
  /** When it was asked last, by the pool's clock. */
  lastUsed = 0;
  /** How long it stays without a request. */
  keepAliveMs: number;
  /** When it goes if nobody asks it, by the pool's clock; undefined: it stays. */
  expiresAt: number | undefined;
  /** Bytes that it will take, once they are known. */
  needs: number | undefined;
  /** It takes no more requests, and goes when those that it has are over. */
  isLeaving = false;
  /** It is being replaced or taken away by somebody else: requests wait until that is over. */
  isAway = false;
  readonly #holds = new Map<Hold, Promise<void>>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(name: string, keepAliveMs: number) {
    this.name = name;
    this.keepAliveMs = keepAliveMs;
  }

  get isAsked(): boolean {
    return this.#holds.size > 0;
  }

  /** Settles when the requests that ask it now are over. */
  async quiet(): Promise<void> {
    await Promise.all(this.#holds.values());
  }

  lend(onRelease: (keepAliveMs: number | undefined) => void): Hold {
    let end = (): void => undefined;
    const hold: Hold = {
      release: (keepAliveMs) => {
        if (!this.#holds.delete(hold)) return;
        end();
        onRelease(keepAliveMs);
      },
    };
    this.#holds.set(hold, new Promise((resolve) => (end = resolve)));
    this.stay();
    return hold;
  }

  /** Lets it stay whatever the time. */
  stay(): void {
    clearTimeout(this.#timer);
    this.expiresAt = undefined;
  }

  /** Counts its time without requests from now. */
  expire(now: number, onEnd: () => void): void {
    this.stay();
    if (this.keepAliveMs > MAX_TIMER_MS) return;
    this.expiresAt = now + this.keepAliveMs;
    this.#timer = setTimeout(onEnd, this.keepAliveMs);
    this.#timer.unref();
  }
}
