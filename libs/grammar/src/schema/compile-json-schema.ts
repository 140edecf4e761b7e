import { atOnce } from '../automata/at-once.js';
import { currentMemory } from '../automata/compilation.js';
import { ChoiceMachine } from '../json/choice-machine.js';
import type { JsonStyle } from '../json/json-style.js';
import { ValueMachines } from '../json/value-machines.js';
import { grammarError } from '../limits.js';
import { Grammar } from '../machine/grammar.js';
import type { EscapeStyle } from '../machine/json-string-machine.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import { inhabitedSteps } from './inhabited.js';
import { ANY_OBJECT } from './object-form.js';
import type { Expression } from './model.js';
import type { ObjectPlan, PropertyOrder } from './object-plan.js';
import { SchemaDocument } from './schema-document.js';
import { NO_VALUE } from './shape.js';
import { ShapeBuilder } from './shape-builder.js';

export interface JsonSchemaOptions {
  /** `flexible` (default): before the value and between its parts may stand one space, or one or two line breaks and up to 32 spaces or tabs. `compact`: nothing. */
  readonly whitespace?: 'flexible' | 'compact';
  /** `any` (default): properties come in any order. `schema`: in the order in which the schema names them, others after them. */
  readonly propertyOrder?: PropertyOrder;
  /** `any` (default): characters of strings are spelled in all ways of JSON. `minimal`: only as `JSON.stringify` does. */
  readonly escapes?: EscapeStyle;
}

/**
 * Compiles a JSON Schema (draft 2020-12, and what drafts 7 and 2019-09 spell differently): the output is one JSON text that is valid
 * against it. Whatever cannot be enforced is refused; nothing is ignored but annotations.
 * @throws StarlingError invalid_grammar: the JSON pointer of the keyword in `details.path`; for a schema that no value satisfies; and
 *   at a limit (`details.limit`)
 */
export function compileJsonSchema(schema: unknown, options: JsonSchemaOptions = {}): Grammar {
  return atOnce(jsonSchemaSteps(schema, options));
}

/** The same with stops on the way. */
export function* jsonSchemaSteps(schema: unknown, options: JsonSchemaOptions = {}): Generator<undefined, Grammar> {
  const make = yield* valueMachineSteps(schema, options);
  const { hasSpace } = styleOf(options);
  return new Grammar((budget) => (hasSpace ? new ChoiceMachine([make(budget)], true) : make(budget)));
}

/** What makes the machine of a schema's values, or only of those that are objects, without white space around them. */
export function* valueMachineSteps(
  schema: unknown,
  options: JsonSchemaOptions,
  values: 'any' | 'object' = 'any',
): Generator<undefined, (budget: StateBudget) => Machine> {
  const { root, machinesOf } = yield* prepared(schema, values);
  return (budget) => machinesOf(styleOf(options), budget).machine(root);
}

/** What makes the machine of a schema's objects, each written by a machine of one's own. */
export function* objectMachineSteps(
  schema: unknown,
  options: JsonSchemaOptions & Pick<JsonStyle, 'quote'>,
  make: (plan: ObjectPlan, values: ValueMachines, budget: StateBudget) => Machine,
): Generator<undefined, (budget: StateBudget) => Machine> {
  const { root, machinesOf } = yield* prepared(schema, 'object');
  return (budget) => {
    const values = machinesOf(
      { ...styleOf(options), ...(options.quote !== undefined && { quote: options.quote }) },
      budget,
    );
    return values.objects(root, (plan) => make(plan, values, budget));
  };
}

interface Prepared {
  readonly root: Expression;
  readonly machinesOf: (style: JsonStyle, budget: StateBudget) => ValueMachines;
}

function* prepared(schema: unknown, values: 'any' | 'object'): Generator<undefined, Prepared> {
  const document = new SchemaDocument(schema);
  yield;
  const builder = new ShapeBuilder(document);
  const { table } = builder;
  const objects = table.shape('objects', () => ({ ...NO_VALUE, objects: [ANY_OBJECT(table)] }));
  const root = values === 'any' ? table.schema(document.root) : table.all(table.schema(document.root), objects);
  const inhabited = yield* inhabitedSteps(builder, root);
  if (!inhabited(root)) throw grammarError('no finite JSON value satisfies the schema', { path: '' });
  // What is made later belongs to whoever compiles now.
  const memory = currentMemory();
  return {
    root,
    machinesOf: (style, budget) =>
      new ValueMachines(builder, (expression) => memory.during(() => inhabited(expression)), style, budget, memory),
  };
}

function styleOf(options: JsonSchemaOptions): JsonStyle {
  return {
    hasSpace: options.whitespace !== 'compact',
    escapes: options.escapes ?? 'any',
    order: options.propertyOrder ?? 'any',
  };
}
