import { TemplateFailure } from '../error.js';
import { ExpressionLexer } from './expression-lexer.js';
import type { Token } from './token.js';

const TAG = /\{([{%#])([-+]?)/g;
const RAW = /\{%[-+]?\s*raw\s*(-%\}\s*|%\})/y;
const RAW_END = /\{%([-+]?)\s*endraw\s*(\+%\}|-%\}\s*|%\}\n?)/g;
const COMMENT_END = /\+#\}|-#\}\s*|#\}\n?/g;
const BLOCK_END = /\+%\}|-%\}\s*|%\}\n?/y;
const VARIABLE_END = /-\}\}\s*|\}\}/y;
/** White space of Python's `str.rstrip` and of its regular expressions, which know more of it than JavaScript. */
const TRAILING_SPACE = /[\s\u001c-\u001f\u0085]+$/;
const ONLY_SPACE = /^\s+$/;

/**
 * Cuts a template into tokens, with white space treated as `transformers` sets Jinja up: trim_blocks (the newline after a block or comment
 * goes), lstrip_blocks (white space before one, alone on its line, goes), and no trailing newline of the whole kept.
 */
export class Lexer {
  private readonly tokens: Token[] = [];
  private position = 0;
  /** Whether what came last ended a line: then text that begins here begins one. */
  private atLineStart = true;

  /** @param source with `\n` alone as line ends, see normalized */
  constructor(private readonly source: string) {}

  tokenize(): Token[] {
    const { source } = this;
    for (;;) {
      TAG.lastIndex = this.position;
      const match = TAG.exec(source);
      if (match === null) break;
      this.tag(match.index, match[1], match[2], match[0].length);
    }
    this.push('data', source.slice(this.position), this.position);
    this.tokens.push({ kind: 'end', text: '', at: source.length });
    return this.tokens;
  }

  private tag(start: number, kind: string, sign: string, length: number): void {
    const text = this.source.slice(this.position, start);
    this.push('data', kept(text, sign, kind !== '{', this.atLineStart), this.position);
    RAW.lastIndex = start;
    const raw = kind === '%' ? RAW.exec(this.source) : null;
    this.position = start + length;
    if (raw !== null) this.raw(start, raw[0].length);
    else if (kind === '#') this.comment(start);
    else if (kind === '{') this.inside('variableBegin', 'variableEnd', VARIABLE_END, start);
    else this.inside('blockBegin', 'blockEnd', BLOCK_END, start);
  }

  private raw(start: number, length: number): void {
    const from = start + length;
    const end = this.find(RAW_END, from, start, 'Missing end of raw directive');
    const isLine = this.source[from - 1] === '\n';
    this.push('data', kept(this.source.slice(from, end.index), end[1], true, isLine), from);
    this.skip(end.index + end[0].length);
  }

  private comment(start: number): void {
    const end = this.find(COMMENT_END, this.position, start, 'Missing end of comment tag');
    this.skip(end.index + end[0].length);
  }

  private inside(begin: Token['kind'], end: Token['kind'], endPattern: RegExp, start: number): void {
    this.tokens.push({ kind: begin, text: this.source.slice(start, this.position), at: start });
    const lexer = new ExpressionLexer(this.source, this.tokens);
    const from = lexer.run(this.position, endPattern);
    endPattern.lastIndex = from;
    const match = endPattern.exec(this.source);
    if (match === null) throw new TemplateFailure('syntax', 'unexpected end of template', this.source.length);
    this.tokens.push({ kind: end, text: match[0], at: from });
    this.skip(from + match[0].length);
  }

  private find(pattern: RegExp, from: number, start: number, problem: string): RegExpExecArray {
    pattern.lastIndex = from;
    const match = pattern.exec(this.source);
    if (match === null) throw new TemplateFailure('syntax', problem, start);
    return match;
  }

  private skip(to: number): void {
    this.position = to;
    this.atLineStart = this.source[to - 1] === '\n';
  }

  private push(kind: 'data', text: string, at: number): void {
    if (text.length > 0) this.tokens.push({ kind, text, at });
  }
}

/** One kind of line end, and no newline at the end: columns and lines of the result are those of the source as an editor shows it. */
export function normalized(source: string): string {
  return source.replace(/\r\n?/g, '\n').replace(/\n$/, '');
}

/** What of the text before a tag stays. */
function kept(text: string, sign: string, isBlock: boolean, startsLine: boolean): string {
  if (sign === '-') return text.replace(TRAILING_SPACE, '');
  if (sign === '+' || !isBlock) return text;
  const lineStart = text.lastIndexOf('\n') + 1;
  return (lineStart > 0 || startsLine) && ONLY_SPACE.test(text.slice(lineStart)) ? text.slice(0, lineStart) : text;
}
