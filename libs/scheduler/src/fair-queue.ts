/** Something that waits for its turn. */
export interface QueueItem {
  /** Larger goes first, whoever it belongs to. */
  readonly priority: number;
  readonly tenant: string;
}

interface TenantQueue<Item> {
  readonly items: Item[];
  /** When its next turn begins, in virtual time: turns had, divided by weight. */
  virtualTime: number;
}

/** All that waits at one priority. */
interface Level<Item> {
  /** Tenants that wait, and those without items whose turn lies ahead of `now`. */
  readonly tenants: Map<string, TenantQueue<Item>>;
  /** Virtual time at which the last turn began. */
  now: number;
  length: number;
}

/**
 * A queue in which tenants take turns: within the highest priority that waits, the tenant whose virtual time is smallest is next,
 * and of its items the first that came. (Start-time fair queueing, Goyal, Vin and Cheng 1996, with a cost of one a turn.)
 *
 * A tenant that comes back after a pause starts level with the others: it has saved up nothing. Whoever sends one item at a time
 * still pays for each: its virtual time is kept until the others have caught up.
 */
export class FairQueue<Item extends QueueItem> {
  /** By priority; a level is dropped when nothing waits on it. */
  readonly #levels = new Map<number, Level<Item>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: Item): void {
    const level = this.#levels.get(item.priority) ?? { tenants: new Map<string, TenantQueue<Item>>(), now: 0, length: 0 };
    this.#levels.set(item.priority, level);
    const queue = level.tenants.get(item.tenant) ?? { items: [], virtualTime: level.now };
    level.tenants.set(item.tenant, queue);
    queue.items.push(item);
    level.length++;
    this.#length++;
  }

  /** Who is next, without taking it; undefined when nobody waits. */
  peek(): Item | undefined {
    return this.#next()?.queue.items[0];
  }

  /** Takes the next item. `weight` turns cost its tenant as much as one turn costs a tenant of weight 1. */
  shift(weight = 1): Item | undefined {
    const next = this.#next();
    if (next === undefined) return undefined;
    const { queue, level } = next;
    const item = queue.items[0];
    level.now = queue.virtualTime;
    queue.virtualTime += 1 / weight;
    this.#take(item, queue, level, 0);
    for (const [tenant, other] of level.tenants) {
      if (other.items.length === 0 && other.virtualTime <= level.now) level.tenants.delete(tenant);
    }
    return item;
  }

  /** Takes an item out, wherever it is; true if it was there. It costs its tenant no turn. */
  remove(item: Item): boolean {
    const level = this.#levels.get(item.priority);
    const queue = level?.tenants.get(item.tenant);
    const at = queue?.items.indexOf(item) ?? -1;
    if (level === undefined || queue === undefined || at < 0) return false;
    this.#take(item, queue, level, at);
    return true;
  }

  /** All that wait, in no particular order. */
  *[Symbol.iterator](): Iterator<Item> {
    for (const { tenants } of this.#levels.values()) for (const { items } of tenants.values()) yield* items;
  }

  #next(): { queue: TenantQueue<Item>; level: Level<Item> } | undefined {
    if (this.#length === 0) return undefined;
    const level = this.#levels.get(Math.max(...this.#levels.keys()));
    if (level === undefined) return undefined;
    let next: TenantQueue<Item> | undefined;
    for (const queue of level.tenants.values()) {
      if (queue.items.length > 0 && (next === undefined || queue.virtualTime < next.virtualTime)) next = queue;
    }
    return next && { queue: next, level };
  }

  #take(item: Item, queue: TenantQueue<Item>, level: Level<Item>, at: number): void {
    queue.items.splice(at, 1);
    level.length--;
    this.#length--;
    if (level.length === 0) this.#levels.delete(item.priority);
  }
}
