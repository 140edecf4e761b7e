import type { Dfa } from '../automata/dfa.js';
import type { NumberSet } from '../number/number-set.js';
import type { SchemaNode } from './schema-document.js';

/** A condition on a JSON value, made of subschemas. Equal conditions are one object, so that they are worked out once. */
export interface Expression {
  readonly id: number;
  readonly content:
    | { readonly kind: 'always' }
    | { readonly kind: 'never' }
    | { readonly kind: 'schema'; readonly node: SchemaNode }
    | { readonly kind: 'shape'; readonly shape: Shape }
    | { readonly kind: 'not'; readonly of: Expression }
    | { readonly kind: 'all'; readonly of: readonly Expression[] };
}

/** The values without content. */
export type Literal = 'null' | 'true' | 'false';

/**
 * A set of JSON values, apart by type: a value belongs to it if it is one of the literals, a string of the language, in one of the
 * sets of numbers, or has one of the forms of arrays or objects. Every schema is worked out to one.
 */
export interface Shape {
  readonly literals: ReadonlySet<Literal>;
  readonly strings: Dfa;
  readonly numbers: readonly NumberSet[];
  readonly arrays: readonly ArrayForm[];
  readonly objects: readonly ObjectForm[];
}

/** How many items, from a position on, must satisfy a condition. */
export interface Contains {
  readonly of: Expression;
  readonly from: number;
  readonly min: number;
  readonly max: number;
}

/** A set of arrays: those that satisfy all of the conditions. */
export interface ArrayForm {
  /** Conditions of the first items, where there are so many. */
  readonly prefix: readonly Expression[];
  /** The condition of all items after them. */
  readonly rest: Expression;
  readonly min: number;
  /** Infinity for no bound. */
  readonly max: number;
  readonly contains: readonly Contains[];
  /** The schema that demands that all items differ, if one does. */
  readonly unique: SchemaNode | undefined;
}

/** The condition of the values of all keys of a language. */
export interface KeyRule {
  readonly keys: Dfa;
  readonly value: Expression;
}

/** A set of objects: those that satisfy all of the conditions. */
export interface ObjectForm {
  /** Conditions of the values of single keys; they come before `rest`. */
  readonly named: ReadonlyMap<string, Expression>;
  /** Conditions of the values of all other keys: every key belongs to exactly one of them. */
  readonly rest: readonly KeyRule[];
  readonly required: ReadonlySet<string>;
  readonly min: number;
  /** Infinity for no bound. */
  readonly max: number;
  /** Keys that must be there if another one is. */
  readonly implied: ReadonlyMap<string, ReadonlySet<string>>;
  /** For each, some key of the language must be there with a value that satisfies the condition. */
  readonly some: readonly KeyRule[];
}
