import { randomModel, type RandomModel } from './random-model.js';

const [width, heads, kvHeads, inner, layers, vocabulary] = [32, 4, 2, 64, 2, 40];

/** Metadata of a small llama. */
export const smallLlamaMetadata = {
  block_count: layers,
  context_length: 64,
  embedding_length: width,
  feed_forward_length: inner,
  'attention.head_count': heads,
  'attention.head_count_kv': kvHeads,
  'attention.layer_norm_rms_epsilon': 1e-5,
};

const block = {
  attn_norm: width,
  attn_q: [width, width],
  attn_k: [width, 16],
  attn_v: [width, 16],
  attn_output: [width, width],
  ffn_norm: width,
  ffn_gate: [width, inner],
  ffn_up: [width, inner],
  ffn_down: [inner, width],
};

/** Tensors of a small llama. */
export const smallLlamaTensors: Readonly<Record<string, number | readonly number[]>> = {
  'token_embd.weight': [width, vocabulary],
  'output_norm.weight': width,
  ...Object.fromEntries(
    [0, 1].flatMap((layer) => Object.entries(block).map(([name, shape]) => [`blk.${layer}.${name}.weight`, shape])),
  ),
};

/** A small llama with random weights. */
export const smallLlama = (): Promise<RandomModel> => randomModel('llama', smallLlamaMetadata, smallLlamaTensors);
