import type { TensorShapes } from './random-model.js';

/** The shape that reference models share. */
export const SHAPE = { width: 32, ffn: 48, heads: 4, kvHeads: 2, head: 8, layers: 3, vocabulary: 40 } as const;

const { width, ffn, heads, kvHeads, head, layers, vocabulary } = SHAPE;

/** Metadata that every decoder has. */
export const METADATA = {
  block_count: layers,
  context_length: 64,
  embedding_length: width,
  feed_forward_length: ffn,
  'attention.head_count': heads,
  'attention.head_count_kv': kvHeads,
  'rope.dimension_count': head,
  vocab_size: vocabulary,
};

export const RMS = { 'attention.layer_norm_rms_epsilon': 0.00001 };
export const LAYER_NORM = { 'attention.layer_norm_epsilon': 0.00001 };

/** Tensors of each block, named within the block: the same in all, or as each has them. */
export function blocks(
  tensors: TensorShapes | ((layer: number) => TensorShapes),
  count: number = layers,
): TensorShapes {
  const of = (layer: number): TensorShapes => (typeof tensors === 'function' ? tensors(layer) : tensors);
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) =>
      Object.entries(of(i)).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const),
    ).flat(),
  );
}

/** The embedding table and the final norm. */
export const ENDS: TensorShapes = { 'token_embd.weight': [width, vocabulary], 'output_norm.weight': width };
export const OUTPUT: TensorShapes = { 'output.weight': [width, vocabulary] };

/** Three projections and the output of attention. */
export const QKV: TensorShapes = {
  'attn_q.weight': [width, heads * head],
  'attn_k.weight': [width, kvHeads * head],
  'attn_v.weight': [width, kvHeads * head],
  'attn_output.weight': [heads * head, width],
};

/** The same in one matrix, with as many key heads as query heads. */
export const FUSED_QKV: TensorShapes = { 'attn_qkv.weight': [width, 3 * width], 'attn_output.weight': [width, width] };

export const GATED: TensorShapes = {
  'ffn_gate.weight': [width, ffn],
  'ffn_up.weight': [width, ffn],
  'ffn_down.weight': [ffn, width],
};
export const PLAIN: TensorShapes = { 'ffn_up.weight': [width, ffn], 'ffn_down.weight': [ffn, width] };

/** So many experts with gates and a bias for their choice, beside a shared one. */
export const sharedMixture = (count: number, length: number, sharedLength: number = length): TensorShapes => ({
  'ffn_gate_inp.weight': [width, count],
  'exp_probs_b.bias': count,
  'ffn_gate_exps.weight': [width, length, count],
  'ffn_up_exps.weight': [width, length, count],
  'ffn_down_exps.weight': [length, width, count],
  'ffn_gate_shexp.weight': [width, sharedLength],
  'ffn_up_shexp.weight': [width, sharedLength],
  'ffn_down_shexp.weight': [sharedLength, width],
});

/** An indexer that gives two heads of 16 their queries from rows of this length. */
export const latentIndexer = (rank: number): TensorShapes => ({
  'indexer.attn_q_b.weight': [rank, 32],
  'indexer.attn_k.weight': [width, 16],
  'indexer.k_norm.weight': 16,
  'indexer.k_norm.bias': 16,
  'indexer.proj.weight': [width, 2],
});

/** Biases for tensors that have weights. */
export function biased(tensors: TensorShapes): TensorShapes {
  const biases = Object.entries(tensors).map(
    ([name, shape]) => [name.replace('.weight', '.bias'), typeof shape === 'number' ? shape : shape[1]] as const,
  );
  return { ...tensors, ...Object.fromEntries(biases) };
}

export const BIASED_PLAIN: TensorShapes = biased(PLAIN);
