import { StarlingError } from '@starling/core';
import type { ModelMemory, RegisteredModel } from '@starling/engine';
import { whenAborted } from '../when-aborted.js';
import { Residence, type Hold, type Waiter } from './residence.js';

/** What the pool asks of the server around it. */
export interface PoolHost {
  /** Models in memory, and on their way there or out. */
  list(): readonly RegisteredModel[];
  memory(): { readonly usedBytes: number; readonly limitBytes: number };
  /** Whether a model of this name could be loaded. */
  isKnown(name: string): boolean;
  /** Bytes that a model will take. @throws what is wrong with its file */
  estimate(name: string): Promise<ModelMemory>;
  load(name: string): Promise<unknown>;
  /** Lets a model end what it has begun, and closes it. */
  unload(name: string): Promise<void>;
  /** Told of what went wrong while nobody waited for it. */
  onError(error: unknown, name: string): void;
  /** Milliseconds, monotonic. */
  readonly clock: () => number;
}

export interface PoolLimits {
  /** Models in memory, at most. */
  readonly maxLoaded: number;
  /** Requests that may wait for models, all together. */
  readonly maxWaiting: number;
  /** How long a model stays without a request that says so itself. Infinity: until its memory is wanted. */
  readonly keepAliveMs: number;
}

/**
 * Loads models when they are asked for, and lets those go that were asked longest ago when their memory is wanted or their time is over.
 *
 * Invariants: a model that a request holds is in memory until that request is over. Who waits for a model that was loaded gets it before anybody may
 * take its place. The one that has waited longest makes others go; those behind it load beside it only what its own memory does not need, and a
 * model that is to go takes no new requests, so that nobody waits for ever. One model is loaded at a time.
 */
export class ModelPool {
  readonly #host: PoolHost;
  #limits: PoolLimits;
  readonly #residences = new Map<string, Residence>();
  /** Models that requests wait for, in the order of their first. */
  readonly #queue = new Set<Residence>();
  #loading: string | undefined;
  #isClosed = false;

  constructor(host: PoolHost, limits: PoolLimits) {
    this.#host = host;
    this.#limits = limits;
  }

  /** Takes other limits from now on. */
  set limits(limits: PoolLimits) {
    for (const residence of this.#residences.values())
      if (residence.keepAliveMs === this.#limits.keepAliveMs) residence.keepAliveMs = limits.keepAliveMs;
    this.#limits = limits;
    for (const { name, state } of this.#host.list()) if (state === 'ready') this.settled(name);
    this.#advance();
  }

  /**
   * A model for one request: at once where it is in memory, else once it was loaded.
   * @throws StarlingError queue_full, out_of_memory, model_not_loaded, shutting_down, and what is wrong with its file; the signal's reason when the client has gone
   */
  async hold(name: string, signal: AbortSignal): Promise<Hold> {
    const residence = this.#residenceOf(name);
    if (this.#isThere(residence)) return this.#lend(residence);
    if (this.#isClosed) throw closed();
    const waiting = [...this.#queue].reduce((sum, { waiters }) => sum + waiters.size, 0);
    if (waiting >= this.#limits.maxWaiting)
      throw new StarlingError('queue_full', 'too many requests wait for models to be loaded; try again later', {
        details: { limit: this.#limits.maxWaiting },
      });
    return new Promise<Hold>((resolve, reject) => {
      let forget = (): void => undefined;
      const waiter: Waiter = {
        resolve: (hold) => (forget(), resolve(hold)),
        reject: (error) => (forget(), reject(error)),
      };
      residence.waiters.add(waiter);
      forget = whenAborted(signal, () => {
        residence.waiters.delete(waiter);
        reject(new StarlingError('cancelled', 'the client has gone'));
      });
      this.#queue.add(residence);
      this.#advance();
    });
  }

  /** Lets a model go as soon as nobody asks it; one that is not in memory has gone. */
  letGo(name: string): void {
    const residence = this.#residenceOf(name);
    if (isMissing(this.#entry(residence))) return;
    residence.keepAliveMs = 0;
    if (!residence.isAsked) this.#expired(residence);
  }

  /** When a model goes if nobody asks it; undefined: it stays. */
  expiresAt(name: string): number | undefined {
    return this.#residences.get(name)?.expiresAt;
  }

  /** Takes no new requests for a model until `change` is over; those that wait get what is there then. */
  async whileAway<T>(name: string, change: () => Promise<T>): Promise<T> {
    const residence = this.#residenceOf(name);
    residence.isAway = true;
    try {
      return await change();
    } finally {
      residence.isAway = false;
      this.settled(name);
    }
  }

  /** Settles when the requests that ask a model now are over. */
  quiet(name: string): Promise<void> {
    return this.#residenceOf(name).quiet();
  }

  /** A model has come, gone or failed, other than by this pool's doing too. */
  settled(name: string): void {
    const residence = this.#residenceOf(name);
    if (!residence.isAsked && this.#isThere(residence))
      residence.expire(this.#host.clock(), () => this.#expired(residence));
    this.#advance();
  }

  /** Nobody waits any more, and nothing is loaded. */
  close(): void {
    this.#isClosed = true;
    for (const residence of this.#residences.values()) residence.stay();
    for (const residence of this.#queue) this.#refuse(residence, closed());
  }

  #residenceOf(name: string): Residence {
    const known = this.#residences.get(name) ?? new Residence(name, this.#limits.keepAliveMs);
    this.#residences.set(name, known);
    return known;
  }

  #entry({ name }: Residence): RegisteredModel | undefined {
    return this.#host.list().find((entry) => entry.name === name);
  }

  #isThere(residence: Residence): boolean {
    return !residence.isLeaving && !residence.isAway && this.#entry(residence)?.state === 'ready';
  }

  #lend(residence: Residence): Hold {
    const { clock } = this.#host;
    residence.lastUsed = clock();
    return residence.lend((keepAliveMs) => {
      residence.lastUsed = clock();
      residence.keepAliveMs = keepAliveMs ?? this.#limits.keepAliveMs;
      if (residence.isAsked || residence.isAway || this.#isClosed) return;
      if (residence.isLeaving) this.#unload(residence);
      else residence.expire(clock(), () => this.#expired(residence));
    });
  }

  /** Does what can be done for those who wait, now. */
  #advance(): void {
    if (this.#isClosed) return;
    /** Bytes and places that are left for others once the first in the queue has what it needs; undefined while none needs any. */
    let left: { bytes: number; places: number } | undefined;
    for (const residence of [...this.#queue]) {
      if (residence.waiters.size === 0) this.#queue.delete(residence);
      else if (this.#isThere(residence)) this.#serve(residence);
      else if (!residence.isLeaving && !residence.isAway && isMissing(this.#entry(residence))) {
        const { needs } = residence;
        if (needs === undefined) this.#weigh(residence);
        else left = this.#place(residence, needs, left);
      }
    }
  }

  #serve(residence: Residence): void {
    this.#queue.delete(residence);
    const waiters = [...residence.waiters];
    residence.waiters.clear();
    for (const waiter of waiters) waiter.resolve(this.#lend(residence));
  }

  #refuse(residence: Residence, error: unknown): void {
    this.#queue.delete(residence);
    const waiters = [...residence.waiters];
    residence.waiters.clear();
    for (const waiter of waiters) waiter.reject(error);
  }

  /** Finds out what a model will take. */
  #weigh(residence: Residence): void {
    const { name } = residence;
    residence.needs = NaN;
    const unknown = (): Promise<never> =>
      Promise.reject(
        new StarlingError('model_not_loaded', `there is no model ${name}`, {
          details: { param: 'model', model: name },
        }),
      );
    void (this.#host.isKnown(name) ? this.#host.estimate(name) : unknown()).then(
      ({ totalBytes }) => {
        residence.needs = totalBytes;
        this.#advance();
      },
      (error: unknown) => {
        residence.needs = undefined;
        this.#refuse(residence, error);
        this.#advance();
      },
    );
  }

  /** Loads a model that fits; for the first in the queue lets others go until it does. Gives what is left for those behind. */
  #place(
    residence: Residence,
    needs: number,
    left: { bytes: number; places: number } | undefined,
  ): { bytes: number; places: number } | undefined {
    // It is being weighed, or another one is being loaded, for which memory is not set aside from the beginning.
    if (Number.isNaN(needs) || this.#loading !== undefined) return left;
    const { usedBytes, limitBytes } = this.#host.memory();
    const inMemory = this.#host.list().filter(({ state }) => state !== 'failed');
    const free = { bytes: limitBytes - usedBytes - needs, places: this.#limits.maxLoaded - inMemory.length - 1 };
    const fits = free.bytes >= 0 && free.places >= 0;
    if (left !== undefined) {
      if (fits && left.bytes >= needs && left.places >= 1) this.#load(residence);
      return left;
    }
    if (fits) {
      this.#load(residence);
      return undefined;
    }
    const leaving = inMemory.filter(({ name, state }) => state === 'draining' || this.#residenceOf(name).isLeaving);
    const others = inMemory
      .filter((entry) => entry.state === 'ready' && !leaving.includes(entry) && !this.#residenceOf(entry.name).isAway)
      .map((entry) => ({ entry, of: this.#residenceOf(entry.name) }));
    for (const { memory } of leaving) add(free, memory);
    // Those that nobody asks go first, among them the one that was asked longest ago.
    others.sort((a, b) => Number(a.of.isAsked) - Number(b.of.isAsked) || a.of.lastUsed - b.of.lastUsed);
    const going: Residence[] = [];
    for (const { entry, of } of others) {
      if (free.bytes >= 0 && free.places >= 0) break;
      going.push(of);
      add(free, entry.memory);
    }
    if (free.bytes < 0 || free.places < 0) {
      // What is loaded or replaced by others may be there to go later. Else it would not fit if it were alone: nobody goes for it, and loading says so with figures.
      if (inMemory.some(({ name, state }) => state === 'loading' || this.#residenceOf(name).isAway)) return free;
      this.#load(residence);
      return undefined;
    }
    for (const one of going) {
      one.isLeaving = true;
      if (!one.isAsked) this.#unload(one);
    }
    return free;
  }

  #load(residence: Residence): void {
    const { name } = residence;
    this.#loading = name;
    residence.needs = undefined;
    residence.lastUsed = this.#host.clock();
    void this.#host
      .load(name)
      .then(() => {
        // Before anybody else is thought of.
        if (this.#isThere(residence)) this.#serve(residence);
      })
      .catch((error: unknown) => this.#refuse(residence, error))
      .finally(() => {
        this.#loading = undefined;
        this.settled(name);
      });
  }

  #unload(residence: Residence): void {
    const { name } = residence;
    residence.isLeaving = true;
    residence.stay();
    void this.#host
      .unload(name)
      .catch((error: unknown) => this.#host.onError(error, name))
      .finally(() => {
        residence.isLeaving = false;
        // What a request said of its time ends with it.
        residence.keepAliveMs = this.#limits.keepAliveMs;
        this.#advance();
      });
  }

  /** Its time is over. */
  #expired(residence: Residence): void {
    if (!this.#isClosed && !residence.isAsked && this.#isThere(residence)) this.#unload(residence);
  }
}

const closed = () => new StarlingError('shutting_down', 'the server is shutting down and loads no models');

/** Nothing of it is in memory, nor on its way. */
const isMissing = (entry: RegisteredModel | undefined): boolean => entry === undefined || entry.state === 'failed';

function add(free: { bytes: number; places: number }, memory: ModelMemory | undefined): void {
  free.bytes += memory?.totalBytes ?? 0;
  free.places++;
}
