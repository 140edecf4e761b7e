import { toJsonSchema, type ConversionConfig, type JsonSchema } from '@valibot/to-json-schema';
import type { BodySchema } from '../dialects/dialect.js';

/** Numbers that say no more than that a number is one. */
const NO_BOUNDS: ReadonlySet<unknown> = new Set([
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
]);
const BOUNDS = ['minimum', 'maximum', 'maxLength', 'maxItems'] as const;

const CONFIG: ConversionConfig = {
  target: 'draft-2020-12',
  // What clients send, not what becomes of it.
  typeMode: 'input',
  // Conditions between fields have no words in a schema: their errors tell them.
  errorMode: 'ignore',
  overrideSchema: ({ valibotSchema }) =>
    'jsonSchema' in valibotSchema ? { ...(valibotSchema.jsonSchema as JsonSchema) } : undefined,
  overrideAction: ({ jsonSchema }) =>
    Object.fromEntries(
      Object.entries(jsonSchema).filter(
        ([name, value]) => !(BOUNDS.some((bound) => bound === name) && NO_BOUNDS.has(value)),
      ),
    ),
};

/** A schema of ours as a JSON Schema. */
export function jsonSchemaOf(schema: BodySchema): JsonSchema {
  const { $schema: _, ...converted } = toJsonSchema(schema, CONFIG);
  return converted;
}
