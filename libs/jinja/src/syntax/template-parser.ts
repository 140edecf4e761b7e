import { TemplateFailure } from '../error.js';
import { Str } from '../values/str.js';
import { ExpressionParser } from './parser.js';
import { described } from './token.js';
import type { Expression, MacroNode, Parameter, Statement, Target } from './tree.js';

const OTHER_TEMPLATES: ReadonlySet<string> = new Set(['extends', 'include', 'import', 'from']);

/** Reads a whole template. */
export class TemplateParser extends ExpressionParser {
  private loops = 0;

  parse(): Statement[] {
    const body = this.statements([]);
    if (!this.is('end')) throw this.unexpected('the end of the template');
    return body;
  }

  /** Statements up to a block whose name is one of `ends`; that block's name is the current token then. */
  private statements(ends: readonly string[]): Statement[] {
    const body: Statement[] = [];
    for (;;) {
      const token = this.current;
      const { at } = token;
      if (token.kind === 'data') {
        this.position++;
        body.push({ kind: 'text', text: new Str(token.text), at });
      } else if (token.kind === 'variableBegin') {
        this.position++;
        const value = this.tuple();
        this.expect('variableEnd');
        body.push({ kind: 'output', value, at });
      } else if (token.kind === 'blockBegin') {
        this.position++;
        if (this.is('name') && ends.includes(this.current.text)) return body;
        body.push(this.nested(() => this.block()));
        this.expect('blockEnd');
      } else if (token.kind === 'end') {
        if (ends.length === 0) return body;
        throw new TemplateFailure(
          'syntax',
          `unexpected end of template, expected ${ends.map((end) => `'${end}'`).join(' or ')}`,
          at,
        );
      } else throw this.unexpected('text or a tag');
    }
  }

  /** The body of a block, up to its end, which is read except for the `%}` that closes it. */
  private body(...ends: string[]): Statement[] {
    this.expect('blockEnd');
    return this.statements(ends);
  }

  private endedBody(end: string): Statement[] {
    const body = this.body(end);
    this.position++;
    return body;
  }

  private block(): Statement {
    const { at, text: tag } = this.expect('name');
    switch (tag) {
      case 'if':
        return this.ifBlock(at);
      case 'for':
        return this.forBlock(at);
      case 'set':
        return this.set(at);
      case 'macro':
        return this.macro(at);
      case 'call':
        return this.callBlock(at);
      case 'filter': {
        let filter = this.filter(undefined, false);
        filter = this.filters(filter);
        return { kind: 'filterBlock', filter, body: this.endedBody('endfilter'), at };
      }
      case 'with':
        return this.withBlock(at);
      case 'generation':
        return { kind: 'generation', body: this.endedBody('endgeneration'), at };
      case 'autoescape': {
        const value = this.expression();
        return { kind: 'autoescape', value, body: this.endedBody('endautoescape'), at };
      }
      case 'block': {
        const name = this.expect('name').text;
        const isScoped = this.skipIf('name', 'scoped');
        this.skipIf('name', 'required');
        const body = this.endedBody('endblock');
        this.skipIf('name', name);
        return { kind: 'block', name, isScoped, body, at };
      }
      case 'do':
        throw new TemplateFailure('syntax', "Encountered unknown tag 'do'", at);
      case 'break':
      case 'continue':
        if (this.loops === 0) throw new TemplateFailure('syntax', `'${tag}' outside of a loop`, at);
        return { kind: tag, at };
      default:
    }
    if (OTHER_TEMPLATES.has(tag)) {
      while (!this.is('blockEnd')) this.position++;
      return { kind: 'otherTemplate', tag, at };
    }
    throw new TemplateFailure('syntax', `Encountered unknown tag '${tag}'`, at);
  }

  private ifBlock(at: number): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    let otherwise: Statement[] = [];
    const test = this.tuple({ withCondition: false });
    branches.push({ test, body: this.body('elif', 'else', 'endif') });
    for (;;) {
      const { text } = this.expect('name');
      if (text === 'elif') {
        const next = this.tuple({ withCondition: false });
        branches.push({ test: next, body: this.body('elif', 'else', 'endif') });
      } else if (text === 'else') {
        otherwise = this.endedBody('endif');
        break;
      } else break;
    }
    return { kind: 'if', branches, otherwise, at };
  }

  private forBlock(at: number): Statement {
    const target = this.target();
    this.expect('name', 'in');
    const items = this.tuple({ withCondition: false });
    const test = this.skipIf('name', 'if') ? this.expression() : undefined;
    const isRecursive = this.skipIf('name', 'recursive');
    this.loops++;
    const body = this.body('endfor', 'else');
    this.loops--;
    const otherwise = this.expect('name').text === 'else' ? this.endedBody('endfor') : [];
    return { kind: 'for', target, items, isRecursive, body, otherwise, at, ...(test && { test }) };
  }

  private set(at: number): Statement {
    const target = this.target({ withField: true });
    if (this.skipIf('operator', '=')) return { kind: 'set', target, value: this.tuple(), at };
    const filter = this.is('operator', '|') ? this.filters(this.filter(undefined)) : undefined;
    return { kind: 'capture', target, body: this.endedBody('endset'), at, ...(filter && { filter }) };
  }

  private macro(at: number): MacroNode {
    const name = this.expect('name').text;
    return this.macroRest(name, this.signature(), 'endmacro', at);
  }

  private macroRest(name: string, parameters: readonly Parameter[], end: string, at: number): MacroNode {
    const loops = this.loops;
    this.loops = 0;
    const start = this.position;
    const body = this.endedBody(end);
    this.loops = loops;
    const mentions = (word: string): boolean =>
      this.tokens.slice(start, this.position).some(({ kind, text }) => kind === 'name' && text === word);
    return {
      kind: 'macro',
      name,
      parameters,
      body,
      usesVarargs: mentions('varargs'),
      usesKwargs: mentions('kwargs'),
      usesCaller: mentions('caller'),
      at,
    };
  }

  private signature(): Parameter[] {
    const parameters: Parameter[] = [];
    this.expect('operator', '(');
    while (!this.is('operator', ')')) {
      if (parameters.length > 0) this.expect('operator', ',');
      const { text: name, at } = this.expect('name');
      const value = this.skipIf('operator', '=') ? this.expression() : undefined;
      if (value === undefined && parameters.at(-1)?.default !== undefined)
        throw new TemplateFailure('syntax', 'non-default argument follows default argument', at);
      parameters.push({ name, ...(value && { default: value }) });
    }
    this.position++;
    return parameters;
  }

  private callBlock(at: number): Statement {
    const parameters = this.is('operator', '(') ? this.signature() : [];
    const call = this.expression();
    if (call.kind !== 'call')
      throw new TemplateFailure('syntax', `expected a call, got ${described(this.current)}`, at);
    return { kind: 'callBlock', call, caller: this.macroRest('caller', parameters, 'endcall', at), at };
  }

  private withBlock(at: number): Statement {
    const targets: Target[] = [];
    const values: Expression[] = [];
    while (!this.is('blockEnd')) {
      if (targets.length > 0) this.expect('operator', ',');
      targets.push(this.target({ withTuple: false }));
      this.expect('operator', '=');
      values.push(this.expression());
    }
    return { kind: 'with', targets, values, body: this.endedBody('endwith'), at };
  }
}
