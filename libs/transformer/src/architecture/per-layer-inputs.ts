import type { ModelReader } from './model-reader.js';
import type { InjectionSpec, PerLayerInputsSpec } from './model-spec.js';
import { normOf } from './parts.js';

/*
 * Inputs that each layer has of its own for every token, in Gemma's smaller models.
 */

/** The rows of all layers: `per_layer_token_embd`, `per_layer_model_proj`, `per_layer_proj_norm`. @param length of a layer's row; undefined: there are none */
export function perLayerInputsOf(reader: ModelReader, length: number | undefined): PerLayerInputsSpec | undefined {
  if (length === undefined) return undefined;
  if (length % 4 !== 0)
    throw reader.invalid(`has ${length} inputs of its own for each layer, where a multiple of 4 is expected`);
  const width = reader.count('embedding_length');
  const count = reader.count('block_count');
  return {
    count,
    length,
    table: reader.table('per_layer_token_embd.weight', count * length),
    tableScale: Math.sqrt(length),
    projection: reader.linear('per_layer_model_proj', count * length, width),
    projectionScale: 1 / Math.sqrt(width),
    norm: normOf(reader, 'rms', 'per_layer_proj_norm', length),
    scale: Math.SQRT1_2,
  };
}

/** What a layer makes of its inputs: `inp_gate`, `proj`, `post_norm`. */
export function injectionOf(reader: ModelReader, layer: number, length: number): InjectionSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  return {
    layer,
    gate: reader.linear(`${block}.inp_gate`, length, width),
    activation: 'gelu',
    projection: reader.linear(`${block}.proj`, width, length),
    norm: normOf(reader, 'rms', `${block}.post_norm`, width),
  };
}
