/** How much a cache holds: entries, and characters of their keys and of what `charactersOf` finds in their values. */
export interface CacheLimits<Value = unknown> {
  readonly entries: number;
  readonly characters: number;
  /** Default: none. */
  readonly charactersOf?: (value: Value) => number;
}

/** Values by text, those used last: what was not used for longest goes first. An entry that alone is beyond the limit is not kept. */
export class RecentCache<Value> {
  readonly #limits: CacheLimits<Value>;
  /** A map keeps the order in which keys were set: the first is the one that was used longest ago. */
  readonly #values = new Map<string, Value>();
  #characters = 0;

  constructor(limits: CacheLimits<Value>) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Of keys, and of what `charactersOf` finds in values. */
  get characters(): number {
    return this.#characters;
  }

  /** The one used longest ago first. */
  values(): Iterable<Value> {
    return this.#values.values();
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.delete(key);
    this.#values.set(key, value);
    this.#characters += this.#sizeOf(key, value);
    while (this.#values.size > this.#limits.entries || this.#characters > this.#limits.characters) this.drop();
  }

  /** Forgets what was used longest ago. */
  drop(): void {
    for (const oldest of this.#values.keys()) return this.delete(oldest);
  }

  delete(key: string): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#values.delete(key);
    this.#characters -= this.#sizeOf(key, value);
  }

  #sizeOf(key: string, value: Value): number {
    return key.length + (this.#limits.charactersOf?.(value) ?? 0);
  }
}
