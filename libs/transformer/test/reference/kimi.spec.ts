import { ENDS, GATED, OUTPUT, SHAPE } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { kimiDelta, type ExponentOf } from './kimi-delta.js';
import { INNER, LENGTHS, apart, chains, delta, kimiMetadata, latent, norm } from './kimi-tensors.js';
import { latentAttention, type LatentOptions } from './latent-attention.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { mixture, plus, runDecoder, type Block } from './reference-decoder.js';
import { add, linear, multiply, rmsNorm, sigmoid, silu, type Row } from './scalar-math.js';

const { width, heads, layers } = SHAPE;
const FLOOR = -1.5;
const experts: TensorShapes = {
  'ffn_gate_inp.weight': [width, 6],
  'exp_probs_b.bias': 6,
  'ffn_gate_exps.weight': [width, 16, 6],
  'ffn_up_exps.weight': [width, 16, 6],
  'ffn_down_exps.weight': [16, width, 6],
  'ffn_gate_shexp.weight': [width, 24],
  'ffn_up_shexp.weight': [width, 24],
  'ffn_down_shexp.weight': [24, width],
};
interface Variant {
  readonly architecture: string;
  readonly attention: TensorShapes;
  readonly projections: TensorShapes;
  readonly more: Readonly<Record<string, number | boolean | Float32Array>>;
  readonly options: LatentOptions;
  readonly exponentOf: ExponentOf;
  /** What a block with a gate makes of both rows, by the key of its bound. */
  readonly gate: (gate: Row, up: Row, isExpert: boolean) => Row;
  readonly normalize: boolean;
}

const swiglu = (gate: Row, up: Row): Row => multiply(gate.map(silu), up);
/** The gate's result below a bound, up within it. */
const limited = (gate: Row, up: Row, isExpert: boolean): Row => {
  const limit = isExpert ? 0.3 : 0.4;
  return gate.map((value, i) => Math.min(silu(value), limit) * Math.max(-limit, Math.min(limit, up[i])));
};
const plainDecay: ExponentOf = (step, rate) => rate * Math.log1p(Math.exp(step));
const perHead = (block: Block): LatentOptions => ({
  gate: (input, results) =>
    block.apply('attn_gate', input).flatMap((value) => new Array<number>(results.length / heads).fill(sigmoid(value))),
});

const linear3: Variant = {
  architecture: 'kimi-linear',
  attention: latent,
  projections: { ...apart, ...chains },
  more: {},
  options: { turn: (part) => part },
  exponentOf: plainDecay,
  gate: swiglu,
  normalize: true,
};
const ling: Variant = {
  ...linear3,
  architecture: 'bailingmoe3',
  attention: { ...latent, 'attn_gate.weight': [width, heads] },
  projections: { ...apart, 'ssm_f_a.weight': [width, INNER], 'ssm_g_a.weight': [width, INNER] },
  more: {
    'kda.gate_lower_bound': FLOOR,
    'kda.safe_gate': true,
    swiglu_clamp_exp: Float32Array.of(0.3, 0.3, 0.3),
    swiglu_clamp_shexp: Float32Array.of(0.4, 0.4, 0.4),
  },
  options: {},
  exponentOf: (step, rate) => FLOOR * sigmoid(rate * step),
  gate: limited,
  normalize: false,
};

function feedForward(block: Block, row: Row, { gate, normalize }: Variant): Row {
  const dense = (suffix: string): Row =>
    block.apply(
      `ffn_down${suffix}`,
      gate(block.apply(`ffn_gate${suffix}`, row), block.apply(`ffn_up${suffix}`, row), false),
    );
  if (!block.optionalVector('ffn_gate_inp.weight')) return dense('');
  const [gates, ups, downs] = ['ffn_gate_exps', 'ffn_up_exps', 'ffn_down_exps'].map((name) =>
    block.matrices(`${name}.weight`),
  );
  const expert = (i: number, x: Row): Row => linear(downs[i], gate(linear(gates[i], x), linear(ups[i], x), true));
  return add(mixture(block, row, { used: 2, gating: 'sigmoid', normalize, weightScale: 2.5, expert }), dense('_shexp'));
}

describe('delta nets with a decay for each element agree with a scalar evaluation', () => {
  it.each([
    ['kimi-linear', linear3],
    [
      'kimi-linear with one matrix for queries, keys and values',
      { ...linear3, projections: { 'attn_qkv.weight': [width, 3 * INNER], ...chains } },
    ],
    ['bailingmoe3', ling],
  ] as const)('%s', async (_, variant) => {
    const tensors = Object.fromEntries(
      Array.from({ length: layers }, (_, i) =>
        Object.entries({
          ...norm('attn_norm'),
          ...(i === 1 ? variant.attention : { ...delta, ...variant.projections }),
          ...norm('ffn_norm'),
          ...(i === 0 ? GATED : experts),
        }).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const),
      ).flat(),
    );
    const model = await randomModel(
      variant.architecture,
      { ...kimiMetadata, ...variant.more },
      { ...ENDS, ...OUTPUT, ...tensors },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const input = x.map((row) => rmsNorm(row, block.vector('attn_norm.weight')));
          // Biases of the file stand beside the projections of delta nets without being added.
          const bare: Block = { ...block, apply: (name, row) => linear(block.matrix(`${name}.weight`), row) };
          const options = variant === ling ? perHead(block) : variant.options;
          const y = plus(
            x,
            block.index === 1
              ? latentAttention(block, input, LENGTHS, options)
              : kimiDelta(bare, input, heads, variant.exponentOf),
          );
          return y.map((row) => add(row, feedForward(block, rmsNorm(row, block.vector('ffn_norm.weight')), variant)));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
