import { assert } from '@starling/core';
import { CODEBOOK_TABLES, type CodebookTable } from './codebooks.table.js';

/** A codebook of the IQ1, IQ2 and IQ3 formats: `iq1s` serves IQ1_S and IQ1_M. */
export type CodebookName = keyof typeof CODEBOOK_TABLES;

const made = new Map<CodebookName, Int8Array>();

/**
 * The values of a codebook, `(codewords, width)`: eight values a codeword for IQ1 and IQ2, four for IQ3.
 * Magnitudes for IQ2 and IQ3, -1 to 1 for IQ1. Made at first use, then shared: not to be changed.
 */
export function codebook(name: CodebookName): Int8Array {
  const known = made.get(name);
  if (known !== undefined) return known;
  const values = unpack(CODEBOOK_TABLES[name]);
  made.set(name, values);
  return values;
}

function unpack({ digits, width, count, members }: CodebookTable): Int8Array {
  const bitmap = Uint8Array.from(atob(members), (character) => character.charCodeAt(0));
  const values = new Int8Array(count * width);
  let used = 0;
  for (let code = 0; code < digits.length ** width; code++) {
    if (((bitmap[code >> 3] >> (code & 7)) & 1) === 0) continue;
    for (let rest = code, i = 0; i < width; i++, rest = Math.floor(rest / digits.length))
      values[used++] = digits[rest % digits.length];
  }
  assert(used === values.length, 'a codebook has as many codewords as its table says');
  return values;
}

/** The eight sign bits that seven stored bits stand for: the eighth makes the number of minus signs even. */
export function evenSigns(seven: number): number {
  let parity = seven ^ (seven >> 4);
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return seven | ((parity & 1) << 7);
}
