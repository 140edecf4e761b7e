/**
 * Sets of Unicode scalar values (code points without surrogates), as sorted disjoint inclusive ranges
 * `[lo0, hi0, lo1, hi1, ...]` that do not touch. Sets are never changed.
 */
export type CodeSet = readonly number[];

export const MAX_CODE_POINT = 0x10ffff;
export const SURROGATE_START = 0xd800;
export const SURROGATE_END = 0xdfff;

/** All Unicode scalar values. */
export const ALL_CODES: CodeSet = [0, SURROGATE_START - 1, SURROGATE_END + 1, MAX_CODE_POINT];
const NO_CODES: CodeSet = [];

/** Any list of inclusive ranges, in any order and overlapping, as a set; surrogates fall out. */
export function codeSet(ranges: readonly number[]): CodeSet {
  const pairs: [number, number][] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const [lo, hi] = [ranges[i], ranges[i + 1]];
    if (lo < SURROGATE_START) pairs.push([lo, Math.min(hi, SURROGATE_START - 1)]);
    if (hi > SURROGATE_END) pairs.push([Math.max(lo, SURROGATE_END + 1), hi]);
  }
  pairs.sort((a, b) => a[0] - b[0]);
  const set: number[] = [];
  for (const [lo, hi] of pairs) {
    const last = set.length - 1;
    if (last > 0 && lo <= set[last] + 1) set[last] = Math.max(set[last], hi);
    else set.push(lo, hi);
  }
  return set;
}

/** The set of one code point; half of a surrogate pair is none. */
export function codeOf(code: number): CodeSet {
  return code >= SURROGATE_START && code <= SURROGATE_END ? NO_CODES : [code, code];
}

/** The set of the characters of a text. */
export function codesOf(text: string): CodeSet {
  return codeSet(Array.from(text).flatMap((char) => [char.codePointAt(0)!, char.codePointAt(0)!]));
}

export function unionCodes(sets: readonly CodeSet[]): CodeSet {
  return codeSet(sets.flat());
}

/** All scalar values that are not in the set. */
export function complementCodes(set: CodeSet): CodeSet {
  const rest: number[] = [];
  let next = 0;
  for (let i = 0; i < set.length; i += 2) {
    if (set[i] > next) rest.push(next, set[i] - 1);
    next = set[i + 1] + 1;
  }
  if (next <= MAX_CODE_POINT) rest.push(next, MAX_CODE_POINT);
  return codeSet(rest);
}

/** Whether the set holds a code point. */
export function hasCode(set: CodeSet, code: number): boolean {
  let low = 0;
  let high = set.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (code < set[2 * middle]) high = middle - 1;
    else if (code > set[2 * middle + 1]) low = middle + 1;
    else return true;
  }
  return false;
}
