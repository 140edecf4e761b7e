import { messageOf, StarlingError } from '@starling/core';
import { LONG_STRING, type BodyStructure } from './body-structure.js';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;

/** Bytes that are parsed at once: about a millisecond, whatever they say. */
const PIECE = 1 << 15;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The value of a JSON text, as `JSON.parse` has it, with stops on the way: neighbours that are short are parsed together, and what is long is
 * gone through, a long string among it.
 * @param bytes UTF-8
 * @param structure of the same bytes
 * @param piece bytes that are parsed at once
 * @throws StarlingError invalid_json
 */
export function* valueSteps(bytes: Uint8Array, structure: BodyStructure, piece = PIECE): Generator<undefined, unknown> {
  const reader = new PieceReader(bytes, structure, piece);
  // A mark of the byte order is no part of the text.
  const begin = reader.past(bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0);
  const [value, end] = yield* reader.value(begin, 0);
  if (reader.past(end) < bytes.length) throw reader.fault(end);
  return value;
}

/** Values by where they begin; `next` is the first array or object from there on. */
class PieceReader {
  readonly #bytes: Uint8Array;
  readonly #structure: BodyStructure;
  readonly #piece: number;

  constructor(bytes: Uint8Array, structure: BodyStructure, piece: number) {
    this.#bytes = bytes;
    this.#structure = structure;
    this.#piece = piece;
  }

  /** A value that begins at a byte, and the byte behind it. */
  *value(at: number, next: number): Generator<undefined, [value: unknown, end: number]> {
    const first = this.#bytes[at];
    if (first === OPEN_ARRAY || first === OPEN_OBJECT) {
      const end = this.#structure.ends[next];
      if (end === 0) throw this.fault(at);
      if (end - at <= this.#piece) return [this.#parsed(at, end), end];
      return [yield* this.#members(at, end, next), end];
    }
    if (first === QUOTE) {
      const end = this.#stringEnd(at);
      return [end - at > this.#piece ? yield* this.#longString(at, end) : this.#parsed(at, end), end];
    }
    // Nothing else is long.
    return [this.#parsed(at, this.#bytes.length), this.#bytes.length];
  }

  /** What an array or object holds. */
  *#members(begin: number, end: number, own: number): Generator<undefined, unknown> {
    const bytes = this.#bytes;
    const isArray = bytes[begin] === OPEN_ARRAY;
    const made = isArray ? new ArrayMembers(this.#structure.commas[own] + 1) : new ObjectMembers();
    const close = end - 1;
    if (bytes[close] !== bytes[begin] + 2) throw this.fault(close);
    let next = own + 1;
    /** Where members begin that are not taken yet, and the one that is being looked at. */
    let from = begin + 1;
    let member = from;
    let wasLong = false;
    for (let at = from; ; ) {
      const code = bytes[at];
      if (at >= close || code === COMMA) {
        const isLast = at >= close;
        if (wasLong) from = at + 1;
        else if (isLast || at - from >= this.#piece) {
          // An array or object may be empty, one of its members may not.
          if (!isLast || from > begin + 1 || this.past(from) < close)
            made.add(this.#parsed(from, at, isArray ? '[]' : '{}'), this, from);
          from = at + 1;
          yield;
        }
        if (isLast) return made.all;
        wasLong = false;
        member = ++at;
        continue;
      }
      const isContainer = code === OPEN_ARRAY || code === OPEN_OBJECT;
      if (!isContainer && code !== QUOTE) {
        if (wasLong && !isSpace(code)) throw this.fault(at);
        at++;
        continue;
      }
      if (wasLong) throw this.fault(at);
      const stop = isContainer ? this.#structure.ends[next] : this.#stringEnd(at);
      if (isContainer && (stop === 0 || stop > close)) throw this.fault(at);
      if (stop - at <= this.#piece) {
        if (isContainer) next = this.#structure.following[next];
        at = stop;
        continue;
      }
      // Those before it are taken, and it alone.
      if (member > from) made.add(this.#parsed(from, member - 1, isArray ? '[]' : '{}'), this, from);
      const name = isArray ? this.#noName(member, at) : this.#name(member, at);
      const [value] = yield* this.value(at, next);
      made.set(name, value);
      if (isContainer) next = this.#structure.following[next];
      wasLong = true;
      at = stop;
      from = member = at;
    }
  }

  /** What stands before an item: nothing. */
  #noName(from: number, to: number): string {
    if (this.past(from) < to) throw this.fault(from);
    return '';
  }

  /** The name before a value. @throws StarlingError invalid_request for a long one: nothing has such a name */
  #name(from: number, to: number): string {
    const begin = this.past(from);
    if (begin === to)
      throw new StarlingError('invalid_request', `the body has a name of more than ${this.#piece} bytes at byte ${to}`);
    const end = this.#bytes[begin] === QUOTE ? this.#stringEnd(begin) : to;
    const colon = this.past(end);
    if (end >= to || this.#bytes[colon] !== COLON || this.past(colon + 1) < to) throw this.fault(from);
    return this.#parsed(begin, end) as string;
  }

  /** A string in pieces that end neither inside of a character nor of an escape. */
  *#longString(begin: number, end: number): Generator<undefined, string> {
    let text = '';
    for (let from = begin + 1; from < end - 1; ) {
      const to = this.#cut(from, Math.min(from + this.#piece, end - 1), end - 1);
      text += this.#parsed(from, to, '""') as string;
      from = to;
      yield;
    }
    return text;
  }

  #cut(from: number, to: number, end: number): number {
    if (to >= end) return end;
    while ((this.#bytes[to] & 0xc0) === 0x80) to++;
    for (let at = Math.max(from, to - 6); at < to; at++) {
      if (this.#bytes[at] !== BACKSLASH || !this.#beginsEscape(from, at)) continue;
      const escape = at + (this.#bytes[at + 1] === LETTER_U ? 6 : 2);
      if (escape > to) return Math.min(escape, end);
      at = escape - 1;
    }
    return to;
  }

  /** Whether a backslash is not itself behind one that escapes it. */
  #beginsEscape(from: number, at: number): boolean {
    let before = at;
    while (before > from && this.#bytes[before - 1] === BACKSLASH) before--;
    return (at - before) % 2 === 0;
  }

  /** Past the quote that ends a string. */
  #stringEnd(begin: number): number {
    const known = this.#structure.longStrings.get(begin);
    if (known !== undefined) return known;
    const most = Math.min(this.#bytes.length, begin + 1 + LONG_STRING);
    for (let at = begin + 1; at < most; at++) {
      if (this.#bytes[at] === BACKSLASH) at++;
      else if (this.#bytes[at] === QUOTE) return at + 1;
    }
    throw this.fault(begin);
  }

  /** The first byte that is no white space. */
  past(at: number): number {
    while (at < this.#bytes.length && isSpace(this.#bytes[at])) at++;
    return at;
  }

  /** @param around what stands before and behind the bytes */
  #parsed(from: number, to: number, around = ''): unknown {
    let text: string;
    try {
      text = decoder.decode(this.#bytes.subarray(from, to));
    } catch {
      throw new StarlingError('invalid_json', 'the body is not UTF-8');
    }
    try {
      return JSON.parse(around === '' ? text : around[0] + text + around[1]);
    } catch (error) {
      throw new StarlingError('invalid_json', `the body is not JSON, behind byte ${from}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  fault(at: number): StarlingError {
    return new StarlingError('invalid_json', `the body is not JSON at byte ${at}`);
  }
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

class ArrayMembers {
  readonly #items: unknown[];
  #count = 0;

  /** @param length items, unless it is empty: a long array is never moved to a larger place */
  constructor(length: number) {
    this.#items = new Array<unknown>(length);
  }

  add(items: unknown, reader: PieceReader, at: number): void {
    // Without any between two commas there is none.
    if ((items as unknown[]).length === 0) throw reader.fault(at);
    for (const item of items as unknown[]) this.#items[this.#count++] = item;
  }

  set(_name: string, value: unknown): void {
    this.#items[this.#count++] = value;
  }

  get all(): unknown[] {
    this.#items.length = this.#count;
    return this.#items;
  }
}

class ObjectMembers {
  readonly all: Record<string, unknown> = {};

  add(members: unknown, reader: PieceReader, at: number): void {
    const names = Object.keys(members as object);
    if (names.length === 0) throw reader.fault(at);
    for (const name of names) this.set(name, (members as Record<string, unknown>)[name]);
  }

  set(name: string, value: unknown): void {
    // Set as usual, this one would change what the object is.
    if (name === '__proto__')
      Object.defineProperty(this.all, name, { value, enumerable: true, configurable: true, writable: true });
    else this.all[name] = value;
  }
}
