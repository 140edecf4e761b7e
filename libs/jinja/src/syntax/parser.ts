import { TemplateFailure, limitReached } from '../error.js';
import type { Limits } from '../limits.js';
import { Str } from '../values/str.js';
import { described, type Token } from './token.js';
import type {
  Argument,
  Arguments,
  BinaryOperator,
  Comparison,
  ComparisonOperator,
  Expression,
  Target,
} from './tree.js';

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const NO_ARGUMENTS: Arguments = { positional: [], named: [] };
const CONSTANTS: ReadonlyMap<string, null | boolean> = new Map([
  ['none', null],
  ['None', null],
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
]);
const RESERVED: ReadonlySet<string> = new Set([
  'and',
  'or',
  'not',
  'if',
  'else',
  'elif',
  'in',
  'is',
  'for',
  ...CONSTANTS.keys(),
]);

/** Reads expressions, as Jinja's own parser does: one method for each level of binding. */
export class ExpressionParser {
  protected position = 0;
  private depth = 0;

  constructor(
    protected readonly tokens: readonly Token[],
    private readonly limits: Limits,
  ) {}

  protected get current(): Token {
    return this.tokens[this.position];
  }

  protected is(kind: Token['kind'], text?: string): boolean {
    const { current } = this;
    return current.kind === kind && (text === undefined || current.text === text);
  }

  protected skipIf(kind: Token['kind'], text?: string): boolean {
    const isNext = this.is(kind, text);
    if (isNext) this.position++;
    return isNext;
  }

  protected expect(kind: Token['kind'], text?: string): Token {
    const { current } = this;
    if (!this.is(kind, text)) throw this.unexpected(text === undefined ? kind : `'${text}'`);
    this.position++;
    return current;
  }

  protected unexpected(expected: string): TemplateFailure {
    return new TemplateFailure('syntax', `expected ${expected}, got ${described(this.current)}`, this.current.at);
  }

  /** One level further inside. */
  protected nested<T>(read: () => T): T {
    if (++this.depth > this.limits.nesting)
      throw limitReached('nesting', `blocks and brackets may be ${this.limits.nesting} deep`, this.current.at);
    const result = read();
    this.depth--;
    return result;
  }

  /** An expression, or a tuple without brackets. */
  protected tuple(options: { readonly isSimple?: boolean; readonly withCondition?: boolean } = {}): Expression {
    const { at } = this.current;
    const read = (): Expression => (options.isSimple ? this.primary() : this.expression(options.withCondition ?? true));
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) {
        if (!this.skipIf('operator', ',')) break;
        isTuple = true;
      }
      if (this.isTupleEnd()) break;
      items.push(read());
      if (!isTuple && !this.is('operator', ',')) return items[0];
    }
    if (items.length === 0) throw this.unexpected('an expression');
    return { kind: 'tuple', items, at };
  }

  private isTupleEnd(): boolean {
    return this.is('variableEnd') || this.is('blockEnd') || this.is('operator', ')') || this.is('name', 'in');
  }

  protected expression(withCondition = true): Expression {
    return this.nested(() => (withCondition ? this.condition() : this.or()));
  }

  private condition(): Expression {
    let then = this.or();
    while (this.is('name', 'if')) {
      const { at } = this.current;
      this.position++;
      const test = this.or();
      const otherwise = this.skipIf('name', 'else') ? this.nested(() => this.condition()) : undefined;
      then = { kind: 'condition', test, then, at, ...(otherwise && { otherwise }) };
    }
    return then;
  }

  private or(): Expression {
    let left = this.and();
    while (this.is('name', 'or')) {
      const { at } = this.current;
      this.position++;
      left = { kind: 'or', left, right: this.and(), at };
    }
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.is('name', 'and')) {
      const { at } = this.current;
      this.position++;
      left = { kind: 'and', left, right: this.not(), at };
    }
    return left;
  }

  private not(): Expression {
    const { at } = this.current;
    if (!this.skipIf('name', 'not')) return this.compare();
    return this.nested(() => ({ kind: 'not', of: this.not(), at }));
  }

  private compare(): Expression {
    const { at } = this.current;
    const first = this.sum();
    const rest: Comparison[] = [];
    for (;;) {
      const operator = this.comparison();
      if (operator === undefined) break;
      rest.push({ operator, operand: this.sum() });
    }
    return rest.length === 0 ? first : { kind: 'compare', first, rest, at };
  }

  private comparison(): ComparisonOperator | undefined {
    const { kind, text } = this.current;
    if (kind === 'operator' && COMPARISONS.has(text)) {
      this.position++;
      return text as ComparisonOperator;
    }
    if (this.skipIf('name', 'in')) return 'in';
    const next = this.tokens[this.position + 1];
    if (this.is('name', 'not') && next.kind === 'name' && next.text === 'in') {
      this.position += 2;
      return 'not in';
    }
    return undefined;
  }

  private sum(): Expression {
    return this.binary(['+', '-'], () => this.concat());
  }

  private concat(): Expression {
    const { at } = this.current;
    const items = [this.product()];
    while (this.skipIf('operator', '~')) items.push(this.product());
    return items.length === 1 ? items[0] : { kind: 'concat', items, at };
  }

  private product(): Expression {
    return this.binary(['*', '/', '//', '%'], () => this.power());
  }

  /** Binds to the left, and looser than a sign, as in Jinja and unlike Python. */
  private power(): Expression {
    return this.binary(['**'], () => this.unary());
  }

  private binary(operators: readonly BinaryOperator[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const { at } = this.current;
      const operator = operators.find((one) => this.is('operator', one));
      if (operator === undefined) return left;
      this.position++;
      left = { kind: 'binary', operator, left, right: operand(), at };
    }
  }

  private unary(withFilters = true): Expression {
    const { at } = this.current;
    let node: Expression;
    if (this.skipIf('operator', '-')) node = this.nested(() => ({ kind: 'negative', of: this.unary(false), at }));
    else if (this.skipIf('operator', '+')) node = this.nested(() => ({ kind: 'positive', of: this.unary(false), at }));
    else node = this.primary();
    node = this.postfix(node);
    return withFilters ? this.filters(node) : node;
  }

  protected primary(): Expression {
    const token = this.current;
    const { at, text } = token;
    switch (token.kind) {
      case 'name': {
        this.position++;
        const constant = CONSTANTS.get(text);
        if (constant !== undefined) return { kind: 'constant', value: constant, at };
        if (RESERVED.has(text)) throw new TemplateFailure('syntax', `unexpected '${text}'`, at);
        return { kind: 'name', name: text, at };
      }
      case 'string': {
        let whole = '';
        while (this.is('string')) whole += this.tokens[this.position++].text;
        return { kind: 'constant', value: new Str(whole), at };
      }
      case 'integer':
        this.position++;
        return { kind: 'constant', value: BigInt(text.replaceAll('_', '').replace(/^0+(?=\d)/, '')), at };
      case 'float':
        this.position++;
        return { kind: 'constant', value: Number(text.replaceAll('_', '')), at };
      default:
    }
    if (this.skipIf('operator', '(')) {
      if (this.skipIf('operator', ')')) return { kind: 'tuple', items: [], at };
      const inside = this.nested(() => this.tuple());
      this.expect('operator', ')');
      return inside;
    }
    if (this.skipIf('operator', '[')) return { kind: 'list', items: this.items(']', () => this.expression()), at };
    if (this.skipIf('operator', '{')) return { kind: 'dict', pairs: this.items('}', () => this.pair()), at };
    throw new TemplateFailure('syntax', `unexpected ${described(token)}`, at);
  }

  private pair(): readonly [Expression, Expression] {
    const key = this.expression();
    this.expect('operator', ':');
    return [key, this.expression()];
  }

  private items<T>(close: string, read: () => T): T[] {
    const items: T[] = [];
    while (!this.is('operator', close)) {
      if (items.length > 0) this.expect('operator', ',');
      if (this.is('operator', close)) break;
      items.push(read());
    }
    this.position++;
    return items;
  }

  private postfix(start: Expression): Expression {
    let node = start;
    for (;;) {
      const { at } = this.current;
      if (this.skipIf('operator', '.')) node = this.afterDot(node, at);
      else if (this.skipIf('operator', '[')) node = { kind: 'item', of: node, key: this.subscript(), at };
      else if (this.is('operator', '(')) node = { kind: 'call', callee: node, args: this.callArguments(), at };
      else return node;
    }
  }

  private afterDot(of: Expression, at: number): Expression {
    if (this.is('integer'))
      return { kind: 'item', of, key: { kind: 'constant', value: BigInt(this.tokens[this.position++].text), at }, at };
    return { kind: 'attribute', of, name: this.expect('name').text, at };
  }

  private subscript(): Expression {
    const { at } = this.current;
    const parts: Expression[] = [];
    while (!this.is('operator', ']')) {
      if (parts.length > 0) this.expect('operator', ',');
      parts.push(this.nested(() => this.subscribed()));
    }
    this.expect('operator', ']');
    if (parts.length === 0) throw new TemplateFailure('syntax', 'expected an expression in brackets', at);
    return parts.length === 1 ? parts[0] : { kind: 'tuple', items: parts, at };
  }

  private subscribed(): Expression {
    const { at } = this.current;
    const isEnd = (): boolean => this.is('operator', ']') || this.is('operator', ',') || this.is('operator', ':');
    const start = isEnd() ? undefined : this.expression();
    if (!this.skipIf('operator', ':')) {
      if (start === undefined) throw this.unexpected('an expression');
      return start;
    }
    const stop = isEnd() ? undefined : this.expression();
    const step = this.skipIf('operator', ':') && !isEnd() ? this.expression() : undefined;
    return { kind: 'slice', at, ...(start && { start }), ...(stop && { stop }), ...(step && { step }) };
  }

  protected callArguments(): Arguments {
    this.expect('operator', '(');
    const positional: Expression[] = [];
    const named: Argument[] = [];
    let rest: Expression | undefined;
    let restNamed: Expression | undefined;
    let count = 0;
    while (!this.is('operator', ')')) {
      if (count++ > 0) {
        this.expect('operator', ',');
        if (this.is('operator', ')')) break;
      }
      const next = this.tokens[this.position + 1];
      if (this.skipIf('operator', '*')) rest = this.expression();
      else if (this.skipIf('operator', '**')) restNamed = this.expression();
      else if (this.is('name') && next.kind === 'operator' && next.text === '=') {
        const name = this.expect('name').text;
        this.position++;
        named.push({ name, value: this.expression() });
      } else {
        if (named.length > 0 || rest !== undefined || restNamed !== undefined)
          throw new TemplateFailure('syntax', 'invalid syntax for function call expression', this.current.at);
        positional.push(this.expression());
      }
    }
    this.expect('operator', ')');
    return { positional, named, ...(rest && { rest }), ...(restNamed && { restNamed }) };
  }

  /** Filters, tests and calls behind an expression. */
  protected filters(start: Expression): Expression {
    let node = start;
    for (;;) {
      if (this.is('operator', '|')) node = this.filter(node);
      else if (this.is('name', 'is')) node = this.test(node);
      else if (this.is('operator', '('))
        node = { kind: 'call', callee: node, at: this.current.at, args: this.callArguments() };
      else return node;
    }
  }

  /** `|name(...)`; at the head of a filter block the first one has no `|`. */
  protected filter(of: Expression | undefined, isInline = true): Expression {
    if (isInline) this.expect('operator', '|');
    const { at, text } = this.expect('name');
    const name = this.dotted(text);
    const args = this.is('operator', '(') ? this.callArguments() : NO_ARGUMENTS;
    return { kind: 'filter', name, args, at, ...(of && { of }) };
  }

  private dotted(first: string): string {
    let name = first;
    while (this.skipIf('operator', '.')) name += `.${this.expect('name').text}`;
    return name;
  }

  private test(of: Expression): Expression {
    const { at } = this.expect('name', 'is');
    const isNegated = this.skipIf('name', 'not');
    const name = this.dotted(this.expect('name').text);
    let args = NO_ARGUMENTS;
    if (this.is('operator', '(')) args = this.callArguments();
    else if (this.beginsOperand()) {
      const operand = this.postfix(this.primary());
      args = { positional: [operand], named: [] };
    }
    const node: Expression = { kind: 'test', of, name, args, at };
    return isNegated ? { kind: 'not', of: node, at } : node;
  }

  /** Whether an argument of a test without brackets comes next. */
  private beginsOperand(): boolean {
    const { kind, text } = this.current;
    if (kind === 'name')
      return !['else', 'or', 'and', 'is', 'if', 'in', 'not', 'for', 'recursive'].includes(text) || CONSTANTS.has(text);
    if (kind === 'operator') return text === '[' || text === '{';
    return kind === 'string' || kind === 'integer' || kind === 'float';
  }

  /** What can be assigned to. */
  protected target(
    options: { readonly withTuple?: boolean; readonly withField?: boolean; readonly isNameOnly?: boolean } = {},
  ): Target {
    const { at } = this.current;
    const name = this.is('name') ? this.tokens[this.position + 1] : undefined;
    if (options.withField && name?.kind === 'operator' && name.text === '.') {
      const owner = this.expect('name').text;
      this.position++;
      return { kind: 'field', name: owner, field: this.expect('name').text, at };
    }
    const read = options.isNameOnly
      ? this.primary()
      : options.withTuple === false
        ? this.primary()
        : this.tuple({ isSimple: true });
    return this.asTarget(read);
  }

  private asTarget(node: Expression): Target {
    if (node.kind === 'name') return { kind: 'name', name: node.name, at: node.at };
    if (node.kind === 'tuple' || node.kind === 'list')
      return { kind: 'targets', items: node.items.map((item) => this.asTarget(item)), at: node.at };
    throw new TemplateFailure('syntax', `can't assign to '${node.kind}'`, node.at);
  }
}
