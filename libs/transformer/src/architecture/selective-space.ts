import type { BlockNorms, NormSpec } from './block-spec.js';
import type { SelectiveSpaceSpec } from './mixer-spec.js';
import type { ModelReader } from './model-reader.js';
import { optionalNorm, weightlessNorm } from './parts.js';
import { convolutionOf } from './recurrent-parts.js';

type Common = Omit<SelectiveSpaceSpec, 'inputOrder' | 'parameterOrder' | 'rate' | 'rateOf'>;

/** What both forms of Mamba's block have. */
function commonOf(
  reader: ModelReader,
  layer: number,
  norms: BlockNorms,
  { heads, rank }: { readonly heads: number; readonly rank: number },
): Common {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const inner = reader.count('ssm.inner_size');
  const stateLength = reader.count('ssm.state_size');
  if (stateLength % 4 !== 0 || (heads !== inner && inner % (4 * heads) !== 0))
    throw reader.invalid(
      `has states of ${stateLength} in ${heads} heads of ${inner} channels, where multiples of 4 are expected`,
    );
  const norm = (name: string, length: number): NormSpec | undefined =>
    optionalNorm(reader, 'rms', `${block}.${name}`, length);
  return {
    kind: 'selectiveSpace',
    norms,
    heads,
    stateLength,
    input: reader.linear(`${block}.ssm_in`, 2 * inner, width),
    convolution: convolutionOf(reader, `${block}.ssm_conv1d`, reader.count('ssm.conv_kernel'), inner),
    parameters: reader.linear(`${block}.ssm_x`, rank + 2 * stateLength, inner),
    stepNorm: norm('ssm_dt_norm', rank),
    inNorm: norm('ssm_b_norm', stateLength),
    outNorm: norm('ssm_c_norm', stateLength),
    step: reader.linear(`${block}.ssm_dt`, heads, rank),
    skip: reader.vector(`${block}.ssm_d`, heads),
    output: reader.linear(`${block}.ssm_out`, width, inner),
  };
}

/** The Mamba block of a layer: a step and rates for each channel. `ssm.dt_b_c_rms` asks for norms without weights. */
export function selectiveSpaceOf(reader: ModelReader, layer: number, norms: BlockNorms): SelectiveSpaceSpec {
  const inner = reader.count('ssm.inner_size');
  const common = commonOf(reader, layer, norms, { heads: inner, rank: reader.count('ssm.time_step_rank') });
  const plain = reader.boolean('ssm.dt_b_c_rms') ? weightlessNorm(reader, 'rms') : undefined;
  return {
    ...common,
    stepNorm: common.stepNorm ?? plain,
    inNorm: common.inNorm ?? plain,
    outNorm: common.outNorm ?? plain,
    inputOrder: 'valuesFirst',
    parameterOrder: 'stepFirst',
    rate: reader.table(`blk.${layer}.ssm_a`, common.stateLength, inner),
    rateOf: 'element',
  };
}

/** The same with a step and a rate for each of a few heads. */
export function headSelectiveSpaceOf(reader: ModelReader, layer: number, norms: BlockNorms): SelectiveSpaceSpec {
  const heads = reader.count('ssm.time_step_rank');
  const { rowLength: rank } = reader.vector(`blk.${layer}.ssm_dt.weight`);
  return {
    ...commonOf(reader, layer, norms, { heads, rank }),
    inputOrder: 'gateFirstByHead',
    parameterOrder: 'stepLast',
    rate: reader.vector(`blk.${layer}.ssm_a`, heads),
    rateOf: 'head',
  };
}
