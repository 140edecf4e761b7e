import type { Value } from '../values/value.js';

/** What every node has: the offset in the source where it begins. */
interface Node {
  readonly at: number;
}

export interface Argument {
  readonly name: string;
  readonly value: Expression;
}

/** The arguments of a call, a filter or a test. */
export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: readonly Argument[];
  readonly rest?: Expression;
  readonly restNamed?: Expression;
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export type Expression =
  | (Node & { readonly kind: 'constant'; readonly value: Value })
  | (Node & { readonly kind: 'name'; readonly name: string })
  | (Node & { readonly kind: 'list'; readonly items: readonly Expression[] })
  | (Node & { readonly kind: 'tuple'; readonly items: readonly Expression[] })
  | (Node & { readonly kind: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] })
  | (Node & { readonly kind: 'attribute'; readonly of: Expression; readonly name: string })
  | (Node & { readonly kind: 'item'; readonly of: Expression; readonly key: Expression })
  | (Node & {
      readonly kind: 'slice';
      readonly start?: Expression;
      readonly stop?: Expression;
      readonly step?: Expression;
    })
  | (Node & { readonly kind: 'call'; readonly callee: Expression; readonly args: Arguments })
  /** `of` is missing at the head of a filter block. */
  | (Node & { readonly kind: 'filter'; readonly of?: Expression; readonly name: string; readonly args: Arguments })
  | (Node & { readonly kind: 'test'; readonly of: Expression; readonly name: string; readonly args: Arguments })
  | (Node & { readonly kind: 'not' | 'negative' | 'positive'; readonly of: Expression })
  | (Node & { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression })
  | (Node & {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Node & { readonly kind: 'concat'; readonly items: readonly Expression[] })
  | (Node & { readonly kind: 'compare'; readonly first: Expression; readonly rest: readonly Comparison[] })
  | (Node & {
      readonly kind: 'condition';
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise?: Expression;
    });

export interface Comparison {
  readonly operator: ComparisonOperator;
  readonly operand: Expression;
}

/** What can be assigned to: a name, names in a tuple, a field of a namespace. */
export type Target =
  | (Node & { readonly kind: 'name'; readonly name: string })
  | (Node & { readonly kind: 'field'; readonly name: string; readonly field: string })
  | (Node & { readonly kind: 'targets'; readonly items: readonly Target[] });

export interface Parameter {
  readonly name: string;
  readonly default?: Expression;
}

export interface MacroNode extends Node {
  readonly kind: 'macro';
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
  /** Whether the body mentions these: only then may a caller give what they hold. */
  readonly usesVarargs: boolean;
  readonly usesKwargs: boolean;
  readonly usesCaller: boolean;
}

export interface ForNode extends Node {
  readonly kind: 'for';
  readonly target: Target;
  readonly items: Expression;
  readonly test?: Expression;
  readonly isRecursive: boolean;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
}

export interface IfNode extends Node {
  readonly kind: 'if';
  readonly branches: readonly { readonly test: Expression; readonly body: readonly Statement[] }[];
  readonly otherwise: readonly Statement[];
}

export type Statement =
  | (Node & { readonly kind: 'text'; readonly text: Value })
  | (Node & { readonly kind: 'output'; readonly value: Expression })
  | IfNode
  | ForNode
  | (Node & { readonly kind: 'break' | 'continue' })
  | (Node & { readonly kind: 'set'; readonly target: Target; readonly value: Expression })
  | (Node & {
      readonly kind: 'capture';
      readonly target: Target;
      readonly filter?: Expression;
      readonly body: readonly Statement[];
    })
  | MacroNode
  | (Node & { readonly kind: 'callBlock'; readonly call: Expression; readonly caller: MacroNode })
  | (Node & { readonly kind: 'filterBlock'; readonly filter: Expression; readonly body: readonly Statement[] })
  | (Node & {
      readonly kind: 'with';
      readonly targets: readonly Target[];
      readonly values: readonly Expression[];
      readonly body: readonly Statement[];
    })
  /** `generation` marks the assistant's text for training; a scope of its own. `block` is rendered where it stands. */
  | (Node & { readonly kind: 'generation'; readonly body: readonly Statement[] })
  | (Node & {
      readonly kind: 'block';
      readonly name: string;
      readonly isScoped: boolean;
      readonly body: readonly Statement[];
    })
  | (Node & { readonly kind: 'autoescape'; readonly value: Expression; readonly body: readonly Statement[] })
  /** Needs a second template: refused when it is reached. */
  | (Node & { readonly kind: 'otherTemplate'; readonly tag: string });
