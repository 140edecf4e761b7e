/** White space as the regular expressions of vocabularies mean it. */
export const SPACES = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** Word characters as Rust's regular expressions mean them, which `Whitespace` and whole-word tokens go by. */
export const WORD_CHARACTERS = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d';

/** Word characters as Oniguruma means them: its table for Latin-1 has the superscripts and fractions too. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xb2\\xb3\\xb9\\xbc-\\xbe';

const SYNTAX_CHARACTERS = '^$\\.*+?()[]{}|/-';

/** What an escape is written as in JavaScript: outside of a class, and inside of one. */
const ESCAPES: Readonly<Record<string, readonly [outside: string, inside: string]>> = {
  s: [`[${SPACES}]`, SPACES],
  S: [`[^${SPACES}]`, '\\S'],
  d: ['\\p{Nd}', '\\p{Nd}'],
  D: ['\\P{Nd}', '\\P{Nd}'],
  w: [`[${WORD}]`, WORD],
  W: [`[^${WORD}]`, '\\W'],
  h: ['[0-9A-Fa-f]', '0-9A-Fa-f'],
  A: ['^', 'A'],
  z: ['$', 'z'],
  Z: ['$', 'Z'],
};

/** Properties that JavaScript wants the name of the script for. */
const SCRIPTS = /^(Han|Hiragana|Katakana|Hangul|Latin|Cyrillic|Greek|Arabic|Hebrew|Thai|Devanagari|Bengali|Tamil|Khmer|Lao|Myanmar)$/;

/**
 * A regular expression of a tokenizer file (Oniguruma's or Rust's dialect) as one of JavaScript: global, by code points. Groups that
 * ignore case are written out, possessive quantifiers become greedy ones.
 */
export function toJsRegex(source: string): RegExp {
  let result = '';
  let inClass = 0;
  let ignoresCase = false;
  const groups: boolean[] = [];
  const letter = (c: string): string => {
    const other = c.toLowerCase() === c ? c.toUpperCase() : c.toLowerCase();
    if (!ignoresCase || other === c || other.length !== c.length) return c;
    return inClass > 0 ? c + other : `[${c}${other}]`;
  };
  for (let i = 0; i < source.length; i++) {
    const c = source[i];
    if (c === '\\') {
      const property = /^\\([pP])\{(\^?)(\w+)\}/.exec(source.slice(i));
      if (property) {
        const name = SCRIPTS.test(property[3]) ? `Script=${property[3]}` : property[3];
        result += `\\${property[2] === '^' ? 'P' : property[1]}{${name}}`;
        i += property[0].length - 1;
        continue;
      }
      const next = source[++i] ?? '';
      const escape = ESCAPES[next];
      if (escape) result += escape[inClass > 0 ? 1 : 0];
      else if (/[a-zA-Z0-9]/.test(next)) result += `\\${next}`;
      else result += SYNTAX_CHARACTERS.includes(next) && (next !== '-' || inClass > 0) ? `\\${next}` : next;
    } else if (inClass > 0) {
      if (c === '[') inClass++;
      if (c === ']') inClass--;
      result += letter(c);
    } else if (c === '[') {
      inClass = 1;
      result += c;
      if (source[i + 1] === '^') result += source[++i];
    } else if (c === '(') {
      groups.push(ignoresCase);
      const flags = /^\(\?i(:|\))/.exec(source.slice(i));
      if (flags) {
        ignoresCase = true;
        if (flags[1] === ')') groups.pop();
        else result += '(?:';
        i += flags[0].length - 1;
      } else result += c;
    } else if (c === ')') {
      ignoresCase = groups.pop() ?? false;
      result += c;
    } else if (c === '+' && /[?*+]/.test(source[i - 1] ?? '') && source[i - 2] !== '\\') {
      continue;
    } else result += letter(c);
  }
  return new RegExp(result, result.includes('&&') ? 'gv' : 'gu');
}

/** A text that matches itself alone, as a regular expression. */
export function literalRegex(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu');
}
