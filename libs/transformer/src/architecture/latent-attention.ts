import type { RopeSpec } from './block-spec.js';
import type { LatentAttentionSpec } from './mixer-spec.js';
import type { ModelReader } from './model-reader.js';
import { normOf, outputGateOf } from './parts.js';
import { originalContextOf, ropeOf, type RopeFactors } from './rope.js';

/** What YaRN does to cosines and sines, and to queries and keys before they meet. */
export interface Sharpening {
  /** Default: as of any rotation. */
  readonly magnitude?: number;
  readonly factor: number;
}

/** What differs between architectures in latent attention. */
export interface LatentOptions {
  readonly sharpening?: Sharpening;
  /** `none`: no part of keys is rotated. Default: pairs. */
  readonly rope?: RopeSpec['style'] | 'none';
  /** Divisors of the angles that files may have. Default: none. */
  readonly factors?: RopeFactors;
  /** How queries grow with the position. Default: not at all. */
  readonly temperature?: LatentAttentionSpec['temperature'];
  /** Whether results go through a gate, `attn_gate`, if the file has it. */
  readonly isGated?: boolean;
  /** Whether the shared part of keys has a norm, `attn_k_norm`. */
  readonly hasSharedNorm?: boolean;
  /** The layer sees so many positions, and its lengths and the base of its rotation are those that files have for windowed layers. */
  readonly window?: number;
}

/** Latent attention of a layer, by the names that GGUF gives its tensors. */
export function latentAttentionOf(
  reader: ModelReader,
  layer: number,
  {
    sharpening: { magnitude, factor } = { factor: 1 },
    rope = 'pairs',
    factors,
    temperature,
    isGated = false,
    hasSharedNorm = false,
    window,
  }: LatentOptions = {},
): LatentAttentionSpec {
  if (magnitude === undefined)
    reader.excuseKeys('the reference leaves nothing to the scores here', 'rope.scaling.yarn_log_multiplier');
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const heads = reader.count('attention.head_count', layer);
  const own = window === undefined ? '' : '_swa';
  const latentLength = reader.count(`attention.kv_lora_rank${own}`);
  const rotatedLength = reader.count('rope.dimension_count');
  const keyLength = reader.optionalCount(`attention.key_length_mla${own}`) ?? reader.count('attention.key_length');
  const valueLength =
    reader.optionalCount(`attention.value_length_mla${own}`) ?? reader.count('attention.value_length');
  const plainLength = keyLength - rotatedLength;
  if (plainLength < 0 || [latentLength, rotatedLength, plainLength, valueLength].some((length) => length % 4 !== 0)) {
    throw reader.invalid(
      `has latent rows of ${latentLength}, keys of ${plainLength} and ${rotatedLength}, values of ${valueLength}, where multiples of 4 are expected`,
    );
  }
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
    sharedNorm: hasSharedNorm ? normOf(reader, 'rms', `${block}.attn_k_norm`, rotatedLength) : undefined,
    // Older files have one matrix, newer ones a matrix for keys and one for values, of each head.
    expansion: reader.has(`${block}.attn_kv_b.weight`)
      ? {
          kind: 'joint',
          linear: reader.linear(`${block}.attn_kv_b`, heads * (plainLength + valueLength), latentLength),
        }
      : {
          kind: 'perHead',
          query: reader.experts(`${block}.attn_k_b`, heads, latentLength, plainLength),
          value: reader.experts(`${block}.attn_v_b`, heads, valueLength, latentLength),
        },
    rope:
      rope === 'none'
        ? undefined
        : ropeOf(reader, rotatedLength, {
            style: rope,
            dimensions: rotatedLength,
            factors,
            magnitude,
            base: window === undefined ? undefined : reader.number('rope.freq_base_swa'),
          }),
    temperature,
    scale: factor ** 2 / Math.sqrt(keyLength),
    window,
    sinks: reader.optionalVector(`${block}.attn_sinks.weight`, heads),
    gate:
      isGated && reader.has(`${block}.attn_gate.weight`)
        ? outputGateOf(reader, layer, { heads, valueLength })
        : undefined,
    output: reader.linear(`${block}.attn_output`, width, heads * valueLength),
  };
}

function queryOf(reader: ModelReader, layer: number, rows: number): LatentAttentionSpec['query'] {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  if (!reader.has(`${block}.attn_q_a.weight`))
    return { kind: 'direct', linear: reader.linear(`${block}.attn_q`, rows, width) };
  const rank = reader.count('attention.q_lora_rank');
  return {
    kind: 'reduced',
    first: reader.linear(`${block}.attn_q_a`, rank, width),
    norm: normOf(reader, 'rms', `${block}.attn_q_a_norm`, rank),
    second: reader.linear(`${block}.attn_q_b`, rows, rank),
  };
}

/** How a file says that queries grow with the position. */
export function temperatureOf(reader: ModelReader): LatentAttentionSpec['temperature'] {
  const scale = reader.optionalNumber('attention.temperature_scale') ?? 0;
  return scale === 0
    ? undefined
    : { scale, offset: 0, interval: reader.optionalCount('attention.temperature_length') ?? originalContextOf(reader) };
}
