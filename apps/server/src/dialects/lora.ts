import { parameterError } from '@starling/core';
import type { AdapterState, GenerateRequest } from '@starling/engine';
import * as v from 'valibot';
import type { ServedModel } from '../parts.js';
import { list, integer, number } from '../schemas/fields.js';

/** Entries of one request, at most. */
const MOST_ENTRIES = 1024;

/** LoRA by number, each with its scale; those that are not named have none. */
export const loraList = () => list(v.looseObject({ id: integer(0), scale: number() }), MOST_ENTRIES);

export type LoraList = v.InferOutput<ReturnType<typeof loraList>>;

/** The LoRA of a model; their numbers are their places here. */
export const loraOf = (model: ServedModel): AdapterState[] => model.adapters().filter(({ kind }) => kind === 'lora');

/** Scales by the engine's ids. @throws StarlingError invalid_request for a number that none has */
export function loraScales(model: ServedModel, list: LoraList): Record<string, number> {
  const known = loraOf(model);
  const scales = Object.fromEntries(known.map(({ id }) => [id, 0]));
  for (const [i, { id, scale }] of list.entries()) {
    const adapter = known.at(id);
    if (adapter === undefined)
      throw parameterError(
        'invalid_request',
        `lora[${i}].id`,
        `there is no LoRA adapter ${id}: GET /lora-adapters tells which there are`,
      );
    scales[adapter.id] = scale;
  }
  return scales;
}

/** What a request says of LoRA, for the engine. */
export function adaptersIn(
  model: ServedModel,
  { lora }: { readonly lora?: LoraList | null },
): Pick<GenerateRequest, 'adapters'> {
  return lora == null || lora.length === 0 ? {} : { adapters: loraScales(model, lora) };
}
