import { StarlingError } from '@starling/core';
import type { ItemBody } from './schema.js';

/** A response that is kept: what was asked, what was answered, and the response before it. */
export interface StoredResponse {
  readonly id: string;
  readonly input: readonly ItemBody[];
  readonly previous?: StoredResponse;
  /** The object as clients see it. */
  readonly response: Readonly<Record<string, unknown>>;
  readonly output: readonly ItemBody[];
}

export interface ResponseStoreLimits {
  /** Responses of one tenant. */
  readonly perTenant: number;
  /** Characters of all of them, as JSON. */
  readonly characters: number;
  /** Milliseconds for which a response is kept after it was last used. */
  readonly ttlMs: number;
}

const RESPONSE_STORE_LIMITS: ResponseStoreLimits = { perTenant: 1000, characters: 1 << 26, ttlMs: 24 * 3600 * 1000 };

/** A response that is under way. */
export interface RunningResponse {
  /** The object as clients see it, with what there is of the answer. */
  soFar(): Readonly<Record<string, unknown>>;
  /** Stops it; gives the object as it then is. */
  cancel(): Readonly<Record<string, unknown>>;
  /** Whether it will be kept. */
  readonly isStored: boolean;
}

interface Entry {
  readonly tenant: string;
  readonly stored: StoredResponse;
  readonly characters: number;
  usedAt: number;
}

/**
 * Responses that clients may go on from, in memory, each tenant's for itself. The least recently used go first; those that another one
 * goes on from live as long as that one.
 */
export class ResponseStore {
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Map<string, RunningResponse>();
  readonly #limits: ResponseStoreLimits;
  readonly #clock: () => number;
  #characters = 0;

  constructor(clock: () => number, limits: Partial<ResponseStoreLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...RESPONSE_STORE_LIMITS, ...limits };
  }

  get size(): number {
    return this.#entries.size;
  }

  put(tenant: string, stored: StoredResponse): void {
    const characters = JSON.stringify([stored.input, stored.response]).length;
    const key = keyOf(tenant, stored.id);
    this.#drop(key);
    this.#entries.set(key, { tenant, stored, characters, usedAt: this.#clock() });
    this.#characters += characters;
    this.#trim(tenant);
  }

  /** @throws StarlingError not_found, also for another tenant's */
  get(tenant: string, id: string, param = 'response_id'): StoredResponse {
    const key = keyOf(tenant, id);
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#clock() - entry.usedAt > this.#limits.ttlMs) {
      this.#drop(key);
      throw new StarlingError(
        'not_found',
        `there is no response ${JSON.stringify(id.slice(0, 128))}: it was not stored, was deleted, or is too old`,
        { details: { param } },
      );
    }
    entry.usedAt = this.#clock();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.stored;
  }

  /** @throws StarlingError not_found */
  delete(tenant: string, id: string): void {
    this.get(tenant, id);
    this.#drop(keyOf(tenant, id));
  }

  /** Remembers a response that is under way; gives what forgets it. */
  run(tenant: string, id: string, response: RunningResponse): () => void {
    const key = keyOf(tenant, id);
    this.#running.set(key, response);
    return () => void this.#running.delete(key);
  }

  /** A response that is under way; undefined if it is not. */
  running(tenant: string, id: string): RunningResponse | undefined {
    return this.#running.get(keyOf(tenant, id));
  }

  #trim(tenant: string): void {
    const { perTenant, characters, ttlMs } = this.#limits;
    const oldest = this.#clock() - ttlMs;
    const own = [...this.#entries].filter(([, entry]) => entry.tenant === tenant);
    for (const [key] of own.slice(0, Math.max(0, own.length - perTenant))) this.#drop(key);
    for (const [key, entry] of this.#entries) {
      if (this.#characters <= characters && entry.usedAt >= oldest) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#characters -= entry.characters;
  }
}

const keyOf = (tenant: string, id: string): string => `${tenant} ${id}`;

/** The items of a conversation up to and with a response, in order. */
export function itemsUpTo(last: StoredResponse | undefined): ItemBody[] {
  const chain: StoredResponse[] = [];
  for (let one = last; one !== undefined; one = one.previous) chain.push(one);
  return chain.reverse().flatMap(({ input, output }) => [...input, ...output]);
}
