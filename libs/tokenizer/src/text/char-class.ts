import { CATEGORY_RUNS, WHITE_SPACE_RANGES } from './char-class.table.js';

/** One bit for each class a pre-tokenizer asks for; a code point has one category bit, or none when unassigned, and perhaps WHITE_SPACE. */
export const NUMBER = 1;
export const LETTER = 2;
export const MARK = 4;
export const PUNCTUATION = 8;
export const SYMBOL = 16;
export const CONTROL = 32;
const SEPARATOR = 64;
export const WHITE_SPACE = 128;

const BITS: Readonly<Record<string, number>> = {
  N: NUMBER,
  L: LETTER,
  M: MARK,
  P: PUNCTUATION,
  S: SYMBOL,
  C: CONTROL,
  Z: SEPARATOR,
  U: 0,
};

let table: Uint8Array | undefined;

/** The class bits of every code point: `(0x110000)` bytes, built on first use (about 1 ms) and shared. */
export function charClasses(): Uint8Array {
  table ??= buildTable();
  return table;
}

function buildTable(): Uint8Array {
  const classes = new Uint8Array(0x110000);
  let at = 0;
  for (const run of CATEGORY_RUNS.matchAll(/([A-Z])([0-9a-z]*)/g)) {
    const length = run[2] === '' ? 1 : parseInt(run[2], 36);
    classes.fill(BITS[run[1]], at, at + length);
    at += length;
  }
  for (const [first, last] of WHITE_SPACE_RANGES) {
    for (let cp = first; cp <= last; cp++) classes[cp] |= WHITE_SPACE;
  }
  return classes;
}
