import { StarlingError } from '@starling/core';
import { PyFloat, toValue } from './convert.js';
import { jsonText } from './json.js';
import { Str } from './str.js';

/** Values inside values. */
const MAX_DEPTH = 200;
const TOKEN = /\s*(?:([{}[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))/y;

/**
 * JSON as Python reads it: a number with a point or an exponent is a float (`PyFloat`) also where it is whole, and whole numbers keep all their
 * digits (bigint beyond 2^53). Objects have no prototype.
 * @throws StarlingError invalid_json for what is none, or is nested too deeply
 */
export function parseJson(text: string): unknown {
  return new JsonReader(text).whole();
}

class JsonReader {
  private at = 0;

  constructor(private readonly text: string) {}

  whole(): unknown {
    const value = this.value(0);
    if (this.text.slice(this.at).trim() !== '') throw this.wrong();
    return value;
  }

  private next(): RegExpExecArray {
    TOKEN.lastIndex = this.at;
    const match = TOKEN.exec(this.text);
    if (match === null) throw this.wrong();
    this.at = TOKEN.lastIndex;
    return match;
  }

  private value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new StarlingError('invalid_json', `JSON: values may be ${MAX_DEPTH} deep`);
    const [, sign, string, number, word] = this.next();
    if (string !== undefined) return JSON.parse(string) as unknown;
    if (number !== undefined) return numberOf(number);
    if (word !== undefined) return JSON.parse(word) as unknown;
    if (sign === '[') return this.list(depth);
    if (sign === '{') return this.object(depth);
    throw this.wrong();
  }

  private list(depth: number): unknown[] {
    const items: unknown[] = [];
    if (this.closes(']')) return items;
    for (;;) {
      items.push(this.value(depth + 1));
      const [, sign] = this.next();
      if (sign === ']') return items;
      if (sign !== ',') throw this.wrong();
    }
  }

  private object(depth: number): object {
    const members = Object.create(null) as Record<string, unknown>;
    if (this.closes('}')) return members;
    for (;;) {
      const [, , key] = this.next();
      if (key === undefined || this.next()[1] !== ':') throw this.wrong();
      members[JSON.parse(key) as string] = this.value(depth + 1);
      const [, sign] = this.next();
      if (sign === '}') return members;
      if (sign !== ',') throw this.wrong();
    }
  }

  private closes(sign: string): boolean {
    const start = this.at;
    if (this.next()[1] === sign) return true;
    this.at = start;
    return false;
  }

  private wrong(): StarlingError {
    return new StarlingError(
      'invalid_json',
      `JSON: unexpected text at character ${this.at}: ${JSON.stringify(this.text.slice(this.at, this.at + 20))}`,
      { details: { at: this.at } },
    );
  }
}

function numberOf(text: string): unknown {
  if (/[.eE]/.test(text)) return new PyFloat(Number(text));
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** A JSON value as Python's `json.dumps` writes it by default: a space behind each comma and colon, but every character as it is. */
export function jsonDumps(value: unknown): string {
  return jsonText(toValue(value), {
    itemSeparator: new Str(', '),
    keySeparator: new Str(': '),
    sortKeys: false,
    ensureAscii: false,
  }).text;
}
