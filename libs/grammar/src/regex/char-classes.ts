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
  9, 13, 0x20, 0x20, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f, 0x3000,
  0x3000, 0xfeff, 0xfeff,
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
    const codes = Array.from({ length: step }, (_, i) => start + i).filter(
      (code) => code < SURROGATE_START || code > SURROGATE_END,
    );
    for (const [run] of String.fromCodePoint(...codes).matchAll(runs)) {
      const first = run.codePointAt(0)!;
      ranges.push(first, first + Array.from(run).length - 1);
    }
  }
  return codeSet(ranges);
}

/** By each character that differs from others only by case: it and those. */
let caseGroups: Map<number, readonly number[]> | undefined;

/** The set with, for each character, those that differ from it only by case. */
export function ignoreCase(set: CodeSet): CodeSet {
  caseGroups ??= findCaseGroups();
  const extra: number[] = [];
  const add = (group: readonly number[] | undefined): void => {
    for (const code of group ?? []) extra.push(code, code);
  };
  // A few characters, as in most places of an expression, or so many that it is shorter to ask for each letter.
  if (countCodes(set) < caseGroups.size) {
    for (let i = 0; i < set.length; i += 2)
      for (let code = set[i]; code <= set[i + 1]; code++) add(caseGroups.get(code));
  } else for (const [code, group] of caseGroups) if (hasCode(set, code)) add(group);
  return extra.length === 0 ? set : unionCodes([set, extra]);
}

function countCodes(set: CodeSet): number {
  let count = 0;
  for (let i = 0; i < set.length; i += 2) count += set[i + 1] - set[i] + 1;
  return count;
}

function findCaseGroups(): Map<number, readonly number[]> {
  const byKey = new Map<string, number[]>();
  for (let code = 0x41; code <= 0x1ffff; code++) {
    const key = foldCase(code);
    if (key === undefined) continue;
    const group = byKey.get(key);
    if (group) group.push(code);
    else byKey.set(key, [code]);
  }
  return new Map(
    Array.from(byKey.values()).flatMap((group) =>
      group.length < 2 ? [] : group.map((code): [number, readonly number[]] => [code, group]),
    ),
  );
}

/** A key that letters share which differ only by case; undefined where case folding would change the length. */
function foldCase(code: number): string | undefined {
  if (code >= SURROGATE_START && code <= SURROGATE_END) return undefined;
  const lower = String.fromCodePoint(code).toUpperCase().toLowerCase();
  return Array.from(lower).length === 1 ? lower : undefined;
}
