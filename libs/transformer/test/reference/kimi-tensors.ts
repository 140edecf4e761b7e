import { METADATA, RMS, SHAPE, biased } from './decoder.js';
import type { TensorShapes } from './random-model.js';

/*
 * What models of Kimi's kind have in common: delta nets, and in the second layer latent attention.
 */

const { width, heads } = SHAPE;
/** Elements of a head of the delta nets. */
export const LENGTH = 12;
export const INNER = heads * LENGTH;
export const LENGTHS = { heads, latent: 20, plain: 16, rotated: 8 };
export const VALUE = 24;
export const norm = (name: string, length: number = width) => ({ [`${name}.weight`]: length });

export const latent: TensorShapes = {
  'attn_kv_a_mqa.weight': [width, LENGTHS.latent + LENGTHS.rotated],
  ...norm('attn_kv_a_norm', LENGTHS.latent),
  'attn_q.weight': [width, heads * (LENGTHS.plain + LENGTHS.rotated)],
  'attn_k_b.weight': [LENGTHS.plain, LENGTHS.latent, heads],
  'attn_v_b.weight': [LENGTHS.latent, VALUE, heads],
  'attn_output.weight': [heads * VALUE, width],
};
export const apart: TensorShapes = biased({
  'attn_q.weight': [width, INNER],
  'attn_k.weight': [width, INNER],
  'attn_v.weight': [width, INNER],
});
export const chains: TensorShapes = {
  'ssm_f_a.weight': [width, LENGTH],
  'ssm_f_b.weight': [LENGTH, INNER],
  'ssm_g_a.weight': [width, LENGTH],
  'ssm_g_b.weight': [LENGTH, INNER],
};
export const delta: TensorShapes = {
  ...Object.fromEntries(['q', 'k', 'v'].map((part) => [`ssm_conv1d_${part}.weight`, [4, 1, INNER]])),
  'ssm_beta.weight': [width, heads],
  ssm_a: heads,
  'ssm_dt.bias': INNER,
  ...norm('ssm_norm', LENGTH),
  'attn_output.weight': [INNER, width],
};
export const kimiMetadata = {
  ...METADATA,
  ...RMS,
  'rope.dimension_count': LENGTHS.rotated,
  'attention.head_count_kv': Int32Array.of(0, heads, 0),
  'attention.kv_lora_rank': LENGTHS.latent,
  'attention.key_length_mla': LENGTHS.plain + LENGTHS.rotated,
  'attention.value_length_mla': VALUE,
  'ssm.conv_kernel': 4,
  'kda.head_dim': LENGTH,
  expert_count: 6,
  expert_used_count: 2,
  expert_gating_func: 2,
  expert_weights_scale: 2.5,
  expert_shared_count: 1,
  expert_group_count: 1,
  expert_group_used_count: 1,
  leading_dense_block_count: 1,
};
