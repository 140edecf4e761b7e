import { ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE, blocks } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel } from './random-model.js';
import { gated, plus, rotated, runDecoder, separateHeads, type Block } from './reference-decoder.js';
import {
  add,
  attend,
  cut,
  gelu,
  multiply,
  rmsNorm,
  scale,
  sigmoid,
  silu,
  split,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, head, heads } = SHAPE;
const norm = (name: string) => ({ [`${name}.weight`]: width });
const HEAD_NORMS = { 'attn_q_norm.weight': head, 'attn_k_norm.weight': head };

const normedHeads = (rows: Matrix[], block: Block, name: string): Matrix[] =>
  rows.map((parts) => parts.map((part) => rmsNorm(part, block.vector(name))));

/** Layers that see a window, as files list them. */
const WINDOWED = [true, false, true];
const WINDOWS = { 'attention.sliding_window': 5, 'attention.sliding_window_pattern': WINDOWED };

describe('decoders with gates on attention, windows and norms of heads agree with a scalar evaluation', () => {
  it('muse-glimmer: a gate for each element, norms around blocks, rotation in windowed layers only', async () => {
    const block = {
      ...norm('attn_norm'),
      ...QKV,
      ...HEAD_NORMS,
      'attn_gate.weight': [width, heads * head],
      ...norm('post_attention_norm'),
      ...norm('ffn_norm'),
      ...GATED,
      ...norm('post_ffw_norm'),
    };
    const metadata = { ...METADATA, ...RMS, ...WINDOWS, logit_scale: 0.75, final_logit_softcapping: 4.5 };
    const model = await randomModel('muse-glimmer', metadata, { ...ENDS, ...OUTPUT, ...blocks(block) });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        embed: (row) => rmsNorm(row, undefined),
        layer: (part, x) => {
          const inputs = x.map((row) => rmsNorm(row, part.vector('attn_norm.weight')));
          const { q, k, v } = separateHeads(part, inputs);
          const [queries, keys] = [
            normedHeads(q, part, 'attn_q_norm.weight'),
            normedHeads(k, part, 'attn_k_norm.weight'),
          ];
          const sums = WINDOWED[part.index]
            ? attend(rotated(queries, 'pairs'), rotated(keys, 'pairs'), v, { window: 5 })
            : attend(queries, keys, v);
          const gatedSums = sums.map((row, i) => multiply(row, part.apply('attn_gate', inputs[i]).map(sigmoid)));
          const y = plus(
            x,
            gatedSums.map((row) =>
              rmsNorm(part.apply('attn_output', row), part.vector('post_attention_norm.weight'), 1e-8),
            ),
          );
          return y.map((row) =>
            add(
              row,
              rmsNorm(
                gated(part, rmsNorm(row, part.vector('ffn_norm.weight'))),
                part.vector('post_ffw_norm.weight'),
                1e-8,
              ),
            ),
          );
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
        logits: (row) => row.map((logit) => 4.5 * Math.tanh((0.75 * logit) / 4.5)),
      }),
    );
  });

  it('spark2_5: a gate for each head', async () => {
    const block = { ...norm('attn_norm'), ...QKV, 'attn_gate.weight': [width, heads], ...norm('ffn_norm'), ...GATED };
    const model = await randomModel(
      'spark2_5',
      { ...METADATA, ...RMS, ...WINDOWS, 'rope.freq_base_swa': 500.5 },
      { ...ENDS, ...OUTPUT, ...blocks(block) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const inputs = x.map((row) => rmsNorm(row, part.vector('attn_norm.weight')));
          const { q, k, v } = separateHeads(part, inputs);
          const isWindowed = WINDOWED[part.index];
          const turn = (rows: Matrix[]) => rotated(rows, 'halves', head, isWindowed ? 500.5 : 10_000);
          const gates = (i: number): Row => part.apply('attn_gate', inputs[i]).map(sigmoid);
          const sums = attend(turn(q), turn(k), v, isWindowed ? { window: 5 } : {}).map((row, i) =>
            split(row, heads).flatMap((values, h) => scale(values, gates(i)[h])),
          );
          const y = plus(
            x,
            sums.map((row) => part.apply('attn_output', row)),
          );
          return y.map((row) => add(row, gated(part, rmsNorm(row, part.vector('ffn_norm.weight')), gelu)));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });

  it('hunyuan-dense: norms of heads after the rotation, whose base grows with alpha', async () => {
    const block = { ...norm('attn_norm'), ...QKV, ...HEAD_NORMS, ...norm('ffn_norm'), ...GATED };
    const model = await randomModel(
      'hunyuan-dense',
      { ...METADATA, ...RMS, 'rope.scaling.alpha': 50.5 },
      { ...ENDS, ...OUTPUT, ...blocks(block) },
    );
    const base = 10_000 * 50.5 ** (head / (head - 2));
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
          );
          const turned = (rows: Matrix[], name: string) => normedHeads(rotated(rows, 'halves', head, base), part, name);
          const y = plus(
            x,
            attend(turned(q, 'attn_q_norm.weight'), turned(k, 'attn_k_norm.weight'), v).map((row) =>
              part.apply('attn_output', row),
            ),
          );
          return y.map((row) => add(row, gated(part, rmsNorm(row, part.vector('ffn_norm.weight')))));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });

  it.each([false, true])(
    'nanbeige: three rounds of the same layers, the final norm between them (skipped: %s)',
    async (skipped) => {
      const block = { ...norm('attn_norm'), ...QKV, ...norm('ffn_norm'), ...GATED };
      const model = await randomModel(
        'nanbeige',
        { ...METADATA, ...RMS, num_loops: 3, skip_loop_final_norm: skipped },
        { ...ENDS, ...OUTPUT, ...blocks(block) },
      );
      const { layers } = SHAPE;
      await expectAgreement(model, (tokens) =>
        runDecoder(model, tokens, {
          layers: 3 * layers,
          blockOf: (index) => index % layers,
          layer: (part, x, index) => {
            const { q, k, v } = separateHeads(
              part,
              x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
            );
            const y = plus(
              x,
              attend(rotated(q, 'pairs'), rotated(k, 'pairs'), v).map((row) => part.apply('attn_output', row)),
            );
            const z = y.map((row) => add(row, gated(part, rmsNorm(row, part.vector('ffn_norm.weight')))));
            const isBetween = !skipped && index % layers === layers - 1 && index < 3 * layers - 1;
            return isBetween ? z.map((row) => rmsNorm(row, model.vector('output_norm.weight'))) : z;
          },
          finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
        }),
      );
    },
  );

  it('plamo3: norms around blocks, whose names lack their ending, and a base of their own in windowed layers', async () => {
    const fused = {
      'attn_qkv.weight': [width, (heads + 2 * SHAPE.kvHeads) * head],
      'attn_output.weight': [heads * head, width],
      'ffn_up.weight': [width, 2 * SHAPE.ffn],
      'ffn_down.weight': [SHAPE.ffn, width],
    } as const;
    const block = {
      ...norm('attn_norm'),
      ...fused,
      ...HEAD_NORMS,
      post_attention_norm: width,
      ...norm('ffn_norm'),
      post_ffw_norm: width,
    };
    const model = await randomModel(
      'plamo3',
      { ...METADATA, ...RMS, ...WINDOWS, 'rope.freq_base_swa': 500.5 },
      { ...ENDS, ...OUTPUT, ...blocks(block) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const rows = x.map((row) =>
            cut(
              part.apply('attn_qkv', rmsNorm(row, part.vector('attn_norm.weight'))),
              heads * head,
              SHAPE.kvHeads * head,
              SHAPE.kvHeads * head,
            ),
          );
          const [q, k, v] = [heads, SHAPE.kvHeads, SHAPE.kvHeads].map((count, i) =>
            rows.map((parts) => split(parts[i], count)),
          );
          const isWindowed = WINDOWED[part.index];
          const turned = (all: Matrix[], name: string) =>
            rotated(normedHeads(all, part, name), 'halves', head, isWindowed ? 500.5 : 10_000);
          const sums = attend(
            turned(q, 'attn_q_norm.weight'),
            turned(k, 'attn_k_norm.weight'),
            v,
            isWindowed ? { window: 5 } : {},
          );
          const y = plus(
            x,
            sums.map((row) => rmsNorm(part.apply('attn_output', row), part.vector('post_attention_norm'))),
          );
          return y.map((row) => {
            const [gate, up] = split(part.apply('ffn_up', rmsNorm(row, part.vector('ffn_norm.weight'))), 2);
            return add(
              row,
              rmsNorm(part.apply('ffn_down', multiply(gate.map(silu), up)), part.vector('post_ffw_norm')),
            );
          });
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
