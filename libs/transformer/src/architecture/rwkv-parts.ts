import type { BlockNorms, ChannelMixSpec, LerpSpec, LinearSpec, MapSpec, NormSpec } from './block-spec.js';
import type { ModelReader } from './model-reader.js';
import { normOf } from './parts.js';
import type { TimeMix6Spec, TimeMix7Spec } from './rwkv-spec.js';

/*
 * The blocks of RWKV, read from the file by the names that GGUF gives their tensors.
 */

/** Epsilon of the norms of heads, which files do not name. */
const HEAD_NORM_EPSILON = 64e-5;

/** What an architecture's files say of shifted tokens; the models have no other number. */
export function checkTokenShifts(reader: ModelReader, expected: number): void {
  const count = reader.optionalCount('token_shift_count') ?? 2;
  if (count !== expected)
    throw reader.invalid(`asks for ${count} shifted tokens in each layer, where ${expected} are expected`);
}

function headsOf(reader: ModelReader): { readonly heads: number; readonly headLength: number } {
  const width = reader.count('embedding_length');
  const headLength = reader.count('wkv.head_size');
  if (headLength % 4 !== 0 || width % headLength !== 0)
    throw reader.invalid(
      `has heads of ${headLength} in rows of ${width}, where whole heads of multiples of 4 are expected`,
    );
  return { heads: width / headLength, headLength };
}

/** A vector for each of `names`, from `time_mix_lerp_fused` or from tensors of their own. */
function lerpsOf(reader: ModelReader, layer: number, names: readonly string[]): LerpSpec[] {
  const width = reader.count('embedding_length');
  const own = names.map((name) => `blk.${layer}.time_mix_lerp_${name}.weight`);
  const fused = `blk.${layer}.time_mix_lerp_fused.weight`;
  if (!reader.has(fused)) return own.map((name) => ({ tensor: reader.vector(name, width), part: 0 }));
  reader.excuseTensors('the same as in time_mix_lerp_fused', ...own);
  const tensor = reader.vector(fused, names.length * width);
  return names.map((_, part) => ({ tensor, part }));
}

/** The norm of each head's result, if the file has it. */
function headNormOf(reader: ModelReader, layer: number): NormSpec | undefined {
  const name = `blk.${layer}.time_mix_ln`;
  const width = reader.count('embedding_length');
  if (!reader.has(`${name}.weight`) || !reader.has(`${name}.bias`)) return undefined;
  return {
    kind: 'layer',
    epsilon: HEAD_NORM_EPSILON,
    weight: reader.vector(`${name}.weight`, width),
    bias: reader.vector(`${name}.bias`, width),
  };
}

/** A map by way of a short row, as long as the file has it, and a vector that is added. */
function lowRankOf(
  reader: ModelReader,
  layer: number,
  [first, last, bias]: readonly [string, string, string?],
  activation?: MapSpec['activation'],
): MapSpec {
  const width = reader.count('embedding_length');
  const name = (part: string): string => `blk.${layer}.time_mix_${part}`;
  const { rowCount: rank } = reader.vector(`${name(first)}.weight`);
  const up: LinearSpec = reader.linear(name(last), width, rank);
  return {
    first: reader.linear(name(first), rank, width),
    activation,
    last: bias === undefined ? up : { ...up, bias: reader.vector(`${name(bias)}.weight`, width) },
  };
}

/** RWKV-6, or the gated linear attention in its place where the file has no `time_mix_first`. */
export function timeMix6Of(reader: ModelReader, layer: number, norms: BlockNorms): TimeMix6Spec {
  const width = reader.count('embedding_length');
  const name = (part: string): string => `blk.${layer}.time_mix_${part}`;
  const { heads, headLength } = headsOf(reader);
  const bonus = reader.optionalVector(`${name('first')}.weight`, width);
  const kvHeads = reader.optionalCount('attention.head_count_kv', layer) ?? heads;
  if (heads % kvHeads !== 0)
    throw reader.invalid(
      `has ${heads} heads of receptances for ${kvHeads} heads of keys in layer ${layer}, which do not divide`,
    );
  const lerps = lerpsOf(reader, layer, ['w', 'k', 'v', 'r', 'g']);
  const { rowLength: rank } = reader.vector(`${name('w2')}.weight`);
  return {
    kind: 'timeMix6',
    norms,
    heads,
    headLength,
    kvHeads,
    baseLerp: { tensor: reader.vector(`${name('lerp_x')}.weight`, width), part: 0 },
    shifts: {
      first: reader.linear(name('w1'), lerps.length * rank, width),
      last: reader.experts(name('w2'), lerps.length, width, rank),
    },
    lerps,
    decay: lowRankOf(reader, layer, ['decay_w1', 'decay_w2', 'decay'], 'tanh'),
    receptance: reader.linear(name('receptance'), width, width),
    key: reader.linear(name('key'), kvHeads * headLength, width),
    value: reader.linear(name('value'), kvHeads * headLength, width),
    gate: reader.linear(name('gate'), width, width),
    bonus,
    gateActivation: bonus ? 'silu' : 'sigmoid',
    innerNorm: bonus && headNormOf(reader, layer),
    output: reader.linear(name('output'), width, width),
  };
}

/** RWKV-7. */
export function timeMix7Of(reader: ModelReader, layer: number, norms: BlockNorms): TimeMix7Spec {
  const width = reader.count('embedding_length');
  const name = (part: string): string => `blk.${layer}.time_mix_${part}`;
  const vector = (part: string) => reader.vector(`${name(part)}.weight`, width);
  const hasGate = reader.has(`${name('g1')}.weight`);
  if (layer === 0)
    reader.excuseTensors(
      'the first layer has nothing to mix its values with',
      ...['v0', 'v1', 'v2'].map((part) => `${name(part)}.weight`),
    );
  // The vector for gates may be there without them.
  const { rowLength, rowCount } = reader.vector(`${name('lerp_fused')}.weight`);
  const lerps = lerpsOf(
    reader,
    layer,
    ['r', 'w', 'k', 'v', 'a', 'g'].slice(0, hasGate ? 6 : (rowLength * rowCount) / width),
  );
  return {
    kind: 'timeMix7',
    norms,
    ...headsOf(reader),
    lerps: lerps.slice(0, hasGate ? 6 : 5),
    decay: lowRankOf(reader, layer, ['w1', 'w2', 'w0'], 'tanh'),
    rate: lowRankOf(reader, layer, ['a1', 'a2', 'a0']),
    valueMix: layer === 0 ? undefined : lowRankOf(reader, layer, ['v1', 'v2', 'v0']),
    gate: hasGate ? lowRankOf(reader, layer, ['g1', 'g2'], 'sigmoid') : undefined,
    receptance: reader.linear(name('receptance'), width, width),
    key: reader.linear(name('key'), width, width),
    value: reader.linear(name('value'), width, width),
    removalScale: vector('k_k'),
    keyScale: vector('k_a'),
    bonus: vector('r_k'),
    innerNorm: headNormOf(reader, layer),
    output: reader.linear(name('output'), width, width),
  };
}

/** RWKV's feed-forward block, with a receptance if the file has one. */
export function channelMixOf(reader: ModelReader, layer: number): ChannelMixSpec {
  const width = reader.count('embedding_length');
  const length = reader.count('feed_forward_length', layer);
  const name = (part: string): string => `blk.${layer}.channel_mix_${part}`;
  const lerp = (part: string): LerpSpec => ({ tensor: reader.vector(`${name(part)}.weight`, width), part: 0 });
  return {
    kind: 'channelMix',
    norms: { input: normOf(reader, 'layer', `blk.${layer}.attn_norm_2`, width) },
    keyLerp: lerp('lerp_k'),
    key: reader.linear(name('key'), length, width),
    value: reader.linear(name('value'), width, length),
    receptance: reader.has(`${name('receptance')}.weight`)
      ? { lerp: lerp('lerp_r'), linear: reader.linear(name('receptance'), width, width) }
      : undefined,
  };
}
