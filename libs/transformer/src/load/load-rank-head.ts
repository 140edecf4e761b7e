import type { GgufModel, TensorInfo } from '@starling/gguf';
import type { LinearSpec, NormSpec } from '../architecture/block-spec.js';
import type { RankHeadSpec } from '../architecture/pooling.js';
import type { PlainLinear, RankHead } from '../runtime/rank-head.js';
import { readFloats } from './read-floats.js';

/** Reads the weights of a reranking head. */
export async function loadRankHead(
  model: GgufModel,
  { row, dense, activation, norm, output, outputRows, softmax }: RankHeadSpec,
): Promise<RankHead> {
  return {
    row,
    softmax,
    activation,
    norm: norm && (await loadNorm(model, norm)),
    dense: dense && (await loadLinear(model, dense)),
    output: output && (await loadLinear(model, output, outputRows)),
  };
}

async function loadNorm(model: GgufModel, { weight, bias, epsilon }: NormSpec): Promise<RankHead['norm']> {
  return weight && { weight: await readFloats(model, weight), bias: bias && (await readFloats(model, bias)), epsilon };
}

/** Reads a small linear map as plain numbers, or some of its rows. */
export async function loadLinear(
  model: GgufModel,
  { weight, bias, rows }: LinearSpec,
  chosen?: readonly number[],
): Promise<PlainLinear> {
  const values = bias && (await readFloats(model, bias));
  return {
    weight: chosen ? await readRows(model, weight, chosen) : await readFloats(model, weight),
    bias: chosen && values ? Float32Array.from(chosen, (row) => values[row]) : values,
    rows: chosen?.length ?? rows,
  };
}

async function readRows(model: GgufModel, tensor: TensorInfo, rows: readonly number[]): Promise<Float32Array> {
  const values = new Float32Array(rows.length * tensor.rowLength);
  for (const [i, row] of rows.entries())
    values.set(await readFloats(model, tensor, row, row + 1), i * tensor.rowLength);
  return values;
}
