import { blocks, ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE, sharedMixture } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { mixture, plus, runDecoder, separateHeads, type Block } from './reference-decoder.js';
import {
  add,
  attend,
  linear,
  multiply,
  rmsNorm,
  scale,
  sigmoid,
  silu,
  split,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, heads, head } = SHAPE;
const EXPERTS = 6;
const EXPERT_LENGTH = 16;
const WINDOWED = [true, false, true];
const LIMITS = { experts: [0, 0.5, 0.4], dense: [0.3, 0, 0.6] };
/** Pairs of a whole head; layers without a window turn half of them. */
const PAIRS = head / 2;

const common: TensorShapes = {
  'attn_norm.weight': width,
  ...QKV,
  'attn_q_norm.weight': head,
  'attn_k_norm.weight': head,
  'attn_gate.weight': [width, heads],
  'ffn_norm.weight': width,
};
const tensors = blocks((layer) => ({
  ...common,
  ...(layer === 0 ? GATED : sharedMixture(EXPERTS, EXPERT_LENGTH, 24)),
}));

/** silu(gate) up to the limit, times up within it; 0 means none. */
const within = (gate: Row, up: Row, limit: number): Row =>
  limit === 0
    ? multiply(gate.map(silu), up)
    : multiply(
        gate.map((value) => Math.min(silu(value), limit)),
        up.map((value) => Math.max(-limit, Math.min(limit, value))),
      );

function feed(block: Block, x: Row): Row {
  const dense = (suffix: string): Row =>
    block.apply(
      `ffn_down${suffix}`,
      within(block.apply(`ffn_gate${suffix}`, x), block.apply(`ffn_up${suffix}`, x), LIMITS.dense[block.index]),
    );
  if (block.index === 0) return dense('');
  const expert = (i: number, row: Row): Row => {
    const [gate, up, down] = ['gate', 'up', 'down'].map((name) => block.matrices(`ffn_${name}_exps.weight`)[i]);
    return linear(down, within(linear(gate, row), linear(up, row), LIMITS.experts[block.index]));
  };
  return add(
    mixture(block, x, { used: 2, gating: 'sigmoid', normalize: true, weightScale: 1.5, expert }),
    dense('_shexp'),
  );
}

/** What cosines and sines are multiplied by, in windowed layers too. */
const MAGNITUDE = 1.25;

describe('step35', () => {
  it.each([false, true])('agrees with a scalar evaluation (factors of the rotation: %s)', async (hasFactors) => {
    const metadata = {
      ...METADATA,
      ...RMS,
      'attention.sliding_window': 5,
      'attention.sliding_window_pattern': WINDOWED,
      'rope.scaling.attn_factor': MAGNITUDE,
      'rope.freq_base': 5000.5,
      'rope.freq_base_swa': 500.5,
      expert_count: EXPERTS,
      expert_used_count: 2,
      expert_feed_forward_length: EXPERT_LENGTH,
      expert_weights_norm: true,
      expert_weights_scale: 1.5,
      swiglu_clamp_exp: Float32Array.from(LIMITS.experts),
      swiglu_clamp_shexp: Float32Array.from(LIMITS.dense),
    };
    const model = await randomModel('step35', metadata, {
      ...ENDS,
      ...OUTPUT,
      ...(hasFactors ? { 'rope_freqs.weight': PAIRS } : {}),
      ...tensors,
    });
    const factors = model.optionalVector('rope_freqs.weight');
    const turn = (part: Row, position: number, isWindowed: boolean): Row => {
      const pairs = isWindowed ? PAIRS : PAIRS / 2;
      const out = [...part];
      for (let i = 0; i < pairs; i++) {
        const angle =
          (position * (isWindowed ? 500.5 : 5000.5) ** (-i / pairs)) / (isWindowed ? 1 : (factors?.[i] ?? 1));
        out[i] = MAGNITUDE * (part[i] * Math.cos(angle) - part[i + pairs] * Math.sin(angle));
        out[i + pairs] = MAGNITUDE * (part[i] * Math.sin(angle) + part[i + pairs] * Math.cos(angle));
      }
      return out;
    };
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const inputs = x.map((row) => rmsNorm(row, block.vector('attn_norm.weight')));
          const { q, k, v } = separateHeads(block, inputs);
          const isWindowed = WINDOWED[block.index];
          const turned = (rows: Matrix[], name: string) =>
            rows.map((parts, t) =>
              parts.map((part) => turn(rmsNorm(part, block.vector(`${name}.weight`)), t, isWindowed)),
            );
          const sums = attend(turned(q, 'attn_q_norm'), turned(k, 'attn_k_norm'), v, isWindowed ? { window: 5 } : {});
          const gates = inputs.map((row) => block.apply('attn_gate', row).map(sigmoid));
          const y = plus(
            x,
            sums.map((row, t) =>
              block.apply(
                'attn_output',
                split(row, heads).flatMap((part, h) => scale(part, gates[t][h])),
              ),
            ),
          );
          return y.map((row) => add(row, feed(block, rmsNorm(row, block.vector('ffn_norm.weight')))));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
