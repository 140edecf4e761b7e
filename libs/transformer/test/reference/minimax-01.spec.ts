import { ENDS, METADATA, OUTPUT, QKV, RMS, SHAPE } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { mixture, plus, rotated, runDecoder, separateHeads, type Block } from './reference-decoder.js';
import { add, attend, dot, multiply, rmsNorm, scale, sigmoid, silu, split, type Matrix } from './scalar-math.js';

const { width, ffn, heads, head, layers } = SHAPE;
const LENGTH = heads * head;
const RESIDUAL = 3.5;
const norm = (name: string, length: number = width) => ({ [`${name}.weight`]: length });

const lightning: TensorShapes = {
  'attn_qkv.weight': [width, 3 * LENGTH],
  'attn_gate.weight': [width, LENGTH],
  ...norm('attn_norm_2', LENGTH),
  'attn_output.weight': [LENGTH, width],
};
const experts: TensorShapes = {
  ...norm('ffn_norm'),
  'ffn_gate_inp.weight': [width, 6],
  'ffn_gate_exps.weight': [width, ffn, 6],
  'ffn_up_exps.weight': [width, ffn, 6],
  'ffn_down_exps.weight': [ffn, width, 6],
};

/** Lightning attention (Qin et al., 2024) as the sum that it stands for: each pair of a query and a key before it, by their distance. */
function lightningAttention(block: Block, x: Matrix): Matrix {
  const parts = x.map((row) => split(block.apply('attn_qkv', row).map(silu), heads).map((part) => split(part, 3)));
  return parts.map((queries, i) => {
    const result = queries.flatMap(([q], h) => {
      const slope = 2 ** ((-8 * (h + 1)) / heads) * (1 - block.index / (layers - 1) + 1e-5);
      return parts
        .slice(0, i + 1)
        .map((row, j) => scale(row[h][2], Math.exp(-slope * (i - j)) * dot(q, row[h][1])))
        .reduce(add);
    });
    return block.apply(
      'attn_output',
      multiply(rmsNorm(result, block.vector('attn_norm_2.weight')), block.apply('attn_gate', x[i]).map(sigmoid)),
    );
  });
}

describe('minimax-01', () => {
  it.each([
    ['every second layer has attention', { full_attention_interval: 2 }],
    ['the file lists the layers', { 'attention.recurrent_layers': [true, false, true] }],
  ])('agrees with a scalar evaluation where %s', async (_, which) => {
    const tensors = Object.fromEntries(
      Array.from({ length: layers }, (__, i) =>
        Object.entries({ ...norm('attn_norm'), ...(i === 1 ? QKV : lightning), ...experts }).map(
          ([name, shape]) => [`blk.${i}.${name}`, shape] as const,
        ),
      ).flat(),
    );
    const metadata = {
      ...METADATA,
      ...RMS,
      ...which,
      'rope.dimension_count': 4,
      residual_scale: RESIDUAL,
      expert_count: 6,
      expert_used_count: 2,
    };
    const model = await randomModel('minimax-01', metadata, { ...ENDS, ...OUTPUT, ...tensors });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const input = x.map((row) => rmsNorm(row, block.vector('attn_norm.weight')));
          const attended = (): Matrix => {
            const { q, k, v } = separateHeads(block, input);
            return attend(rotated(q, 'halves', 4), rotated(k, 'halves', 4), v).map((row) =>
              block.apply('attn_output', row),
            );
          };
          const y = plus(
            block.index === 1 ? attended() : lightningAttention(block, input),
            input.map((row) => scale(row, RESIDUAL)),
          );
          return y.map((row) => {
            const fed = rmsNorm(row, block.vector('ffn_norm.weight'));
            return add(mixture(block, fed, { used: 2, normalize: true }), scale(fed, RESIDUAL));
          });
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
