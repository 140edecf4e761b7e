/** Makes random schemas and values over a few keys and texts, so that they often have to do with each other. */
export class RandomSchemas {
  readonly #random: () => number;

  /** @param random numbers in [0, 1) */
  constructor(random: () => number) {
    this.#random = random;
  }

  value(depth: number): unknown {
    const kind = this.#below(depth > 0 ? 8 : 6);
    if (kind === 0) return null;
    if (kind === 1) return this.#random() < 0.5;
    if (kind === 2) return this.#below(7) - 2;
    if (kind === 3) return (this.#below(13) - 4) / 2;
    if (kind < 6) return this.#pick(['', 'a', 'b', 'ab', 'ba', 'abc', 'aa', 'é']);
    if (kind === 6) return this.#list(this.#below(4), () => this.value(depth - 1));
    return Object.fromEntries(this.#list(this.#below(4), () => [this.#key(), this.value(depth - 1)]));
  }

  schema(depth: number): unknown {
    if (depth <= 0 || this.#random() < 0.08)
      return this.#pick([
        true,
        true,
        false,
        { type: 'integer' },
        { type: 'string' },
        { const: this.value(1) },
        { type: 'null' },
        {},
      ]);
    const parts = this.#list(1 + this.#below(3), () => this.#keyword(depth - 1));
    return Object.assign({}, ...parts) as unknown;
  }

  #keyword(depth: number): object {
    const inner = (): unknown => this.schema(depth);
    const makers: (() => object)[] = [
      () => ({ type: this.#pick(['string', 'integer', 'number', 'array', 'object', 'boolean', 'null']) }),
      () => ({ type: [this.#pick(['string', 'integer']), this.#pick(['array', 'object', 'null'])] }),
      () => ({
        enum: [
          ...new Map(
            this.#list(1 + this.#below(4), () => this.value(1)).map((value) => [JSON.stringify(value), value]),
          ).values(),
        ],
      }),
      () => ({ const: this.value(2) }),
      () => ({ minimum: this.#below(5) - 2 }),
      () => ({ maximum: this.#below(8) / 2 }),
      () => ({ exclusiveMinimum: this.#below(4) - 2 }),
      () => ({ multipleOf: this.#pick([1, 2, 0.5, 3, 1.5]) }),
      () => ({ minLength: this.#below(3) }),
      () => ({ maxLength: this.#below(4) }),
      () => ({ pattern: this.#pick(['^a', 'b$', '^[ab]*$', 'a', '^(ab|c)+$', '^.{1,2}$', '(?=.*a)b']) }),
      () => ({ items: inner() }),
      () => ({ prefixItems: this.#list(1 + this.#below(2), inner) }),
      () => ({ minItems: this.#below(3) }),
      () => ({ maxItems: this.#below(4) }),
      () => ({
        contains: inner(),
        ...(this.#random() < 0.3 ? { minContains: this.#below(3) } : {}),
        ...(this.#random() < 0.4 ? { maxContains: 1 + this.#below(2) } : {}),
      }),
      () => ({ properties: Object.fromEntries(this.#list(1 + this.#below(3), () => [this.#key(), inner()])) }),
      () => ({ required: [...new Set(this.#list(1 + this.#below(2), () => this.#key()))] }),
      () => ({ additionalProperties: inner() }),
      () => ({ patternProperties: { [this.#pick(['^a', 'b', 'c$'])]: inner() } }),
      () => ({ minProperties: this.#below(4) }),
      () => ({ maxProperties: this.#below(4) }),
      () => ({ dependentRequired: { [this.#key()]: [this.#key()] } }),
      () => ({ dependentSchemas: { [this.#key()]: inner() } }),
      () => ({ [this.#pick(['allOf', 'anyOf', 'oneOf'])]: this.#list(1 + this.#below(3), inner) }),
      () => ({ not: inner() }),
      () => ({ if: inner(), then: inner(), ...(this.#random() < 0.6 ? { else: inner() } : {}) }),
      () => ({ propertyNames: inner() }),
      () => ({ uniqueItems: true }),
      () => ({ unevaluatedProperties: inner() }),
      () => ({ unevaluatedItems: inner() }),
    ];
    return this.#pick(makers)();
  }

  #key(): string {
    return this.#pick(['a', 'b', 'ab', 'c']);
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #pick<T>(options: readonly T[]): T {
    return options[this.#below(options.length)];
  }

  #list<T>(length: number, make: () => T): T[] {
    return Array.from({ length }, make);
  }
}
