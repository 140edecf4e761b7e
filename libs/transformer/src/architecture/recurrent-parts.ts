import type { BlockNorms, NormSpec } from './block-spec.js';
import type { ConvolutionSpec, DeltaNetSpec, ShortConvSpec, StateSpaceSpec } from './mixer-spec.js';
import type { ModelReader } from './model-reader.js';
import { normOf, weightlessNorm } from './parts.js';

/*
 * The mixers with a state of fixed size, read from the file by the names that GGUF gives their tensors.
 */

/** A convolution whose matrix has `taps` columns and a row for each channel. */
export function convolutionOf(reader: ModelReader, name: string, taps: number, channels: number): ConvolutionSpec {
  if (taps < 2 || channels % 4 !== 0)
    throw reader.invalid(
      `asks for a convolution of ${taps} taps over ${channels} channels, where at least 2 and a multiple of 4 are expected`,
    );
  return {
    weight: reader.table(`${name}.weight`, taps, channels),
    bias: reader.optionalVector(`${name}.bias`, channels),
    taps,
    channels,
  };
}

/** The short convolution of a layer. */
export function shortConvOf(reader: ModelReader, layer: number, norms: BlockNorms): ShortConvSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}.shortconv`;
  return {
    kind: 'shortConv',
    norms,
    input: reader.linear(`${block}.in_proj`, 3 * width, width),
    convolution: convolutionOf(reader, `${block}.conv`, reader.count('shortconv.l_cache'), width),
    output: reader.linear(`${block}.out_proj`, width, width),
  };
}

/** The Mamba-2 block of a layer. */
export function stateSpaceOf(reader: ModelReader, layer: number, norms: BlockNorms): StateSpaceSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const inner = reader.count('ssm.inner_size');
  const heads = reader.count('ssm.time_step_rank');
  const groups = reader.count('ssm.group_count');
  const stateLength = reader.count('ssm.state_size');
  const headLength = inner / heads;
  if (headLength % 4 !== 0 || stateLength % 4 !== 0 || heads % groups !== 0 || inner % (4 * groups) !== 0) {
    throw reader.invalid(
      `has states of ${stateLength} in ${heads} heads of ${headLength} elements in ${groups} groups, where multiples of 4 and whole groups are expected`,
    );
  }
  const channels = inner + 2 * groups * stateLength;
  return {
    kind: 'stateSpace',
    norms,
    heads,
    headLength,
    groups,
    stateLength,
    input: reader.linear(`${block}.ssm_in`, inner + channels + heads, width),
    convolution: convolutionOf(reader, `${block}.ssm_conv1d`, reader.count('ssm.conv_kernel'), channels),
    stepBias: reader.vector(`${block}.ssm_dt.bias`, heads),
    rate: reader.vector(`${block}.ssm_a`, heads),
    skip: reader.vector(`${block}.ssm_d`, heads),
    innerNorm: reader.has(`${block}.ssm_norm.weight`) ? normOf(reader, 'rms', `${block}.ssm_norm`, inner) : undefined,
    output: reader.linear(`${block}.ssm_out`, width, inner),
  };
}

/** The gated delta net of a layer. */
export function deltaNetOf(
  reader: ModelReader,
  layer: number,
  norms: BlockNorms,
  sharing: DeltaNetSpec['sharing'],
  gateActivation: DeltaNetSpec['gateActivation'] = 'silu',
): DeltaNetSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const heads = reader.count('ssm.time_step_rank');
  const keyHeads = reader.count('ssm.group_count');
  const keyLength = reader.count('ssm.state_size');
  const valueLength = reader.count('ssm.inner_size') / heads;
  if (heads % keyHeads !== 0 || keyLength % 4 !== 0 || valueLength % 4 !== 0) {
    throw reader.invalid(
      `has ${heads} heads of ${valueLength} elements for ${keyHeads} heads of ${keyLength}, where multiples are expected, and of 4`,
    );
  }
  const keys = keyHeads * keyLength;
  const values = heads * valueLength;
  // Older files have one matrix; where both are there, the newer form counts.
  const isFused = !reader.has(`${block}.attn_qkv.weight`);
  if (!isFused) reader.excuseTensors('the same map as in attn_qkv and attn_gate', `${block}.ssm_in.weight`);
  const innerNorm: NormSpec = normOf(reader, 'rms', `${block}.ssm_norm`, valueLength);
  return {
    kind: 'deltaNet',
    norms,
    heads,
    keyHeads,
    keyLength,
    valueLength,
    sharing,
    projection: isFused
      ? { kind: 'fused', qkvGate: reader.linear(`${block}.ssm_in`, 2 * keys + 2 * values, width) }
      : {
          kind: 'separate',
          qkv: reader.linear(`${block}.attn_qkv`, 2 * keys + values, width),
          gate: { last: reader.linear(`${block}.attn_gate`, values, width) },
        },
    gates: reader.has(`${block}.ssm_ba.weight`)
      ? { kind: 'fused', both: reader.linear(`${block}.ssm_ba`, 2 * heads, width) }
      : {
          kind: 'separate',
          strength: reader.linear(`${block}.ssm_beta`, heads, width),
          step: reader.linear(`${block}.ssm_alpha`, heads, width),
        },
    convolutions: [convolutionOf(reader, `${block}.ssm_conv1d`, reader.count('ssm.conv_kernel'), 2 * keys + values)],
    stepBias: reader.vector(`${block}.ssm_dt.bias`, heads),
    rate: reader.vector(`${block}.ssm_a`, heads),
    epsilon: weightlessNorm(reader, 'rms').epsilon,
    innerNorm,
    gateActivation,
    output: reader.linear(`${block}.ssm_out`, width, values),
  };
}

/** Which layers have a state of fixed size, where a file says so by giving them no heads of keys. */
export const isWithoutKeys = (reader: ModelReader, layer: number): boolean =>
  reader.perLayer('attention.head_count_kv', layer) === 0;

/** Which layers have a state of fixed size: as the file lists them, else all but every `interval`-th, or as many as the file says. */
export function recurrentLayers(reader: ModelReader, interval: number): (layer: number) => boolean {
  const listed = reader.booleans('attention.recurrent_layers');
  if (listed) return (layer) => listed[layer];
  if (reader.hasKey('attention.recurrent_layers'))
    return (layer) => reader.perLayer('attention.recurrent_layers', layer) !== 0;
  const every = reader.optionalCount('full_attention_interval') ?? interval;
  return (layer) => (layer + 1) % every !== 0;
}
