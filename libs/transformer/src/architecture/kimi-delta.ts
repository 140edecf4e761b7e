import type { BlockNorms, LinearSpec, MapSpec } from './block-spec.js';
import type { DeltaNetSpec } from './mixer-spec.js';
import type { ModelReader } from './model-reader.js';
import { normOf, weightlessNorm, withoutBiases } from './parts.js';
import { convolutionOf } from './recurrent-parts.js';

/** What differs between files of Kimi's delta nets. */
export interface KimiDeltaOptions {
  /** How steps become decays. Default: as in other delta nets. */
  readonly bound?: { readonly floor: number; readonly sign: 1 | -1 };
}

/** Kimi's delta net of a layer (Kimi Team, 2025): each element of a head's keys is forgotten at a rate of its own. */
export function kimiDeltaOf(
  reader: ModelReader,
  layer: number,
  norms: BlockNorms,
  { bound }: KimiDeltaOptions = {},
): DeltaNetSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const length = reader.count('kda.head_dim');
  const { rowLength: inner } = reader.vector(`${block}.ssm_dt.bias`);
  const heads = inner / length;
  if (!Number.isInteger(heads) || length % 4 !== 0)
    throw reader.invalid(
      `has steps for ${inner} elements in heads of ${length}, where whole heads of multiples of 4 are expected`,
    );
  const taps = reader.count('ssm.conv_kernel');
  const names = ['attn_q', 'attn_k', 'attn_v'];
  const gate = mapOf(
    reader,
    reader.has(`${block}.ssm_g.weight`) ? [`${block}.ssm_g`] : [`${block}.ssm_g_a`, `${block}.ssm_g_b`],
    inner,
    width,
  );
  const isJoint = reader.has(`${block}.attn_qkv.weight`);
  withoutBiases(reader, ...names.map((name) => `${block}.${name}`));
  const [q, k, v] = isJoint
    ? []
    : names.map((name) => ({ ...reader.linear(`${block}.${name}`, inner, width), bias: undefined }));
  return {
    kind: 'deltaNet',
    norms,
    heads,
    keyHeads: heads,
    keyLength: length,
    valueLength: length,
    sharing: 'neighbours',
    projection: isJoint
      ? { kind: 'separate', qkv: reader.linear(`${block}.attn_qkv`, 3 * inner, width), gate }
      : { kind: 'apart', q, k, v, gate },
    gates: {
      kind: 'elements',
      strength: reader.linear(`${block}.ssm_beta`, heads, width),
      step: mapOf(reader, [`${block}.ssm_f_a`, `${block}.ssm_f_b`], inner, width),
      bound,
    },
    convolutions: ['q', 'k', 'v'].map((part) => convolutionOf(reader, `${block}.ssm_conv1d_${part}`, taps, inner)),
    stepBias: reader.vector(`${block}.ssm_dt.bias`, inner),
    rate: reader.vector(`${block}.ssm_a`, heads),
    epsilon: weightlessNorm(reader, 'rms').epsilon,
    innerNorm: normOf(reader, 'rms', `${block}.ssm_norm`, length),
    gateActivation: 'sigmoid',
    output: reader.linear(`${block}.attn_output`, width, inner),
  };
}

/** A map from one tensor, or from two if the file has the second. */
function mapOf(reader: ModelReader, [first, second]: readonly string[], rows: number, columns: number): MapSpec {
  if (second === undefined || !reader.has(`${second}.weight`)) return { last: reader.linear(first, rows, columns) };
  const { rowCount: rank } = reader.vector(`${first}.weight`);
  const last: LinearSpec = reader.linear(second, rows, rank);
  return { first: reader.linear(first, rank, columns), last };
}
