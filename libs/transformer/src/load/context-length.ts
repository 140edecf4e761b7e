import { StarlingError } from '@starling/core';
import type { GgufModel } from '@starling/gguf';
import type { Architecture } from '../architecture/architecture.js';
import { contextLimitKeysOf } from '../architecture/registry.js';

const defaultLimit = 8192;

/**
 * Tokens of one sequence, at most: what is wanted, else what the model was trained with, within bounds.
 * @throws StarlingError `unsupported_model` for more than the architecture is run with, `invalid_model_file` for limits that are no counts
 */
export function contextLengthOf(
  model: GgufModel,
  { name, hasTwoTexts = false }: Architecture,
  wanted: number | undefined,
): number {
  const keys = contextLimitKeysOf(name);
  const limit = contextLimitOf(model);
  if (wanted !== undefined && limit !== undefined && wanted > limit) {
    throw new StarlingError(
      'unsupported_model',
      `'${model.name}' is to be run with a context of ${wanted} positions, but results are right up to ${limit} only, as '${keys.join("' times '")}' says: ask for no more.`,
      {
        details: { file: model.name, architecture: name, contextLength: wanted, limit },
      },
    );
  }
  const trained = model.number(`${name}.context_length`) ?? defaultLimit;
  return wanted ?? Math.min(hasTwoTexts ? 2 * trained : trained, limit ?? defaultLimit, defaultLimit);
}

/**
 * The longest context for which results of a model are right; undefined if there is no limit.
 * @throws StarlingError `invalid_model_file` for limits that are no counts
 */
function contextLimitOf(model: GgufModel): number | undefined {
  const keys = contextLimitKeysOf(model.architecture);
  return keys.length === 0 ? undefined : keys.reduce((product, key) => product * limitOf(model, key), 1) || undefined;
}

/** The count under a key; 0 if it is missing. */
function limitOf(model: GgufModel, key: string): number {
  if (!model.metadata.has(key)) return 0;
  const limit = model.number(key);
  if (limit === undefined || !Number.isSafeInteger(limit) || limit < 0) {
    throw new StarlingError(
      'invalid_model_file',
      `'${model.name}' has something else under '${key}' than the whole number that is expected: up to which context results are right is not known.`,
      { details: { file: model.name, key } },
    );
  }
  return limit;
}
