import type { GgufModel } from '@starling/gguf';
import type { LinearSpec } from '../architecture/block-spec.js';
import type { RankHeadSpec } from '../architecture/pooling.js';
import type { PlainLinear, RankHead } from '../runtime/rank-head.js';
import { readFloats } from './load-weights.js';

/** Reads the weights of a reranking head. */
export async function loadRankHead(model: GgufModel, { row, dense, output, softmax }: RankHeadSpec): Promise<RankHead> {
  return { row, softmax, dense: dense && (await loadLinear(model, dense)), output: output && (await loadLinear(model, output)) };
}

async function loadLinear(model: GgufModel, { weight, bias, rows }: LinearSpec): Promise<PlainLinear> {
  return { weight: await readFloats(model, weight), bias: bias && (await readFloats(model, bias)), rows };
}
