/** Ids of calls of one request: the model's own where it writes them and no other call has it, else a random one; the same each time that one asks for a call. */
export class CallIds {
  readonly #ids = new Map<string, string>();
  readonly #prefix: string;

  /** @param prefix what random ids begin with */
  constructor(prefix = 'call_') {
    this.#prefix = prefix;
  }

  /** @param own the id that the model wrote */
  of(sample: number, index: number, own?: string): string {
    const key = `${sample} ${index}`;
    const id =
      this.#ids.get(key) ??
      (own === undefined || own === '' || [...this.#ids.values()].includes(own)
        ? `${this.#prefix}${crypto.randomUUID().replaceAll('-', '')}`
        : own);
    this.#ids.set(key, id);
    return id;
  }
}
