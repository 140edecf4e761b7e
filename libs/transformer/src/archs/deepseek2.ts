import type { Architecture } from '../architecture/architecture.js';
import type { FeedForwardSpec } from '../architecture/block-spec.js';
import { expertsOf } from '../architecture/experts.js';
import type { LatentAttentionSpec } from '../architecture/mixer-spec.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { decoderOf, gatedOf, normOf, sharedExpertOf } from '../architecture/parts.js';
import { originalContextOf, ropeOf, scalingOf, yarnScale } from '../architecture/rope.js';

/** How files number the functions that make weights of experts' scores; 0 and none at all mean the first. */
const GATINGS = ['softmax', 'softmax', 'sigmoid', 'softmaxOfUsed'] as const;

/** DeepSeek V2 and V3: latent attention; the first layers dense, the others with experts beside shared ones. */
export const deepseek2: Architecture = {
  name: 'deepseek2',
  read: (reader) => {
    const denseLayers = reader.optionalNumber('leading_dense_block_count') ?? 0;
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({ mixer: latentAttentionOf(reader, index), feedForward: feedForwardOf(reader, index, index < denseLayers) }),
    });
  },
};

function latentAttentionOf(reader: ModelReader, layer: number): LatentAttentionSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const heads = reader.count('attention.head_count', layer);
  const latentLength = reader.count('attention.kv_lora_rank');
  const rotatedLength = reader.count('rope.dimension_count');
  const keyLength = reader.optionalCount('attention.key_length_mla') ?? reader.count('attention.key_length');
  const valueLength = reader.optionalCount('attention.value_length_mla') ?? reader.count('attention.value_length');
  const plainLength = keyLength - rotatedLength;
  if (plainLength <= 0 || [latentLength, rotatedLength, plainLength, valueLength].some((length) => length % 4 !== 0)) {
    throw reader.invalid(`has latent rows of ${latentLength}, keys of ${plainLength} and ${rotatedLength}, values of ${valueLength}, where positive multiples of 4 are expected`);
  }
  const { magnitude, scale } = sharpening(reader, keyLength);
  return {
    kind: 'latentAttention',
    norms: { input: normOf(reader, 'rms', `${block}.attn_norm`, width) },
    heads,
    latentLength,
    plainLength,
    rotatedLength,
    valueLength,
    query: queryOf(reader, layer, heads * keyLength),
    reduction: reader.linear(`${block}.attn_kv_a_mqa`, latentLength + rotatedLength, width),
    latentNorm: normOf(reader, 'rms', `${block}.attn_kv_a_norm`, latentLength),
    // Older files have one matrix, newer ones a matrix for keys and one for values, of each head.
    expansion: reader.has(`${block}.attn_kv_b.weight`)
      ? { kind: 'joint', linear: reader.linear(`${block}.attn_kv_b`, heads * (plainLength + valueLength), latentLength) }
      : { kind: 'perHead', query: reader.experts(`${block}.attn_k_b`, heads, latentLength, plainLength), value: reader.experts(`${block}.attn_v_b`, heads, valueLength, latentLength) },
    rope: ropeOf(reader, rotatedLength, { style: 'pairs', dimensions: rotatedLength, magnitude }),
    temperature: temperatureOf(reader),
    scale,
    output: reader.linear(`${block}.attn_output`, width, heads * valueLength),
  };
}

function queryOf(reader: ModelReader, layer: number, rows: number): LatentAttentionSpec['query'] {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  if (!reader.has(`${block}.attn_q_a.weight`)) return { kind: 'direct', linear: reader.linear(`${block}.attn_q`, rows, width) };
  const rank = reader.count('attention.q_lora_rank');
  return {
    kind: 'reduced',
    first: reader.linear(`${block}.attn_q_a`, rank, width),
    norm: normOf(reader, 'rms', `${block}.attn_q_a_norm`, rank),
    second: reader.linear(`${block}.attn_q_b`, rows, rank),
  };
}

/**
 * What YaRN does to cosines and sines, and to scores. A file's multiplier is a tenth of the model's: with it the scores take all of the
 * sharpening, which holds for the parts of keys that are not rotated too; without it both do.
 */
function sharpening(reader: ModelReader, keyLength: number): { readonly magnitude: number; readonly scale: number } {
  const scaling = scalingOf(reader);
  const factor = scaling.kind === 'yarn' ? scaling.factor : 1;
  const multiplier = (reader.optionalNumber('rope.scaling.yarn_log_multiplier') ?? 0) * 10;
  const magnitude = (reader.optionalNumber('rope.scaling.attn_factor') ?? 1) * (multiplier === 0 ? yarnScale(factor, 1) : 1);
  return { magnitude, scale: (magnitude * yarnScale(factor, multiplier)) ** 2 / Math.sqrt(keyLength) };
}

function temperatureOf(reader: ModelReader): LatentAttentionSpec['temperature'] {
  const scale = reader.optionalNumber('attention.temperature_scale') ?? 0;
  return scale === 0 ? undefined : { scale, offset: 0, interval: reader.optionalCount('attention.temperature_length') ?? originalContextOf(reader) };
}

function feedForwardOf(reader: ModelReader, layer: number, isDense: boolean): FeedForwardSpec {
  const width = reader.count('embedding_length');
  const norms = { input: normOf(reader, 'rms', `blk.${layer}.ffn_norm`, width) };
  if (isDense) return gatedOf(reader, layer, norms, 'silu');
  const length = reader.count('expert_feed_forward_length', layer);
  const gating = GATINGS[reader.optionalNumber('expert_gating_func') ?? 0];
  if (gating === undefined) throw reader.invalid(`has the gating function ${reader.optionalNumber('expert_gating_func')}, which is not known`);
  const groups = reader.optionalNumber('expert_group_count') ?? 0;
  return expertsOf(reader, layer, {
    norms,
    length,
    gating,
    normalize: reader.boolean('expert_weights_norm') ?? false,
    groups: groups > 1 ? { count: groups, used: reader.count('expert_group_used_count') } : undefined,
    shared: sharedExpertOf(reader, layer, length * reader.count('expert_shared_count')),
  });
}
