import { StarlingError } from '@starling/core';

/** A value in a JSON document that knows where it is, so that errors name the place. */
export class JsonNode {
  private constructor(
    readonly value: unknown,
    /** The file, then the way to the value, as in `tokenizer.json: model.vocab`. */
    readonly place: string,
  ) {}

  /** Parses a document; `file` is what errors call it. */
  static parse(document: unknown, file: string): JsonNode {
    if (typeof document !== 'string') return new JsonNode(document, `${file}: `);
    try {
      return new JsonNode(JSON.parse(document.replace(/^\uFEFF/, '')), `${file}: `);
    } catch (cause) {
      throw new StarlingError(
        'invalid_vocabulary',
        `${file} is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          details: { file },
          cause,
        },
      );
    }
  }

  get isMissing(): boolean {
    return this.value === undefined || this.value === null;
  }

  get(key: string): JsonNode {
    const record = this.record();
    return new JsonNode(
      Object.hasOwn(record, key) ? record[key] : undefined,
      `${this.place}${this.place.endsWith(': ') ? '' : '.'}${key}`,
    );
  }

  items(): JsonNode[] {
    if (this.isMissing) return [];
    if (!Array.isArray(this.value)) throw this.wrong('an array');
    return this.value.map((item: unknown, i) => this.item(item, i));
  }

  /** Item `i` of this array. */
  item(value: unknown, i: number): JsonNode {
    return new JsonNode(value, `${this.place}[${i}]`);
  }

  record(): Record<string, unknown> {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value))
      throw this.wrong('an object');
    return this.value as Record<string, unknown>;
  }

  string(): string {
    if (typeof this.value !== 'string') throw this.wrong('a string');
    return this.value;
  }

  number(): number {
    if (typeof this.value !== 'number') throw this.wrong('a number');
    return this.value;
  }

  stringOr<T>(fallback: T): string | T {
    return this.isMissing ? fallback : this.string();
  }

  booleanOr(fallback: boolean): boolean {
    if (this.isMissing) return fallback;
    if (typeof this.value !== 'boolean') throw this.wrong('a boolean');
    return this.value;
  }

  /** The `type` of an object with one. */
  type(): string {
    return this.get('type').string();
  }

  private get where(): string {
    return this.place.replace(/: $/, '');
  }

  wrong(expected: string): StarlingError {
    const received = describe(this.value);
    return new StarlingError('invalid_vocabulary', `${this.where} must be ${expected}, but it is ${received}`, {
      details: { place: this.place, expected, received },
    });
  }

  /** A value that is of the right type, but cannot be. */
  broken(reason: string): StarlingError {
    return new StarlingError('invalid_vocabulary', `${this.where}: ${reason}`, {
      details: { place: this.place, reason },
    });
  }

  unsupported(what: string): StarlingError {
    return new StarlingError('unsupported_model', `${this.where}: ${what} is not supported`, {
      details: { place: this.place, received: what },
    });
  }
}

/** Most characters of a value that a message shows. */
const SHOWN_CHARACTERS = 40;

/** A value in a few words; one with parts is not looked into, as it may be of any depth. */
function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') return `string ${JSON.stringify(value.slice(0, SHOWN_CHARACTERS))}`;
  if (typeof value === 'number' || typeof value === 'boolean') return `${typeof value} ${value}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
