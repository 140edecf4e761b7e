import { TemplateFailure } from '../error.js';
import { unescaped } from './string-literal.js';
import type { Token } from './token.js';

const SPACE = /\s+/y;
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
const INTEGER = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const STRING = /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/y;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' };

/** Cuts the inside of one tag into tokens. The end of a tag counts only where all brackets are closed. */
export class ExpressionLexer {
  private readonly brackets: string[] = [];
  private position = 0;

  constructor(
    private readonly source: string,
    private readonly tokens: Token[],
  ) {}

  /** Reads from `start` to where `end` matches, and gives that offset. */
  run(start: number, end: RegExp): number {
    this.position = start;
    while (this.position < this.source.length) {
      if (this.brackets.length === 0) {
        end.lastIndex = this.position;
        if (end.test(this.source)) return this.position;
      }
      this.token();
    }
    throw new TemplateFailure('syntax', 'unexpected end of template: a tag is not closed', this.source.length);
  }

  private token(): void {
    if (this.match(SPACE) !== undefined) return;
    const at = this.position;
    for (const [kind, pattern] of [
      ['float', FLOAT],
      ['integer', INTEGER],
      ['name', NAME],
    ] as const) {
      const text = this.match(pattern);
      if (text !== undefined) return void this.tokens.push({ kind, text, at });
    }
    const literal = this.match(STRING);
    if (literal !== undefined)
      return void this.tokens.push({ kind: 'string', text: unescaped(literal.slice(1, -1), at), at });
    const operator = this.match(OPERATOR);
    if (operator === undefined)
      throw new TemplateFailure(
        'syntax',
        `unexpected char '${String.fromCodePoint(this.source.codePointAt(at) ?? 0)}'`,
        at,
      );
    this.balance(operator, at);
    this.tokens.push({ kind: 'operator', text: operator, at });
  }

  private balance(operator: string, at: number): void {
    if (operator in CLOSING) this.brackets.push(CLOSING[operator]);
    else if (operator === '}' || operator === ')' || operator === ']') {
      const expected = this.brackets.pop();
      if (expected !== operator)
        throw new TemplateFailure(
          'syntax',
          `unexpected '${operator}'${expected === undefined ? '' : `, expected '${expected}'`}`,
          at,
        );
    }
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const text = pattern.exec(this.source)?.[0];
    if (text !== undefined) this.position += text.length;
    return text;
  }
}
