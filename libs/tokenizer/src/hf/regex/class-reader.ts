import { BRACKET_SETS, caseVariants, characterSet } from './character-sets.js';
import type { PatternCursor } from './pattern-cursor.js';

/** Brackets in brackets, at most: deeper ones are taken for a broken file. */
const MAX_CLASS_DEPTH = 50;

/** Ranges of more characters than this stand for what they say in an expression that ignores case: they hold both cases already. */
const MAX_FOLDED_RANGE = 1 << 11;

/**
 * Reads a character class, `[...]`, with classes in it, intersections and POSIX names, and writes it as one of JavaScript (flag `v`).
 * The cursor stands behind the opening bracket.
 */
export function readClass(cursor: PatternCursor, ignoresCase: boolean, depth = 1): string {
  if (depth > MAX_CLASS_DEPTH) throw cursor.unsupported(`classes in more than ${MAX_CLASS_DEPTH} brackets`);
  const negated = cursor.take('^');
  const operands: string[] = [];
  let members = '';
  if (cursor.peek() === ']' && cursor.has(']', 1)) members += characterSet(cursor.character());
  for (;;) {
    if (cursor.isAtEnd) throw cursor.unsupported('a class without its closing bracket');
    if (cursor.take(']')) break;
    if (cursor.take('&&')) {
      operands.push(`[${members}]`);
      members = '';
    } else members += readMember(cursor, ignoresCase, depth);
  }
  if (members === '' && operands.length === 0) throw cursor.unsupported('a class without members');
  const body = operands.length === 0 ? members : [...operands, `[${members}]`].join('&&');
  return `[${negated ? '^' : ''}${body}]`;
}

function readMember(cursor: PatternCursor, ignoresCase: boolean, depth: number): string {
  if (cursor.peek() === '[') {
    const posix = cursor.match(/\[:(\^?)([a-z]+):\]/y);
    if (posix !== undefined) {
      const set = BRACKET_SETS.get(posix[2]);
      if (set === undefined) throw cursor.unsupported(`the class [:${posix[2]}:]`);
      return posix[1] === '' ? set : `[^${set}]`;
    }
    cursor.take('[');
    return readClass(cursor, ignoresCase, depth + 1);
  }
  const first = cursor.classMember();
  if (typeof first === 'string') return first;
  if (cursor.peek() !== '-' || cursor.peek(1) === ']') return writeRange(first, first, ignoresCase);
  cursor.take('-');
  if (cursor.peek() === '[') return writeRange(first, first, ignoresCase) + characterSet(0x2d);
  const last = cursor.classMember();
  if (typeof last === 'string') return writeRange(first, first, ignoresCase) + characterSet(0x2d) + last;
  if (last < first) throw cursor.unsupported('a range whose end lies before its start');
  return writeRange(first, last, ignoresCase);
}

function writeRange(first: number, last: number, ignoresCase: boolean): string {
  const range = first === last ? characterSet(first) : `${characterSet(first)}-${characterSet(last)}`;
  if (!ignoresCase || last - first > MAX_FOLDED_RANGE) return range;
  let others = '';
  for (let cp = first; cp <= last; cp++)
    for (const variant of caseVariants(cp)) if (variant < first || variant > last) others += characterSet(variant);
  return range + others;
}
