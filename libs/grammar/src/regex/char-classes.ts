import {
  codeSet,
  codesOf,
  complementCodes,
  hasCode,
  MAX_CODE_POINT,
  SURROGATE_END,
  SURROGATE_START,
  unionCodes,
  type CodeSet,
} from '../automata/code-set.js';
import { WORD_CODES } from '../automata/determinize.js';

const DIGITS: CodeSet = codesOf('0123456789');
const SPACES: CodeSet = codeSet([
  9, 13, 0x20, 0x20, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f, 0x3000, 0x3000, 0xfeff, 0xfeff,
]);
const LINE_ENDS: CodeSet = codesOf('\n\r\u2028\u2029');

/** What `.` stands for without the `s` flag. */
export const NO_LINE_END: CodeSet = complementCodes(LINE_ENDS);

/** The escapes that name a set: `\d \D \w \W \s \S`. */
export const CLASS_ESCAPES: ReadonlyMap<string, CodeSet> = new Map([
  ['d', DIGITS],
  ['D', complementCodes(DIGITS)],
  ['w', WORD_CODES],
  ['W', complementCodes(WORD_CODES)],
  ['s', SPACES],
  ['S', complementCodes(SPACES)],
]);

const properties = new Map<string, CodeSet | undefined>();

/** The set of a Unicode property as in `\p{...}`, as the running JavaScript engine knows it; undefined for a name it does not know. */
export function unicodeProperty(expression: string): CodeSet | undefined {
  if (!properties.has(expression)) properties.set(expression, findProperty(expression));
  return properties.get(expression);
}

function findProperty(expression: string): CodeSet | undefined {
  if (!/^[A-Za-z_]+(=[A-Za-z0-9_]+)?$/.test(expression)) return undefined;
  let runs: RegExp;
  try {
    runs = new RegExp(`\\p{${expression}}+`, 'gu');
  } catch {
    return undefined;
  }
  const ranges: number[] = [];
  const step = 0x1000;
  for (let start = 0; start <= MAX_CODE_POINT; start += step) {
    if (start >= SURROGATE_START && start <= SURROGATE_END) continue;
    const codes = Array.from({ length: step }, (_, i) => start + i).filter((code) => code < SURROGATE_START || code > SURROGATE_END);
    for (const [run] of String.fromCodePoint(...codes).matchAll(runs)) {
      const first = run.codePointAt(0)!;
      ranges.push(first, first + Array.from(run).length - 1);
    }
  }
  return codeSet(ranges);
}

let caseGroups: Map<string, number[]> | undefined;

/** The set with, for each character, those that differ from it only by case. */
export function ignoreCase(set: CodeSet): CodeSet {
  if (!caseGroups) {
    caseGroups = new Map();
    for (let code = 0x41; code <= 0x1ffff; code++) {
      const key = foldCase(code);
      if (key === undefined) continue;
      const group = caseGroups.get(key);
      if (group) group.push(code);
      else caseGroups.set(key, [code]);
    }
    for (const [key, group] of caseGroups) if (group.length < 2) caseGroups.delete(key);
  }
  const extra: number[] = [];
  for (const group of caseGroups.values()) {
    if (group.some((code) => hasCode(set, code))) for (const code of group) extra.push(code, code);
  }
  return unionCodes(set, extra);
}

/** A key that letters share which differ only by case; undefined where case folding would change the length. */
function foldCase(code: number): string | undefined {
  if (code >= SURROGATE_START && code <= SURROGATE_END) return undefined;
  const lower = String.fromCodePoint(code).toUpperCase().toLowerCase();
  return Array.from(lower).length === 1 ? lower : undefined;
}
