import { spendWork } from '../automata/spend-work.js';
import { LIMITS, limitError } from '../limits.js';
import type { Expression, Shape } from './model.js';
import type { SchemaNode } from './schema-document.js';

/** Comparing two alternatives takes as long as so many steps in making an automaton. */
const STEP_COST = 20;
/** So does a condition that is met for the first time. */
const CONDITION_COST = 100;

/** Makes the expressions of one schema document. */
export class ExpressionTable {
  readonly always: Expression = { id: 0, content: { kind: 'always' } };
  readonly never: Expression = { id: 1, content: { kind: 'never' } };
  /** Whether two conditions are known to exclude each other; set by whoever can work them out. */
  excludes: (a: Expression, b: Expression) => boolean = () => false;
  readonly #known = new Map<string, Expression>();
  #count = 2;
  #work = 0;

  /** Counts steps of working out the schema against the limit. */
  spend(steps: number): void {
    spendWork(steps * STEP_COST);
    this.#work += steps;
    if (this.#work > LIMITS.schemaWork) throw limitError('schemaWork', 'comparisons of alternatives');
  }

  schema(node: SchemaNode): Expression {
    if (node.value === true) return this.always;
    if (node.value === false) return this.never;
    return this.#intern(`schema ${node.id}`, { kind: 'schema', node });
  }

  /** A condition known by its shape; the same key must always mean the same shape. */
  shape(key: string, shape: () => Shape): Expression {
    return this.#known.get(`shape ${key}`) ?? this.#intern(`shape ${key}`, { kind: 'shape', shape: shape() });
  }

  not(expression: Expression): Expression {
    if (expression === this.always) return this.never;
    if (expression === this.never) return this.always;
    if (expression.content.kind === 'not') return expression.content.of;
    return this.#intern(`not ${expression.id}`, { kind: 'not', of: expression });
  }

  /** The condition that all of the given ones hold. */
  all(...expressions: readonly Expression[]): Expression {
    const parts = new Set<Expression>();
    for (const expression of expressions) {
      for (const part of expression.content.kind === 'all' ? expression.content.of : [expression])
        if (part !== this.always) parts.add(part);
    }
    const list = [...parts].sort((a, b) => a.id - b.id);
    if (list.length === 0) return this.always;
    if (parts.has(this.never) || list.some(({ content }) => content.kind === 'not' && parts.has(content.of)))
      return this.never;
    if (list.length === 1) return list[0];
    return this.#intern(`all ${list.map(({ id }) => id).join()}`, { kind: 'all', of: list });
  }

  /** The condition that both hold: `never` if they are known to exclude each other. */
  both(a: Expression, b: Expression): Expression {
    if (a === b || b === this.always) return a;
    if (a === this.always) return b;
    return this.excludes(a, b) ? this.never : this.all(a, b);
  }

  #intern(key: string, content: Expression['content']): Expression {
    let expression = this.#known.get(key);
    if (!expression) {
      if (this.#count >= LIMITS.shapes) throw limitError('shapes', 'combinations of subschemas');
      spendWork(CONDITION_COST);
      this.#known.set(key, (expression = { id: this.#count++, content }));
    }
    return expression;
  }
}
