/** What follows the architecture's name in the keys under which the format keeps single floats. */
const FLOAT_KEYS: ReadonlySet<string> = new Set([
  'attention.clamp_kqv',
  'attention.group_norm_epsilon',
  'attention.layer_norm_epsilon',
  'attention.layer_norm_rms_epsilon',
  'attention.max_alibi_bias',
  'attention.scale',
  'attention.output_scale',
  'attention.temperature_scale',
  'attn_logit_softcapping',
  'embedding_scale',
  'expert_weights_scale',
  'final_logit_softcapping',
  'logit_scale',
  'residual_scale',
  'rope.freq_base',
  'rope.freq_base_swa',
  'rope.scale_linear',
  'rope.scaling.attn_factor',
  'rope.scaling.factor',
  'rope.scaling.yarn_attn_factor',
  'rope.scaling.yarn_beta_fast',
  'rope.scaling.yarn_beta_slow',
  'rope.scaling.yarn_ext_factor',
  'rope.scaling.yarn_log_multiplier',
  'router_logit_softcapping',
]);

/** Whether the format keeps a float under this key, as in `llama.rope.freq_base`. */
export function isFloatKey(key: string): boolean {
  return FLOAT_KEYS.has(key.slice(key.indexOf('.') + 1));
}
