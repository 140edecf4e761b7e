import { ALL_CODES, codeSet, complementCodes } from '../automata/code-set.js';
import { grammarError, LIMITS, limitError } from '../limits.js';
import type { GbnfNode, GbnfRules } from './gbnf-node.js';

const NAME = /[A-Za-z0-9_-]+/y;
const SPACES = /[ \t]*(?:#[^\r\n]*)?/y;
const LINE_ENDS = /[\r\n]+/y;
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([nrt\\"[\]-]))/y;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * Parses GBNF, the grammar notation of llama.cpp: rules `name ::= ...` of quoted texts, character classes, `.`, rule names, groups,
 * `|`, the repetitions `* + ? {m} {m,} {m,n}`, comments from `#`, and tokens `<[id]>`, `<text>`, `!<...>`.
 * Stops on the way.
 * @throws StarlingError invalid_grammar, with the line and column in `details`
 */
export function* parseSteps(text: string): Generator<undefined, GbnfRules> {
  if (text.length > LIMITS.textLength) throw limitError('textLength', 'characters');
  return yield* new GbnfParser(text).parse();
}

/** Items that are read between two stops. */
const PIECE_ITEMS = 256;

type Repeat = Extract<GbnfNode, { kind: 'repeat' }>;

class GbnfParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #stacked = 0;
  #items = 0;

  constructor(text: string) {
    this.#text = text;
  }

  *parse(): Generator<undefined, GbnfRules> {
    const rules = new Map<string, GbnfNode>();
    const mentioned = new Map<string, number>();
    // A mark of the byte order is an editor's, not the grammar's.
    this.#take('\ufeff');
    this.#skip(true);
    while (this.#at < this.#text.length) {
      const name = this.#need(NAME, 'a rule name');
      this.#skip(false);
      if (!this.#take('::=')) throw this.#error(`expected ::= after the rule name ${name}`);
      this.#skip(true);
      rules.set(name, yield* this.#choice(false, mentioned));
      if (this.#at < this.#text.length && !/[\r\n]/.test(this.#text[this.#at]))
        throw this.#error('expected the end of the line, an item of the rule, or |');
      this.#skip(true);
    }
    if (!rules.has('root')) throw grammarError('the grammar has no rule named root: it says what the whole output is');
    for (const [name, position] of mentioned)
      if (!rules.has(name)) throw this.#error(`the rule ${name} is not defined`, position);
    return rules;
  }

  *#choice(nested: boolean, mentioned: Map<string, number>): Generator<undefined, GbnfNode> {
    if (++this.#depth > LIMITS.nesting) throw limitError('nesting', 'nested groups');
    const options = [yield* this.#sequence(nested, mentioned)];
    while (this.#takeBar()) {
      this.#skip(true);
      options.push(yield* this.#sequence(nested, mentioned));
    }
    this.#depth--;
    return options.length === 1 ? options[0] : { kind: 'choice', options };
  }

  /** An alternative may begin on a line of its own. */
  #takeBar(): boolean {
    const start = this.#at;
    this.#skip(true);
    if (this.#take('|')) return true;
    this.#at = start;
    return false;
  }

  *#sequence(nested: boolean, mentioned: Map<string, number>): Generator<undefined, GbnfNode> {
    const parts: GbnfNode[] = [];
    for (;;) {
      if (++this.#items % PIECE_ITEMS === 0) yield;
      const item = this.#text[this.#at] === '(' ? yield* this.#group(mentioned) : this.#item(mentioned);
      if (!item) break;
      this.#skip(nested);
      parts.push(this.#repeated(item, nested));
    }
    if ('*+?{'.includes(this.#text[this.#at] ?? ' '))
      throw this.#error(`'${this.#text[this.#at]}' has nothing to repeat`);
    return parts.length === 1 ? parts[0] : { kind: 'sequence', parts };
  }

  *#group(mentioned: Map<string, number>): Generator<undefined, GbnfNode> {
    this.#at++;
    this.#skip(true);
    const group = yield* this.#choice(true, mentioned);
    if (!this.#take(')')) throw this.#error("expected ')'");
    return group;
  }

  #item(mentioned: Map<string, number>): GbnfNode | undefined {
    const start = this.#at;
    switch (this.#text[start]) {
      case '"':
        return this.#quoted();
      case '[':
        return this.#class();
      case '.':
        this.#at++;
        return { kind: 'set', set: ALL_CODES };
      case '<':
      case '!':
        return this.#token();
      default: {
        const name = this.#match(NAME);
        if (name === undefined) return undefined;
        if (!mentioned.has(name)) mentioned.set(name, start);
        return { kind: 'rule', name };
      }
    }
  }

  #repeated(item: GbnfNode, nested: boolean): GbnfNode {
    let node = item;
    for (;;) {
      const start = this.#at;
      let range: { min: number; max?: number };
      if (this.#take('*')) range = { min: 0 };
      else if (this.#take('+')) range = { min: 1 };
      else if (this.#take('?')) range = { min: 0, max: 1 };
      else if (this.#take('{')) range = this.#braces();
      else return node;
      if (range.max !== undefined && range.max < range.min)
        throw this.#error(`{${range.min},${range.max}} repeats fewer times than its minimum`, start);
      this.#skip(nested);
      if (node.kind === 'repeat' && node !== item) node = this.#repeatedAgain(node, range);
      else node = { kind: 'repeat', of: node, ...range };
    }
  }

  /** A repetition of a repetition. Those without numbers come down to one of them (`x+?` is `x*`); others are a level of the tree each. */
  #repeatedAgain(inner: Repeat, range: { min: number; max?: number }): Repeat {
    const areSimple = [inner, range].every(
      ({ min, max }) => min <= 1 && (max === undefined || (max === 1 && min === 0)),
    );
    if (areSimple) {
      const min = inner.min * range.min;
      return inner.max === undefined || range.max === undefined
        ? { kind: 'repeat', of: inner.of, min }
        : { kind: 'repeat', of: inner.of, min, max: 1 };
    }
    if (++this.#stacked > LIMITS.nesting) throw limitError('nesting', 'repetitions of repetitions');
    return { kind: 'repeat', of: inner, ...range };
  }

  #braces(): { min: number; max?: number } {
    this.#skip(false);
    const min = Number(this.#need(/\d+/y, 'a number'));
    this.#skip(false);
    let max: number | undefined = min;
    if (this.#take(',')) {
      this.#skip(false);
      const digits = this.#match(/\d+/y);
      max = digits === undefined ? undefined : Number(digits);
      this.#skip(false);
    }
    if (!this.#take('}')) throw this.#error("expected '}'");
    if (Math.max(min, max ?? 0) > LIMITS.nfaStates) throw limitError('nfaStates', 'repetitions');
    return max === undefined ? { min } : { min, max };
  }

  #quoted(): GbnfNode {
    const start = this.#at++;
    let text = '';
    while (!this.#take('"')) {
      if (this.#at >= this.#text.length || this.#text[this.#at] === '\n')
        throw this.#error('the quoted text is never closed', start);
      text += String.fromCodePoint(this.#char());
    }
    return { kind: 'text', text };
  }

  #class(): GbnfNode {
    const start = this.#at++;
    const negative = this.#take('^');
    const ranges: number[] = [];
    while (!this.#take(']')) {
      if (this.#at >= this.#text.length) throw this.#error("'[' is never closed", start);
      const low = this.#char();
      let high = low;
      if (this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']') {
        this.#at++;
        if (this.#at >= this.#text.length) throw this.#error("'[' is never closed", start);
        high = this.#char();
      }
      if (high < low) throw this.#error('a range of characters runs backwards');
      ranges.push(low, high);
    }
    if (ranges.length === 0) throw this.#error('the character class is empty', start);
    const set = codeSet(ranges);
    return { kind: 'set', set: negative ? complementCodes(set) : set };
  }

  #char(): number {
    if (this.#text[this.#at] !== '\\') {
      const code = this.#text.codePointAt(this.#at)!;
      this.#at += code > 0xffff ? 2 : 1;
      return code;
    }
    ESCAPE.lastIndex = this.#at;
    const escape = ESCAPE.exec(this.#text);
    if (!escape)
      throw this.#error('unknown escape; known are \\n \\r \\t \\\\ \\" \\[ \\] \\- \\xHH \\uHHHH \\UHHHHHHHH');
    const hex = escape[1] ?? escape[2] ?? escape[3];
    const code = hex === undefined ? (SIMPLE_ESCAPES[escape[4]] ?? escape[4]).charCodeAt(0) : parseInt(hex, 16);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      throw this.#error('the escape does not name a character');
    this.#at = ESCAPE.lastIndex;
    return code;
  }

  #token(): GbnfNode {
    const start = this.#at;
    const kind = this.#take('!') ? 'except' : 'only';
    const found = this.#match(/<\[\d+\]>|<[^>\r\n[][^>\r\n]*>/y);
    if (found === undefined) throw this.#error('expected a token: <text> or <[id]>', start);
    const id = /^<\[(\d+)\]>$/.exec(found);
    return { kind: 'token', edge: { kind, tokens: [id ? Number(id[1]) : found] } };
  }

  #skip(lines: boolean): void {
    do this.#match(SPACES);
    while (lines && this.#match(LINE_ENDS) !== undefined);
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text);
    if (!found) return undefined;
    this.#at = sticky.lastIndex;
    return found[0];
  }

  #need(sticky: RegExp, what: string): string {
    const found = this.#match(sticky);
    if (found === undefined) throw this.#error(`expected ${what}`);
    return found;
  }

  #error(problem: string, position = this.#at): Error {
    const before = this.#text.slice(0, position).split('\n');
    const [line, column] = [before.length, Array.from(before[before.length - 1]).length + 1];
    return grammarError(`grammar, line ${line}, column ${column}: ${problem}`, { line, column });
  }
}
