import { ChoiceMachine } from '../json/choice-machine.js';
import type { JsonStyle } from '../json/json-style.js';
import { ValueMachines } from '../json/value-machines.js';
import { grammarError } from '../limits.js';
import { Grammar } from '../machine/grammar.js';
import type { EscapeStyle } from '../machine/json-string-machine.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import { findInhabited } from './inhabited.js';
import { ANY_OBJECT } from './object-form.js';
import type { PropertyOrder } from './object-plan.js';
import { SchemaDocument } from './schema-document.js';
import { NO_VALUE } from './shape.js';
import { ShapeBuilder } from './shape-builder.js';

/** Characters of white space between two parts of flexible JSON: a line end and the indentation of deep nesting. */
const MAX_SPACE = 64;

export interface JsonSchemaOptions {
  /** `flexible` (default): up to 64 characters of white space before the value and between its parts. `compact`: none. */
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
  const make = valueMachineMaker(schema, options);
  const maxSpace = styleOf(options).maxSpace;
  return new Grammar((budget) => (maxSpace === 0 ? make(budget) : new ChoiceMachine([make(budget)], maxSpace)));
}

/** What makes the machine of a schema's values, or only of those that are objects, without white space around them. */
export function valueMachineMaker(schema: unknown, options: JsonSchemaOptions, values: 'any' | 'object' = 'any'): (budget: StateBudget) => Machine {
  const document = new SchemaDocument(schema);
  const builder = new ShapeBuilder(document);
  const { table } = builder;
  const objects = table.shape('objects', () => ({ ...NO_VALUE, objects: [ANY_OBJECT(table)] }));
  const root = values === 'any' ? table.schema(document.root) : table.all(table.schema(document.root), objects);
  const inhabited = findInhabited(builder, root);
  if (!inhabited(root)) throw grammarError('no finite JSON value satisfies the schema', { path: '' });
  return (budget) => new ValueMachines(builder, inhabited, styleOf(options), budget).machine(root);
}

function styleOf(options: JsonSchemaOptions): JsonStyle {
  return { maxSpace: options.whitespace === 'compact' ? 0 : MAX_SPACE, escapes: options.escapes ?? 'any', order: options.propertyOrder ?? 'any' };
}
