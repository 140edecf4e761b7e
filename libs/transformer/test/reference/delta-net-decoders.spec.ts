import { ENDS, GATED, METADATA, OUTPUT, RMS, SHAPE } from './decoder.js';
import { EXPERTS, GATED_ATTENTION, expertCounts, expertsWithShared, gatedAttention } from './delta-net-blocks.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { deltaNet, type DeltaNetInput } from './recurrences.js';
import { gated, plus, runDecoder, type Block } from './reference-decoder.js';
import { add, cut, rmsNorm, split, type Matrix, type Row } from './scalar-math.js';

const { width, head, layers } = SHAPE;
const HEADS = 4;
const KEY_HEADS = 2;
const SHARE = HEADS / KEY_HEADS;
const LENGTH = 12;
const [KEYS, VALUES] = [KEY_HEADS * LENGTH, HEADS * LENGTH];
const ATTENTION_LAYER = 1;
const norm = (name: string) => ({ [`${name}.weight`]: width });

const metadata = {
  ...METADATA,
  ...RMS,
  'rope.dimension_count': 4,
  'attention.key_length': head,
  'attention.value_length': head,
  full_attention_interval: ATTENTION_LAYER + 1,
  'ssm.conv_kernel': 4,
  'ssm.inner_size': VALUES,
  'ssm.state_size': LENGTH,
  'ssm.time_step_rank': HEADS,
  'ssm.group_count': KEY_HEADS,
};
const COMMON: TensorShapes = {
  'ssm_conv1d.weight': [4, 2 * KEYS + VALUES],
  'ssm_dt.bias': HEADS,
  ssm_a: HEADS,
  'ssm_norm.weight': LENGTH,
  'ssm_out.weight': [VALUES, width],
};
const tensorsOf = (projections: TensorShapes, feedForward: TensorShapes): TensorShapes =>
  Object.fromEntries(
    Array.from({ length: layers }, (_, i) => {
      const block = {
        ...norm('attn_norm'),
        ...(i === ATTENTION_LAYER ? GATED_ATTENTION : { ...COMMON, ...projections }),
        ...norm('post_attention_norm'),
        ...feedForward,
      };
      return Object.entries(block).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const);
    }).flat(),
  );

interface Variant {
  readonly architecture: string;
  readonly projections: TensorShapes;
  readonly feedForward: TensorShapes;
  readonly counts?: Record<string, number>;
  readonly inputOf: (block: Block, x: Matrix) => DeltaNetInput;
  readonly keyHeadOf: (head: number) => number;
  readonly feed: (block: Block, row: Row) => Row;
}

const apart = (block: Block, x: Matrix) => ({
  qkv: x.map((row) => block.apply('attn_qkv', row)),
  gate: x.map((row) => block.apply('attn_gate', row)),
});
/** For each key head the strengths of its heads, then their steps. */
const gatesTogether = (block: Block, x: Matrix) => {
  const parts = x.map((row) => split(block.apply('ssm_ba', row), KEY_HEADS).map((part) => split(part, 2)));
  return {
    strengths: parts.map((row) => row.flatMap(([strength]) => strength)),
    steps: parts.map((row) => row.flatMap(([, step]) => step)),
  };
};
const gatesApart = (block: Block, x: Matrix) => ({
  strengths: x.map((row) => block.apply('ssm_beta', row)),
  steps: x.map((row) => block.apply('ssm_alpha', row)),
});
/** For each key head its query, its key, and the values and gates of its heads. */
const together = (block: Block, x: Matrix) => {
  const parts = x.map((row) =>
    split(block.apply('ssm_in', row), KEY_HEADS).map((part) =>
      cut(part, LENGTH, LENGTH, SHARE * LENGTH, SHARE * LENGTH),
    ),
  );
  const joined = (index: number): Matrix => parts.map((row) => row.flatMap((part) => part[index]));
  return { qkv: joined(0).map((row, t) => [...row, ...joined(1)[t], ...joined(2)[t]]), gate: joined(3) };
};

const APART: TensorShapes = { 'attn_qkv.weight': [width, 2 * KEYS + VALUES], 'attn_gate.weight': [width, VALUES] };
const BETA_ALPHA: TensorShapes = { 'ssm_beta.weight': [width, HEADS], 'ssm_alpha.weight': [width, HEADS] };
const neighbours = (index: number) => Math.floor(index / SHARE);
const remainder = (index: number) => index % KEY_HEADS;
const dense = (block: Block, row: Row): Row => gated(block, row);

const variants: Record<string, Variant> = {
  qwen3next: {
    architecture: 'qwen3next',
    projections: { ...APART, 'ssm_ba.weight': [width, 2 * HEADS] },
    feedForward: EXPERTS,
    counts: expertCounts,
    inputOf: (block, x) => ({ ...apart(block, x), ...gatesTogether(block, x) }),
    keyHeadOf: neighbours,
    feed: expertsWithShared,
  },
  'qwen3next with one projection': {
    architecture: 'qwen3next',
    projections: { 'ssm_in.weight': [width, 2 * KEYS + 2 * VALUES], 'ssm_ba.weight': [width, 2 * HEADS] },
    feedForward: EXPERTS,
    counts: expertCounts,
    inputOf: (block, x) => ({ ...together(block, x), ...gatesTogether(block, x) }),
    keyHeadOf: neighbours,
    feed: expertsWithShared,
  },
  qwen35: {
    architecture: 'qwen35',
    projections: { ...APART, ...BETA_ALPHA },
    feedForward: GATED,
    inputOf: (block, x) => ({ ...apart(block, x), ...gatesApart(block, x) }),
    keyHeadOf: remainder,
    feed: dense,
  },
  qwen35moe: {
    architecture: 'qwen35moe',
    projections: { ...APART, ...BETA_ALPHA },
    feedForward: EXPERTS,
    counts: expertCounts,
    inputOf: (block, x) => ({ ...apart(block, x), ...gatesApart(block, x) }),
    keyHeadOf: remainder,
    feed: expertsWithShared,
  },
};

describe('decoders with gated delta nets agree with a scalar evaluation', () => {
  it.each(Object.keys(variants))('%s', async (name) => {
    const { architecture, projections, feedForward, counts, inputOf, keyHeadOf, feed } = variants[name];
    const model = await randomModel(
      architecture,
      { ...metadata, ...counts },
      { ...ENDS, ...OUTPUT, ...tensorsOf(projections, feedForward) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const input = x.map((row) => rmsNorm(row, block.vector('attn_norm.weight')));
          const mixed =
            block.index === ATTENTION_LAYER
              ? gatedAttention(block, input)
              : deltaNet(block, inputOf(block, input), {
                  heads: HEADS,
                  keyHeads: KEY_HEADS,
                  length: LENGTH,
                  keyHeadOf,
                });
          return plus(x, mixed).map((row) =>
            add(row, feed(block, rmsNorm(row, block.vector('post_attention_norm.weight')))),
          );
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
