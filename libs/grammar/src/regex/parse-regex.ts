import { ALL_CODES, codeSet, codesOf, complementCodes, unionCodes, type CodeSet } from '../automata/code-set.js';
import { grammarError, LIMITS, limitError } from '../limits.js';
import { CLASS_ESCAPES, ignoreCase, NO_LINE_END, unicodeProperty } from './char-classes.js';
import type { RegexNode } from './regex-node.js';

/** Flags that change what an expression means: `s` (dot matches line ends), `i` (case), `u` and `v` (no effect: code points are always whole). */
export interface RegexFlags {
  readonly dotAll: boolean;
  readonly ignoreCase: boolean;
}

const CONTROL_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
  ['0', 0],
]);

/**
 * Parses ECMAScript regular expression syntax (Unicode mode; literal braces are let through). What is not regular, or would need
 * the text before a position, is refused by name.
 * @throws StarlingError invalid_grammar, with the position in `details.position`
 */
export function parseRegex(pattern: string, flags: RegexFlags = { dotAll: false, ignoreCase: false }): RegexNode {
  if (pattern.length > LIMITS.textLength) throw limitError('textLength', 'characters');
  return new RegexParser(pattern, flags).parse();
}

class RegexParser {
  readonly #text: string;
  readonly #flags: RegexFlags;
  #at = 0;
  #depth = 0;

  constructor(text: string, flags: RegexFlags) {
    this.#text = text;
    this.#flags = flags;
  }

  parse(): RegexNode {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw this.#error("found ')' without '('");
    return node;
  }

  #choice(): RegexNode {
    if (++this.#depth > LIMITS.nesting) throw limitError('nesting', 'nested groups');
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    this.#depth--;
    return options.length === 1 ? options[0] : { kind: 'choice', options };
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = [];
    while (this.#at < this.#text.length && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')')
      parts.push(this.#term());
    return parts.length === 1 ? parts[0] : { kind: 'sequence', parts };
  }

  #term(): RegexNode {
    const atom = this.#atom();
    const start = this.#at;
    const range = this.#quantifier();
    if (!range) return atom;
    this.#take('?');
    if (atom.kind === 'assertion' || atom.kind === 'lookahead')
      throw this.#error('an assertion cannot be repeated', start);
    if (range.max !== undefined && range.max < range.min)
      throw this.#error(`{${range.min},${range.max}} repeats fewer times than its minimum`, start);
    return { kind: 'repeat', of: atom, ...range };
  }

  #quantifier(): { min: number; max?: number } | undefined {
    if (this.#take('*')) return { min: 0 };
    if (this.#take('+')) return { min: 1 };
    if (this.#take('?')) return { min: 0, max: 1 };
    const braces = this.#match(/\{(\d+)(,(\d*))?\}/y);
    if (!braces) return undefined;
    const min = Number(braces[1]);
    const max = braces[2] === undefined ? min : braces[3] === '' ? undefined : Number(braces[3]);
    if (min > LIMITS.nfaStates || (max ?? 0) > LIMITS.nfaStates)
      throw limitError('nfaStates', 'steps', { position: this.#at });
    return max === undefined ? { min } : { min, max };
  }

  #atom(): RegexNode {
    const start = this.#at;
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    this.#at += char.length;
    switch (char) {
      case '^':
        return { kind: 'assertion', assertion: 'start' };
      case '$':
        return { kind: 'assertion', assertion: 'end' };
      case '.':
        return { kind: 'set', set: this.#flags.dotAll ? ALL_CODES : NO_LINE_END };
      case '(':
        return this.#group(start);
      case '[':
        return this.#setNode(this.#class(start));
      case '\\':
        if (this.#take('b')) return { kind: 'assertion', assertion: 'word' };
        if (this.#take('B')) return { kind: 'assertion', assertion: 'notWord' };
        return this.#setNode(this.#escape(start));
      case '*':
      case '+':
      case '?':
        throw this.#error(`'${char}' has nothing to repeat`, start);
      default:
        return this.#setNode(codesOf(char));
    }
  }

  #group(start: number): RegexNode {
    let lookahead: { negative: boolean } | undefined;
    if (this.#take('?=')) lookahead = { negative: false };
    else if (this.#take('?!')) lookahead = { negative: true };
    else if (this.#match(/\?<[=!]/y)) throw this.#error('lookbehind (?<= or (?<! cannot be enforced', start);
    else if (!this.#match(/\?(:|<[A-Za-z_$][\w$]*>)/y) && this.#text[this.#at] === '?')
      throw this.#error('this kind of group cannot be enforced', start);
    const of = this.#choice();
    if (!this.#take(')')) throw this.#error("'(' is never closed", start);
    return lookahead ? { kind: 'lookahead', of, ...lookahead } : of;
  }

  /** A character class, after its `[`. */
  #class(start: number): CodeSet {
    const negative = this.#take('^');
    const sets: CodeSet[] = [];
    while (!this.#take(']')) {
      if (this.#at >= this.#text.length) throw this.#error("'[' is never closed", start);
      const low = this.#classAtom();
      if (this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length) {
        const dash = this.#at++;
        const high = this.#classAtom();
        const [first, last] = [singleCode(low), singleCode(high)];
        if (first === undefined || last === undefined) sets.push(low, codesOf('-'), high);
        else if (first > last) throw this.#error('a range of characters runs backwards', dash);
        else sets.push(codeSet([first, last]));
      } else sets.push(low);
    }
    const set = this.#fold(unionCodes(sets));
    return negative ? complementCodes(set) : set;
  }

  #classAtom(): CodeSet {
    const start = this.#at;
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    this.#at += char.length;
    if (char !== '\\') return codesOf(char);
    return this.#take('b') ? codeSet([8, 8]) : this.#escape(start);
  }

  /** An escape that stands for one character or a set, after its backslash. */
  #escape(start: number): CodeSet {
    const char = this.#text[this.#at] as string | undefined;
    if (char === undefined) throw this.#error('a backslash ends the expression', start);
    const set = CLASS_ESCAPES.get(char);
    const property = this.#match(/([pP])\{([^}]*)\}/y);
    if (property) {
      const found = unicodeProperty(property[2]);
      if (!found) throw this.#error(`\\p{${property[2]}} is not a known Unicode property`, start);
      return property[1] === 'P' ? complementCodes(found) : found;
    }
    if (/[1-9k]/.test(char)) throw this.#error('backreferences are not regular and cannot be enforced', start);
    const hex = this.#match(
      /x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]+)\}|u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|u([0-9a-fA-F]{4})/iy,
    );
    if (hex) return this.#codeEscape(hex, start);
    const letter = this.#match(/c([A-Za-z])/y);
    if (letter) return codesOf(String.fromCharCode(letter[1].charCodeAt(0) % 32));
    this.#at++;
    if (set) return set;
    const control = CONTROL_ESCAPES.get(char);
    if (control !== undefined) return codeSet([control, control]);
    if (/[A-Za-z0-9]/.test(char)) throw this.#error(`\\${char} is not a known escape`, start);
    const code = this.#text.codePointAt(this.#at - 1)!;
    this.#at += code > 0xffff ? 1 : 0;
    return codeSet([code, code]);
  }

  #codeEscape(match: RegExpExecArray, start: number): CodeSet {
    const code = match[3]
      ? Number(`0x10000`) + ((parseInt(match[3], 16) & 0x3ff) << 10) + (parseInt(match[4], 16) & 0x3ff)
      : parseInt(match[1] ?? match[2] ?? match[5], 16);
    if (code > 0x10ffff) throw this.#error('a code point above 10FFFF', start);
    return codeSet([code, code]);
  }

  #setNode(set: CodeSet): RegexNode {
    return { kind: 'set', set: this.#fold(set) };
  }

  #fold(set: CodeSet): CodeSet {
    return this.#flags.ignoreCase ? ignoreCase(set) : set;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text);
    if (found) this.#at = sticky.lastIndex;
    return found;
  }

  #error(problem: string, position = this.#at): Error {
    return grammarError(`regular expression /${this.#text.slice(0, 80)}/ at ${position}: ${problem}`, {
      position,
      pattern: this.#text.slice(0, 200),
    });
  }
}

function singleCode(set: CodeSet): number | undefined {
  return set.length === 2 && set[0] === set[1] ? set[0] : undefined;
}
