import { loadTransformer } from '../../src/load/load-transformer.js';
import { blocks, ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE, sharedMixture } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { mixture, plus, rotated, runDecoder, separateHeads, type Block } from './reference-decoder.js';
import { add, attend, linear, rmsNorm, sigmoid, type Matrix, type Row } from './scalar-math.js';

const { width, head, kvHeads } = SHAPE;
const EXPERTS = 6;
const ROTATED = 4;
const norm = (name: string, length: number = width) => ({ [`${name}.weight`]: length });

const common: TensorShapes = {
  ...norm('attn_norm'),
  ...QKV,
  ...norm('attn_q_norm', head),
  ...norm('attn_k_norm', head),
  ...norm('ffn_norm'),
};
const indexer: TensorShapes = {
  'indexer.q_proj.weight': [width, kvHeads * 8],
  'indexer.k_proj.weight': [width, 8],
  ...norm('indexer.q_norm', 8),
  ...norm('indexer.k_norm', 8),
};
const tensors = blocks((layer) => ({
  ...common,
  ...(layer === 0 ? GATED : { ...sharedMixture(EXPERTS, 16, 24), ...indexer }),
}));

/** The gate of OpenAI's open models: clamped, with a slope, and one added to what it multiplies. */
const clamped = (gate: Row, up: Row): Row =>
  gate.map((value, i) => {
    const limited = Math.min(value, 7);
    return limited * sigmoid(1.702 * limited) * (Math.max(-7, Math.min(7, up[i])) + 1);
  });

const dense = (block: Block, x: Row, suffix = ''): Row =>
  block.apply(`ffn_down${suffix}`, clamped(block.apply(`ffn_gate${suffix}`, x), block.apply(`ffn_up${suffix}`, x)));

function feed(block: Block, x: Row): Row {
  if (block.index === 0) return dense(block, x);
  const expert = (i: number, row: Row): Row => {
    const [gate, up, down] = ['gate', 'up', 'down'].map((name) => block.matrices(`ffn_${name}_exps.weight`)[i]);
    return linear(down, clamped(linear(gate, row), linear(up, row)));
  };
  return add(
    mixture(block, x, { used: 2, gating: 'sigmoid', normalize: true, weightScale: 1.5, expert }),
    dense(block, x, '_shexp'),
  );
}

describe('minimax-m3', () => {
  it('agrees with a scalar evaluation, in contexts of which an indexer would choose every block', async () => {
    const metadata = {
      ...METADATA,
      ...RMS,
      'rope.dimension_count': ROTATED,
      'attention.indexer.top_k': 8,
      'attention.indexer.block_size': 4,
      expert_count: EXPERTS,
      expert_used_count: 2,
      expert_feed_forward_length: 16,
      expert_gating_func: 2,
      expert_weights_norm: true,
      expert_weights_scale: 1.5,
    };
    const model = await randomModel('minimax-m3', metadata, { ...ENDS, ...OUTPUT, ...tensors });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (block, x) => {
          const { q, k, v } = separateHeads(
            block,
            x.map((row) => rmsNorm(row, block.vector('attn_norm.weight'))),
          );
          const turned = (rows: Matrix[], name: string) =>
            rotated(
              rows.map((parts) => parts.map((part) => rmsNorm(part, block.vector(`${name}.weight`)))),
              'halves',
              ROTATED,
            );
          const y = plus(
            x,
            attend(turned(q, 'attn_q_norm'), turned(k, 'attn_k_norm'), v).map((row) => block.apply('attn_output', row)),
          );
          return y.map((row) => add(row, feed(block, rmsNorm(row, block.vector('ffn_norm.weight')))));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
    await expect(loadTransformer(model.file, { contextLength: 33 })).rejects.toMatchObject({
      code: 'unsupported_model',
      details: { limit: 32 },
    });
  });
});
