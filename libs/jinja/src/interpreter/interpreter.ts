import { TemplateFailure } from '../error.js';
import type { FilterContext } from '../library/context.js';
import { FILTERS } from '../library/filters.js';
import { TESTS } from '../library/tests.js';
import type { Arguments, Expression, ForNode, IfNode, MacroNode, Statement, Target } from '../syntax/tree.js';
import { Namespace } from '../values/objects.js';
import { showValue } from '../values/show.js';
import { Str, type Origin } from '../values/str.js';
import { Undefined } from '../values/undefined.js';
import { Callable, Dict, List, Tuple, typeName, type CallArguments, type Value } from '../values/value.js';
import type { Budget } from './budget.js';
import { Loop } from './loop.js';
import { Macro } from './macro.js';
import { attributeOf, sliceOf, subscriptOf } from './members.js';
import { binary, compare, isTrue, itemsOf, negative, positive } from './operators.js';
import { Scope } from './scope.js';
import { settle, type Steps } from './steps.js';

type Flow = 'break' | 'continue' | undefined;

/** Walks a template's tree. One is made for each rendering. */
export class Interpreter implements FilterContext {
  /** Where in the source evaluation is: for the position of errors. */
  at = 0;
  private output: Str[] = [];
  private length = 0;

  constructor(
    private readonly globals: Scope,
    readonly budget: Budget,
  ) {}

  /** The text of a template. Gives way after each pass of an outermost loop: those inside are done in one go, which is faster. */
  *render(body: readonly Statement[]): Steps<Str> {
    yield* this.steps(body, new Scope(this.globals));
    yield;
    return Str.join(this.output);
  }

  call(callee: Value, args: CallArguments): Value {
    if (callee instanceof Undefined) throw callee.failure();
    if (!(callee instanceof Callable))
      throw new TemplateFailure('TypeError', `'${typeName(callee)}' object is not callable`);
    return this.budget.nested(() => callee.call(args));
  }

  attribute(value: Value, name: string): Value {
    return attributeOf(value, name, this.budget);
  }

  subscript(value: Value, key: Value): Value {
    return subscriptOf(value, key, this.budget);
  }

  filter(name: string, value: Value, args: CallArguments): Value {
    const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
    if (filter === undefined) throw new TemplateFailure('TemplateRuntimeError', `No filter named '${name}'.`);
    this.budget.read(value);
    return filter(value, args, this);
  }

  hasFilter(name: string): boolean {
    return Object.hasOwn(FILTERS, name);
  }

  test(name: string, value: Value, args: CallArguments): boolean {
    const test = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
    if (test === undefined) throw new TemplateFailure('TemplateRuntimeError', `No test named '${name}'.`);
    this.budget.read(value);
    return test(value, args, this);
  }

  private captured(run: () => void): Str {
    const { output, length } = this;
    this.output = [];
    this.length = 0;
    try {
      run();
      return Str.join(this.output);
    } finally {
      this.output = output;
      this.length = length;
    }
  }

  private write(text: Str): void {
    this.length += text.text.length;
    this.budget.written(text.text.length, this.length);
    this.output.push(text);
  }

  private *steps(body: readonly Statement[], scope: Scope): Steps<void> {
    for (const statement of body) {
      if (statement.kind === 'for' || statement.kind === 'if') this.begin(statement);
      if (statement.kind === 'for') yield* this.loop(statement, this.evaluate(statement.items, scope), scope, 0);
      else if (statement.kind === 'if') yield* this.steps(this.branchOf(statement, scope), scope);
      else this.run([statement], scope);
    }
  }

  private run(body: readonly Statement[], scope: Scope): Flow {
    for (const statement of body) {
      this.begin(statement);
      const flow = this.statement(statement, scope);
      if (flow !== undefined) return flow;
    }
    return undefined;
  }

  private begin({ at }: Statement): void {
    this.at = at;
    this.budget.spend();
  }

  private branchOf({ branches, otherwise }: IfNode, scope: Scope): readonly Statement[] {
    for (const { test, body } of branches) if (isTrue(this.evaluate(test, scope))) return body;
    return otherwise;
  }

  private statement(node: Statement, scope: Scope): Flow {
    switch (node.kind) {
      case 'text':
        this.write(showValue(node.text));
        return undefined;
      case 'output':
        this.write(showValue(this.evaluate(node.value, scope)));
        return undefined;
      case 'if':
        return this.run(this.branchOf(node, scope), scope);
      case 'for':
        settle(this.loop(node, this.evaluate(node.items, scope), scope, 0));
        return undefined;
      case 'break':
      case 'continue':
        return node.kind;
      case 'set':
        this.assign(node.target, this.evaluate(node.value, scope), scope);
        return undefined;
      case 'capture': {
        const text = this.captured(() => this.run(node.body, new Scope(scope)));
        this.assign(node.target, node.filter ? this.evaluate(withSubject(node.filter, text), scope) : text, scope);
        return undefined;
      }
      case 'macro':
        scope.set(node.name, this.macro(node, scope));
        return undefined;
      case 'callBlock':
        this.write(showValue(this.callBlock(node.call, this.macro(node.caller, scope), scope)));
        return undefined;
      case 'filterBlock':
        this.write(
          showValue(
            this.evaluate(
              withSubject(
                node.filter,
                this.captured(() => this.run(node.body, new Scope(scope))),
              ),
              scope,
            ),
          ),
        );
        return undefined;
      case 'with': {
        const values = node.values.map((value) => this.evaluate(value, scope));
        const inner = new Scope(scope);
        node.targets.forEach((target, i) => this.assign(target, values[i], inner));
        return this.run(node.body, inner);
      }
      case 'autoescape':
        if (isTrue(this.evaluate(node.value, scope)))
          throw new TemplateFailure('TemplateRuntimeError', 'text cannot be escaped by itself here: use the filter e');
        return this.run(node.body, new Scope(scope));
      case 'generation':
      case 'block':
        return this.run(node.body, new Scope(scope));
      case 'otherTemplate':
        throw new TemplateFailure('TemplateRuntimeError', `'${node.tag}' needs another template, and there is none`);
    }
  }

  private *loop(node: ForNode, source: Value, scope: Scope, depth: number): Steps<void> {
    let items = itemsOf(source, this.budget);
    if (node.test) {
      const { test } = node;
      items = items.filter((item) => {
        const inner = new Scope(scope);
        this.assign(node.target, item, inner);
        return isTrue(this.evaluate(test, inner));
      });
    }
    const recurse = node.isRecursive
      ? (inner: Value, at: number): Value =>
          this.budget.nested(() => this.captured(() => settle(this.loop(node, inner, scope, at))))
      : undefined;
    const loop = new Loop(items, depth, recurse);
    // As Jinja has it: a pass that ends early, by `break` or `continue`, is none for `else`.
    let hasPassed = false;
    for (const item of items) {
      loop.index0++;
      const inner = new Scope(scope);
      inner.set('loop', loop);
      this.assign(node.target, item, inner);
      const first = this.output.length;
      const flow = this.run(node.body, inner);
      this.own(first, ownerOf(item));
      if (flow === 'break') break;
      hasPassed ||= flow === undefined;
      yield;
    }
    if (!hasPassed) this.run(node.otherwise, new Scope(scope));
  }

  /** Marks what the template wrote of itself, from a place of the output on, as about a value of the caller's. */
  private own(first: number, owner: Origin | undefined): void {
    if (owner) for (let i = first; i < this.output.length; i++) this.output[i] = this.output[i].ownedBy(owner);
  }

  private assign(target: Target, value: Value, scope: Scope): void {
    if (target.kind === 'name') {
      scope.set(target.name, value);
      return;
    }
    if (target.kind === 'field') {
      const owner = scope.get(target.name);
      if (!(owner instanceof Namespace))
        throw new TemplateFailure('TemplateRuntimeError', 'cannot assign attribute on non-namespace object', target.at);
      owner.fields.set(target.field, value);
      return;
    }
    const items = value instanceof Undefined ? [] : itemsOf(value, this.budget);
    const wanted = target.items.length;
    if (items.length < wanted)
      throw new TemplateFailure(
        'ValueError',
        `not enough values to unpack (expected ${wanted}, got ${items.length})`,
        target.at,
      );
    if (items.length > wanted)
      throw new TemplateFailure('ValueError', `too many values to unpack (expected ${wanted})`, target.at);
    target.items.forEach((one, i) => this.assign(one, items[i], scope));
  }

  private macro(node: MacroNode, scope: Scope): Callable {
    return new Macro(node, ({ positional, named }) => {
      const inner = new Scope(scope);
      const rest = new Map(named);
      const caller = rest.get('caller');
      rest.delete('caller');
      node.parameters.forEach((parameter, i) => {
        let value: Value | undefined = positional[i];
        if (rest.has(parameter.name)) {
          if (value !== undefined)
            throw new TemplateFailure(
              'TypeError',
              `macro '${node.name}' got multiple values for argument '${parameter.name}'`,
            );
          value = rest.get(parameter.name);
          rest.delete(parameter.name);
        }
        inner.set(
          parameter.name,
          orElse(value, () =>
            parameter.default
              ? this.evaluate(parameter.default, inner)
              : new Undefined(`parameter '${parameter.name}' was not provided`),
          ),
        );
      });
      const extra = positional.slice(node.parameters.length);
      if (extra.length > 0 && !node.usesVarargs)
        throw new TemplateFailure(
          'TypeError',
          `macro '${node.name}' takes not more than ${node.parameters.length} argument(s)`,
        );
      if (rest.size > 0 && !node.usesKwargs)
        throw new TemplateFailure(
          'TypeError',
          `macro '${node.name}' takes no keyword argument '${rest.keys().next().value}'`,
        );
      if (caller !== undefined && !node.usesCaller)
        throw new TemplateFailure(
          'TypeError',
          `macro '${node.name}' was invoked with two values for the special caller argument. This is most likely a bug.`,
        );
      inner.set('varargs', new Tuple(extra));
      inner.set('kwargs', new Dict([...rest].map(([name, value]) => [new Str(name), value] as const)));
      if (node.usesCaller && !node.parameters.some(({ name }) => name === 'caller'))
        inner.set('caller', caller ?? new Undefined('No caller defined'));
      return this.captured(() => this.run(node.body, inner));
    });
  }

  private callBlock(call: Expression, caller: Callable, scope: Scope): Value {
    if (call.kind !== 'call') throw new TemplateFailure('TypeError', 'a call block needs a call');
    const args = this.arguments(call.args, scope);
    return this.call(this.evaluate(call.callee, scope), {
      positional: args.positional,
      named: new Map([...args.named, ['caller', caller]]),
    });
  }

  private arguments({ positional, named, rest, restNamed }: Arguments, scope: Scope): CallArguments {
    const values = positional.map((one) => this.evaluate(one, scope));
    if (rest) values.push(...itemsOf(this.evaluate(rest, scope), this.budget));
    const names = new Map(named.map(({ name, value }) => [name, this.evaluate(value, scope)] as const));
    if (restNamed) {
      const dict = this.evaluate(restNamed, scope);
      if (!(dict instanceof Dict)) throw new TemplateFailure('TypeError', 'argument after ** must be a mapping');
      for (const [key, value] of dict.pairs()) names.set(showValue(key).text, value);
    }
    return { positional: values, named: names };
  }

  evaluate(node: Expression, scope: Scope): Value {
    this.budget.spend();
    switch (node.kind) {
      case 'constant':
        return node.value;
      case 'name':
        return orElse(scope.get(node.name), () => new Undefined(`'${node.name}' is undefined`));
      case 'list':
        return new List(node.items.map((item) => this.evaluate(item, scope)));
      case 'tuple':
        return new Tuple(node.items.map((item) => this.evaluate(item, scope)));
      case 'dict':
        return new Dict(
          node.pairs.map(([key, value]) => [this.evaluate(key, scope), this.evaluate(value, scope)] as const),
        );
      case 'and': {
        const left = this.evaluate(node.left, scope);
        return isTrue(left) ? this.evaluate(node.right, scope) : left;
      }
      case 'or': {
        const left = this.evaluate(node.left, scope);
        return isTrue(left) ? left : this.evaluate(node.right, scope);
      }
      case 'not':
        return !isTrue(this.evaluate(node.of, scope));
      case 'condition':
        if (isTrue(this.evaluate(node.test, scope))) return this.evaluate(node.then, scope);
        return node.otherwise
          ? this.evaluate(node.otherwise, scope)
          : new Undefined('the inline if-expression evaluated to false and no else section was defined.');
      default:
        return this.located(node, scope);
    }
  }

  /** Kinds whose errors are theirs, and not those of what is inside them. */
  private located(node: Expression, scope: Scope): Value {
    switch (node.kind) {
      case 'attribute': {
        const of = this.evaluate(node.of, scope);
        this.at = node.at;
        return this.attribute(of, node.name);
      }
      case 'item': {
        const of = this.evaluate(node.of, scope);
        if (node.key.kind === 'slice') {
          const { start, stop, step } = node.key;
          const [from, to, by] = [start, stop, step].map((part) => (part ? this.evaluate(part, scope) : null));
          this.at = node.at;
          return sliceOf(of, [from, to, by], this.budget);
        }
        const key = this.evaluate(node.key, scope);
        this.at = node.at;
        return this.subscript(of, key);
      }
      case 'call': {
        const callee = this.evaluate(node.callee, scope);
        const args = this.arguments(node.args, scope);
        this.at = node.at;
        return this.call(callee, args);
      }
      case 'filter': {
        const value = node.of ? this.evaluate(node.of, scope) : new Str('');
        const args = this.arguments(node.args, scope);
        this.at = node.at;
        return this.filter(node.name, value, args);
      }
      case 'test': {
        const value = this.evaluate(node.of, scope);
        const args = this.arguments(node.args, scope);
        this.at = node.at;
        return this.test(node.name, value, args);
      }
      case 'binary': {
        const left = this.evaluate(node.left, scope);
        const right = this.evaluate(node.right, scope);
        this.at = node.at;
        return binary(node.operator, left, right, this.budget);
      }
      case 'negative':
        return negative(this.evaluate(node.of, scope));
      case 'positive':
        return positive(this.evaluate(node.of, scope));
      case 'concat': {
        const parts = node.items.map((item) => showValue(this.evaluate(item, scope)));
        this.budget.joined(parts);
        return Str.join(parts);
      }
      case 'compare': {
        let left = this.evaluate(node.first, scope);
        for (const { operator, operand } of node.rest) {
          const right = this.evaluate(operand, scope);
          this.at = node.at;
          this.budget.read(operator === 'in' || operator === 'not in' ? right : left);
          if (!compare(operator, left, right)) return false;
          left = right;
        }
        return true;
      }
      default:
        throw new TemplateFailure('syntax', `a ${node.kind} has no value here`, node.at);
    }
  }
}

/** None is a value: only what is not there gets another. */
function orElse(value: Value | undefined, otherwise: () => Value): Value {
  return value === undefined ? otherwise() : value;
}

/** Which of the caller's values an item is. */
function ownerOf(item: Value): Origin | undefined {
  return item instanceof Dict ? item.origin : undefined;
}

/** A filter chain with the text that it is applied to at its innermost place. */
function withSubject(filter: Expression, text: Str): Expression {
  if (filter.kind !== 'filter') return filter;
  const of: Expression = filter.of ? withSubject(filter.of, text) : { kind: 'constant', value: text, at: filter.at };
  return { ...filter, of };
}
