import { isStarlingError, renamedParameter } from '@starling/core';
import type { BodySchema, Dialect } from '../dialects/dialect.js';
import { fieldName } from '../dialects/sampling.js';
import { isRecord } from '../schemas/validate.js';

/** Fields that may hold what a prompt is made of, in the order in which they are looked for. */
const PROMPT_FIELDS = ['messages', 'prompt', 'input', 'content'];

/**
 * What a route or the engine threw, with the field named as the client named it.
 * @param body what the client sent, as its schema made it
 */
export function inOwnWords(
  thrown: unknown,
  { fieldNames }: Dialect,
  schema: BodySchema | undefined,
  body: unknown,
): unknown {
  if (!isStarlingError(thrown)) return thrown;
  const { param } = thrown.details;
  if (typeof param === 'string')
    return renamedParameter(
      thrown,
      fieldName(param, (name) => hasField(schema, name), fieldNames),
    );
  if (thrown.code !== 'context_length_exceeded' || !isRecord(body)) return thrown;
  const field = PROMPT_FIELDS.find((name) => body[name] !== undefined && body[name] !== null);
  return field === undefined ? thrown : renamedParameter(thrown, field);
}

const hasField = (schema: BodySchema | undefined, name: string): boolean =>
  schema !== undefined && 'entries' in schema && isRecord(schema.entries) && name in schema.entries;
