import { assert } from '@starling/core';
import type { FairShares, ShareHolder } from './fair-shares.js';

/** Something that waits for its turn. */
export interface QueueItem extends ShareHolder {
  /** Larger goes first, whoever it belongs to. */
  readonly priority: number;
  /** Tokens that are to be computed before it can give any. */
  readonly promptTokens: number;
  /** Those of them that a cache is likely to have. */
  readonly cachedTokens: number;
}

interface Waiting<Item> {
  readonly item: Item;
  /** How often a later one of its session went before it. */
  overtaken: number;
}

interface TenantQueue<Item> {
  /** By session, each in order of arrival; empty ones are dropped. */
  readonly sessions: Map<string, Waiting<Item>[]>;
  length: number;
}

/** How much of a tenant waits, at all priorities. */
export interface QueueTally {
  readonly length: number;
  readonly tokens: number;
}

/** So many of a session's oldest are looked at for the longest cached prefix. */
const WINDOW = 16;

/** Nobody is overtaken by others of its session more often than this. */
const MAX_OVERTAKEN = 8;

const NOTHING: QueueTally = { length: 0, tokens: 0 };

/**
 * A queue in which tenants share what is computed: of the highest priority that waits, the tenant that had least of its share is next,
 * of its sessions the one that had least, and of that session the request with the longest cached prefix among its oldest (Cao et al.,
 * "Locality-aware Fair Scheduling in LLM Serving", 2025: locality within a share). Shares are kept by FairShares; the queue only reads them.
 *
 * Invariant: the tallies are the sums over what waits; no level, tenant or session is kept empty.
 */
export class FairQueue<Item extends QueueItem> {
  readonly #levels = new Map<number, Map<string, TenantQueue<Item>>>();
  readonly #tallies = new Map<string, { length: number; tokens: number }>();
  readonly #shares: FairShares;
  #length = 0;
  #tokens = 0;

  constructor(shares: FairShares) {
    this.#shares = shares;
  }

  get length(): number {
    return this.#length;
  }

  /** Prompt tokens of all that wait. */
  get tokens(): number {
    return this.#tokens;
  }

  tallyOf(tenant: string): QueueTally {
    return this.#tallies.get(tenant) ?? NOTHING;
  }

  push(item: Item): void {
    const level = this.#levels.get(item.priority) ?? new Map<string, TenantQueue<Item>>();
    this.#levels.set(item.priority, level);
    const queue = level.get(item.tenant) ?? { sessions: new Map<string, Waiting<Item>[]>(), length: 0 };
    level.set(item.tenant, queue);
    const waiting = queue.sessions.get(item.session);
    if (waiting === undefined) queue.sessions.set(item.session, [{ item, overtaken: 0 }]);
    else waiting.push({ item, overtaken: 0 });
    queue.length++;
    this.#count(item, 1);
  }

  /** Who is next, without taking it; undefined when nobody waits whose tenant `mayStart`. */
  peek(mayStart: (tenant: string) => boolean = () => true): Item | undefined {
    for (const priority of [...this.#levels.keys()].sort((a, b) => b - a)) {
      const queue = this.#leastOf(
        this.#levels.get(priority)?.keys() ?? [],
        (tenant) => this.#shares.expectedOf(tenant),
        mayStart,
      );
      const next = queue === undefined ? undefined : this.#levels.get(priority)?.get(queue);
      if (queue === undefined || next === undefined) continue;
      const session = this.#leastOf(next.sessions.keys(), (name) =>
        this.#shares.sessionExpectedOf({ tenant: queue, session: name }),
      );
      const waiting = session === undefined ? undefined : next.sessions.get(session);
      if (waiting !== undefined) return waiting[nextOf(waiting)].item;
    }
    return undefined;
  }

  /** Takes an item that has its turn: those of its session that came before it have been overtaken. */
  take(item: Item): void {
    const waiting = this.#levels.get(item.priority)?.get(item.tenant)?.sessions.get(item.session) ?? [];
    for (const before of waiting) {
      if (before.item === item) break;
      before.overtaken++;
    }
    assert(this.remove(item), 'what is taken from a queue waits in it');
  }

  /** Takes an item out, wherever it is; true if it was there. */
  remove(item: Item): boolean {
    const level = this.#levels.get(item.priority);
    const queue = level?.get(item.tenant);
    const waiting = queue?.sessions.get(item.session);
    const at = waiting?.findIndex((one) => one.item === item) ?? -1;
    if (level === undefined || queue === undefined || waiting === undefined || at < 0) return false;
    waiting.splice(at, 1);
    if (waiting.length === 0) queue.sessions.delete(item.session);
    if (--queue.length === 0) level.delete(item.tenant);
    if (level.size === 0) this.#levels.delete(item.priority);
    this.#count(item, -1);
    return true;
  }

  /** All that wait, in no particular order. */
  *[Symbol.iterator](): Iterator<Item> {
    for (const level of this.#levels.values())
      for (const { sessions } of level.values())
        for (const waiting of sessions.values()) for (const { item } of waiting) yield item;
  }

  checkIntegrity(): void {
    const items = [...this];
    assert(
      items.length === this.#length && items.reduce((sum, item) => sum + item.promptTokens, 0) === this.#tokens,
      'the queue counts what waits in it',
    );
    for (const [tenant, tally] of this.#tallies) {
      const own = items.filter((item) => item.tenant === tenant);
      assert(
        own.length === tally.length && tally.length > 0,
        `the queue counts what waits of tenant ${JSON.stringify(tenant)}`,
      );
    }
  }

  /** The name with the smallest counter; of equals the one that came first. */
  #leastOf(
    names: Iterable<string>,
    counterOf: (name: string) => number,
    isEligible: (name: string) => boolean = () => true,
  ): string | undefined {
    let best: string | undefined;
    let least = Infinity;
    for (const name of names) {
      const counter = counterOf(name);
      if (counter < least && isEligible(name)) [best, least] = [name, counter];
    }
    return best;
  }

  #count(item: Item, sign: 1 | -1): void {
    this.#length += sign;
    this.#tokens += sign * item.promptTokens;
    const { length, tokens } = this.tallyOf(item.tenant);
    if (length + sign === 0) this.#tallies.delete(item.tenant);
    else this.#tallies.set(item.tenant, { length: length + sign, tokens: tokens + sign * item.promptTokens });
  }
}

/** The longest cached prefix among the oldest, unless one of them has been overtaken often enough. */
function nextOf<Item extends QueueItem>(waiting: readonly Waiting<Item>[]): number {
  let next = 0;
  for (let at = 0; at < Math.min(WINDOW, waiting.length); at++) {
    if (waiting[at].overtaken >= MAX_OVERTAKEN) return at;
    if (waiting[at].item.cachedTokens > waiting[next].item.cachedTokens) next = at;
  }
  return next;
}
