/**
 * Sets of characters that the expressions of tokenizer files name, as members of a character class of JavaScript (flag `v`). Oniguruma's
 * sets were compared with these for each code point; they differ in what the engines' versions of Unicode know alone.
 */

/** White space. */
export const SPACES = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** Word characters as Rust's regular expressions mean them, which `Whitespace` and whole-word tokens go by. */
export const WORD_CHARACTERS = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d';

const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}';

/** As `WORD`: outside of brackets, the table for Latin-1 adds the superscripts and fractions. */
export const WORD_WITH_FRACTIONS = `${WORD}\\xb2\\xb3\\xb9\\xbc-\\xbe`;

const HEX_DIGITS = '0-9A-Fa-f';
const GRAPHIC = `[^${SPACES}\\p{Cc}\\p{Cn}\\p{Cs}]`;

/** What escapes of one letter stand for, in brackets and outside; with the letter in upper case, for all else. */
export const ESCAPED_SETS: ReadonlyMap<string, { readonly inside: string; readonly outside: string }> = new Map([
  ['s', { inside: SPACES, outside: SPACES }],
  ['d', { inside: '\\p{Nd}', outside: '\\p{Nd}' }],
  ['w', { inside: WORD, outside: WORD_WITH_FRACTIONS }],
  ['h', { inside: HEX_DIGITS, outside: HEX_DIGITS }],
]);

/** POSIX names, as in `[[:alpha:]]`. */
export const BRACKET_SETS: ReadonlyMap<string, string> = new Map([
  ['alnum', '\\p{Alphabetic}\\p{Nd}'],
  ['alpha', '\\p{Alphabetic}'],
  ['ascii', '\\0-\\x7f'],
  ['blank', '\\p{Zs}\\t'],
  ['cntrl', '\\p{Cc}'],
  ['digit', '\\p{Nd}'],
  ['graph', GRAPHIC],
  ['lower', '\\p{Lowercase}'],
  ['print', `${GRAPHIC}\\p{Zs}`],
  ['punct', '\\p{P}\\p{S}'],
  ['space', SPACES],
  ['upper', '\\p{Uppercase}'],
  ['word', WORD],
  ['xdigit', HEX_DIGITS],
]);

/** POSIX names as properties, as in `\p{Alpha}`, where they mean something else than in brackets. */
const PROPERTY_SETS: ReadonlyMap<string, string> = new Map([
  ['punct', '\\p{P}'],
  ['word', WORD_WITH_FRACTIONS],
]);

/** The set of a property by its name, which is not sensitive to case, spaces, `-` and `_`; undefined for one that is not known. */
export function propertySet(name: string): string | undefined {
  const plain = name.toLowerCase().replace(/[ _-]/g, '');
  const posix = PROPERTY_SETS.get(plain) ?? BRACKET_SETS.get(plain);
  if (posix !== undefined) return posix;
  const words = name
    .trim()
    .split(/[ _-]+/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase());
  for (const candidate of [name, words.join('_'), `Script=${name}`, `Script=${words.join('_')}`]) {
    if (isProperty(candidate)) return `\\p{${candidate}}`;
  }
  return undefined;
}

function isProperty(text: string): boolean {
  if (!/^[\w=]+$/.test(text)) return false;
  try {
    return new RegExp(`\\p{${text}}`, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

/** A character as a member of a class, or as an atom of its own. */
export function characterSet(cp: number): string {
  const character = String.fromCodePoint(cp);
  return /^[\w ]$/.test(character)
    ? character
    : cp < 0x80
      ? `\\x${cp.toString(16).padStart(2, '0')}`
      : `\\u{${cp.toString(16)}}`;
}

/** A character in each of its cases, one character each: what folds to several (U+00DF to "ss") stands for itself. */
export function caseVariants(cp: number): readonly number[] {
  if (cp < 0x80 && !/[A-Za-z]/.test(String.fromCodePoint(cp))) return [cp];
  lettersByFold ??= groupByFold();
  return lettersByFold.get(fold(cp)) ?? [cp];
}

let lettersByFold: Map<number, number[]> | undefined;

/** Letters have cases below this code point alone. */
const LAST_CASED = 0x1ffff;
/** Folded in Turkish alone. */
const DOTLESS_I = 0x131;

function groupByFold(): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (let cp = 0; cp <= LAST_CASED; cp++) {
    if (cp >= 0x3000 && cp < 0xa000) continue;
    const key = fold(cp);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [cp]);
    else group.push(cp);
  }
  for (const [key, group] of groups) if (group.length === 1) groups.delete(key);
  return groups;
}

/** The lower case of the upper case: the same for all cases of a letter. */
function fold(cp: number): number {
  if (cp === DOTLESS_I) return cp;
  return mapped(
    mapped(cp, (text) => text.toUpperCase()),
    (text) => text.toLowerCase(),
  );
}

function mapped(cp: number, change: (text: string) => string): number {
  const changed = Array.from(change(String.fromCodePoint(cp)));
  return changed.length === 1 ? (changed[0].codePointAt(0) ?? cp) : cp;
}
