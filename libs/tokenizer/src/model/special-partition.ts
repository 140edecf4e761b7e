import { CONTROL, STRIP_LEFT, STRIP_RIGHT, UNKNOWN, type Vocabulary } from '../vocabulary/vocabulary.js';

/** A stretch of text, or a special token that the text names. */
export interface Fragment {
  readonly start: number;
  readonly end: number;
  /** The token, or -1 for text. */
  readonly id: number;
}

/** Finds the special tokens that a text names. */
export interface Partition {
  /**
   * The fragments of `bytes[start, end)`, or `undefined` if it is all text.
   * @param withControl whether control tokens are looked for, or only tokens of users' own
   */
  split(bytes: Uint8Array, start: number, end: number, withControl: boolean): Fragment[] | undefined;
}

interface Match {
  readonly at: number;
  /** Place in the order of precedence: longer names first. */
  readonly rank: number;
}

/**
 * Finds the special tokens that a text names. Longer names go first, each from left to right; what one has taken is gone for the others.
 * One walk over the text collects all candidates, so the time does not grow with the number of special tokens.
 */
export class SpecialPartition implements Partition {
  private readonly names: Uint8Array[];
  /** Ranks of the names that start with a byte. */
  private readonly byFirstByte: (number[] | undefined)[] = [];
  private readonly hidden: boolean[];
  /** Which bytes open any name, and which one that is found in all text: `(256)`. */
  private readonly opens = new Uint8Array(256);
  private readonly ownOpens = new Uint8Array(256);
  /** How many are found in all text. */
  private readonly ownCount: number;

  /** @param ids special tokens, those with longer names first */
  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly ids: readonly number[],
  ) {
    this.names = ids.map((id) => vocabulary.texts.bytesAt(id));
    this.hidden = ids.map((id) => vocabulary.has(id, CONTROL | UNKNOWN));
    this.ownCount = this.hidden.filter((hidden) => !hidden).length;
    this.names.forEach((name, rank) => {
      (this.byFirstByte[name[0]] ??= []).push(rank);
      this.opens[name[0]] = 1;
      if (!this.hidden[rank]) this.ownOpens[name[0]] = 1;
    });
  }

  split(bytes: Uint8Array, start: number, end: number, withControl: boolean): Fragment[] | undefined {
    if (withControl ? this.names.length === 0 : this.ownCount === 0) return undefined;
    const matches = this.candidates(bytes, start, end, withControl);
    if (matches.length === 0) return undefined;
    matches.sort((a, b) => a.rank - b.rank || a.at - b.at);
    /** What is no longer text: 1 where a token stands, 2 for white space that one took along. */
    const taken = new Uint8Array(end - start);
    const found: Fragment[] = [];
    for (const { at, rank } of matches) {
      const last = at + this.names[rank].length;
      if (isFree(taken, at - start, last - start))
        found.push(this.take(bytes, start, end, taken, at, last, this.ids[rank]));
    }
    found.sort((a, b) => a.start - b.start);
    return withText(found, taken, start, end);
  }

  private candidates(bytes: Uint8Array, start: number, end: number, withControl: boolean): Match[] {
    const { byFirstByte, names, hidden } = this;
    const matches: Match[] = [];
    const opens = withControl ? this.opens : this.ownOpens;
    for (let at = start; at < end; at++) {
      if (opens[bytes[at]] === 0) continue;
      for (const rank of byFirstByte[bytes[at]] ?? []) {
        if ((withControl || !hidden[rank]) && startsWith(bytes, at, end, names[rank])) matches.push({ at, rank });
      }
    }
    return matches;
  }

  private take(
    bytes: Uint8Array,
    start: number,
    end: number,
    taken: Uint8Array,
    at: number,
    last: number,
    id: number,
  ): Fragment {
    taken.fill(1, at - start, last - start);
    if (this.vocabulary.has(id, STRIP_LEFT)) {
      for (let i = at - 1; i >= start && taken[i - start] === 0 && isSpace(bytes[i]); i--) taken[i - start] = 2;
    }
    if (this.vocabulary.has(id, STRIP_RIGHT)) {
      for (let i = last; i < end && taken[i - start] === 0 && isSpace(bytes[i]); i++) taken[i - start] = 2;
    }
    return { start: at, end: last, id };
  }
}

function withText(found: readonly Fragment[], taken: Uint8Array, start: number, end: number): Fragment[] {
  const fragments: Fragment[] = [];
  let at = start;
  const addText = (until: number): void => {
    let from = at;
    while (from < until && taken[from - start] !== 0) from++;
    let to = until;
    while (to > from && taken[to - 1 - start] !== 0) to--;
    if (to > from) fragments.push({ start: from, end: to, id: -1 });
  };
  for (const token of found) {
    addText(token.start);
    fragments.push(token);
    at = token.end;
  }
  addText(end);
  return fragments;
}

function isFree(taken: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (taken[i] !== 0) return false;
  }
  return true;
}

function startsWith(bytes: Uint8Array, at: number, end: number, name: Uint8Array): boolean {
  if (at + name.length > end) return false;
  for (let i = 0; i < name.length; i++) {
    if (bytes[at + i] !== name[i]) return false;
  }
  return true;
}

/** White space of the C locale. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
