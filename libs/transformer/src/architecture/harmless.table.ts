/*
 * What a file may have that no part of a model uses, without the results being wrong: everything else is refused by name. What is harmless
 * in one architecture alone, its declaration excuses.
 */

/** Tensors, by their names. */
export const HARMLESS_TENSORS: readonly { readonly names: RegExp; readonly why: string }[] = [
  { names: /^(v|a|mm|resampler|vision_model|audio)\./, why: 'parts that see or hear: only text is run' },
  { names: /\.input_scale$/, why: 'scales of activations for formats that cut those to 4 bits: here they keep theirs' },
  { names: /\.attn_rot_embd(\.weight)?$/, why: 'angles of the rotation, which the metadata give as well' },
  { names: /\.nextn\./, why: 'what predicts several tokens at once, which only drafts' },
];

/** The file's other keys below the architecture's name. */
export interface OtherKeys {
  /** The number under a key, if there is one. */
  number(key: string): number | undefined;
  /** Whether the model asked for a key. */
  isAsked(key: string): boolean;
}

/** Keys below the architecture's name. Without `when`, whatever they say. */
export interface HarmlessKeys {
  readonly keys: RegExp;
  readonly why: string;
  /** Whether a value is harmless. */
  when?(value: unknown, file: OtherKeys): boolean;
}

const is = (...harmless: unknown[]) => (value: unknown): boolean => harmless.includes(value);

export const HARMLESS_KEYS: readonly HarmlessKeys[] = [
  { keys: /^(vocab_size|tensor_data_layout|decoder_start_token_id|classifier\.output_labels|features_length)$/, why: 'information' },
  { keys: /^(vision|audio|mm|projector)\./, why: 'parts that see or hear: only text is run' },
  { keys: /^(n_deepstack_layers|deepstack_mapping)$/, why: 'layers that images are added to' },
  { keys: /(^|[._])(embedding_length|feed_forward_length|key_length|value_length|lora_rank)(_swa|_mla|_mla_swa|_per_layer_input|_out)?$/, why: 'lengths that the shapes of tensors show' },
  { keys: /^(leading_dense_block_count|expert_shared_count|interleave_moe_layer_step|moe_every_n_layers|expert_latent_length|moe_latent_size)$/, why: 'what the tensors of layers show' },
  { keys: /^(ssm\.(inner_size|conv_kernel|state_size|time_step_rank|group_count)|shortconv\.l_cache|wkv\.head_size|kda\.head_dim|time_(mix|decay)_extra_dim)$/, why: 'what the shapes of tensors show' },
  { keys: /^((posnet|convnext)\.(embedding_length|block_count)|dense_[23]_feat_(in|out))$/, why: 'what the shapes of tensors show' },
  { keys: /^attention\.(recurrent_layers|head_count|head_count_kv|output_group_count|compress_ratios)$/, why: 'what the tensors of layers show' },
  { keys: /^attention\.indexer\.(head_count|key_length|top_k|block_size|local_blocks|types)$/, why: 'of an indexer, which chooses nothing in the contexts that are run; what limits those is asked for where there is one' },
  { keys: /^attention\.(layer_norm_epsilon|layer_norm_rms_epsilon|group_norm_epsilon|group_norm_groups)$/, why: 'of a kind of norm that the model does not have' },
  { keys: /^expert_/, why: 'no layer has experts', when: (_, file) => !file.isAsked('expert_count') },
  { keys: /^rope\.dimension_sections$/, why: 'positions in images; in text all sections turn alike' },
  { keys: /^rope\.scaling\.(finetuned|original_context_length)$/, why: 'information, where nothing is scaled' },
  { keys: /^rope\.scaling\.(yarn_beta_fast|yarn_beta_slow)$/, why: 'of YaRN, which the model does not use' },
  { keys: /^rope\.freq_base_swa$/, why: 'the same as for other layers', when: (value, file) => value === (file.number('rope.freq_base') ?? 10_000) || value === 10_000 },
  { keys: /^rope\.dimension_count_swa$/, why: 'the same as for other layers', when: (value, file) => value === file.number('rope.dimension_count') },
  { keys: /^rope\.(freq_base|dimension_count|scaling\.type)$/, why: 'of a rotation, which the model does not have' },
  { keys: /^rope\.scaling\.factor$/, why: 'of a rotation, which the model does not have', when: (_, file) => !file.isAsked('rope.freq_base') },
  { keys: /^attention\.sliding_window_pattern$/, why: 'of windows, which the model does not have', when: (_, file) => (file.number('attention.sliding_window') ?? 0) === 0 },
  { keys: /(scale|factor|multiplier|beta|alpha)$/, why: 'times 1', when: is(1) },
  { keys: /^rope\.scaling\.yarn_ext_factor$/, why: 'as the type of scaling says', when: is(-1) },
  { keys: /^attention\.(causal|rope_pattern)$/, why: 'as in every decoder', when: is(true, 1) },
  { keys: /^(attn|router|final)_logit_softcapping$/, why: 'what the reference writes for models without it', when: is(50, 30) },
  { keys: /^expert_group_scale$/, why: 'what the reference writes for models without it', when: (value) => typeof value === 'number' && Math.abs(value - 0.05) < 1e-6 },
  { keys: /^token_shift_count$/, why: 'what the reference writes for models without it', when: is(2) },
  { keys: /^kda\.gate_lower_bound$/, why: 'no bound', when: is(-Infinity) },
];
