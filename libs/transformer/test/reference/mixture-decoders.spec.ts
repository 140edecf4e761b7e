import { ENDS, METADATA, OUTPUT, QKV, RMS, SHAPE, biased, blocks } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type TensorShapes } from './random-model.js';
import { gated, mixture, plus, rotated, runDecoder, separateHeads } from './reference-decoder.js';
import { add, attend, linear, rmsNorm, scale, sigmoid, silu, type Row } from './scalar-math.js';

const { width, ffn, heads, head, kvHeads } = SHAPE;
const EXPERTS = 6;
const norm = (name: string) => ({ [`${name}.weight`]: width });
const normWithBias = (name: string) => ({ [`${name}.weight`]: width, [`${name}.bias`]: width });
const experts = (length: number): TensorShapes => ({
  'ffn_gate_inp.weight': [width, EXPERTS],
  'ffn_gate_exps.weight': [width, length, EXPERTS],
  'ffn_up_exps.weight': [width, length, EXPERTS],
  'ffn_down_exps.weight': [length, width, EXPERTS],
});
const shared = (length: number): TensorShapes => ({
  'ffn_gate_shexp.weight': [width, length],
  'ffn_up_shexp.weight': [width, length],
  'ffn_down_shexp.weight': [length, width],
});
const counts = { expert_count: EXPERTS, expert_used_count: 2 };

describe('mixtures of experts agree with a scalar evaluation', () => {
  it('qwen2moe', async () => {
    const block = {
      ...norm('attn_norm'),
      ...biased(QKV),
      ...norm('ffn_norm'),
      ...experts(16),
      ...shared(24),
      'ffn_gate_inp_shexp.weight': width,
    };
    const metadata = {
      ...METADATA,
      ...RMS,
      ...counts,
      expert_feed_forward_length: 16,
      expert_shared_feed_forward_length: 24,
    };
    const model = await randomModel('qwen2moe', metadata, { ...ENDS, ...OUTPUT, ...blocks(block) });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
          );
          const y = plus(
            x,
            attend(rotated(q, 'halves'), rotated(k, 'halves'), v).map((row) => part.apply('attn_output', row)),
          );
          return y.map((row) => {
            const normed = rmsNorm(row, part.vector('ffn_norm.weight'));
            const [gate] = linear([part.vector('ffn_gate_inp_shexp.weight')], normed);
            return add(
              add(row, mixture(part, normed, { used: 2 })),
              scale(gated(part, normed, silu, '_shexp'), sigmoid(gate)),
            );
          });
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });

  it('olmoe', async () => {
    const block = {
      ...norm('attn_norm'),
      ...QKV,
      'attn_q_norm.weight': heads * head,
      'attn_k_norm.weight': kvHeads * head,
      ...norm('ffn_norm'),
      ...experts(ffn),
    };
    const model = await randomModel(
      'olmoe',
      { ...METADATA, ...RMS, ...counts },
      { ...ENDS, ...OUTPUT, ...blocks(block) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
          );
          const whole = (rows: Row[][], name: string, count: number) =>
            rows
              .map((parts) => rmsNorm(parts.flat(), part.vector(name)))
              .map((row) => Array.from({ length: count }, (_, i) => row.slice(i * head, (i + 1) * head)));
          const [queries, keys] = [whole(q, 'attn_q_norm.weight', heads), whole(k, 'attn_k_norm.weight', kvHeads)];
          const y = plus(
            x,
            attend(rotated(queries, 'halves'), rotated(keys, 'halves'), v).map((row) => part.apply('attn_output', row)),
          );
          return y.map((row) => add(row, mixture(part, rmsNorm(row, part.vector('ffn_norm.weight')), { used: 2 })));
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });

  it.each([false, true])('granitemoe (a shared expert: %s)', async (hasShared) => {
    const block = {
      ...norm('attn_norm'),
      ...QKV,
      ...norm('ffn_norm'),
      ...experts(ffn),
      ...(hasShared ? shared(24) : {}),
    };
    const scales = { embedding_scale: 6.5, residual_scale: 0.25, 'attention.scale': 0.375, logit_scale: 3.5 };
    const metadata = {
      ...METADATA,
      ...RMS,
      ...counts,
      ...scales,
      ...(hasShared ? { expert_shared_feed_forward_length: 24 } : {}),
    };
    const model = await randomModel('granitemoe', metadata, { ...ENDS, ...blocks(block) });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        embed: (row) => scale(row, 6.5),
        layer: (part, x) => {
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
          );
          const y = plus(
            x,
            attend(rotated(q, 'pairs'), rotated(k, 'pairs'), v, { scale: 0.375 }).map((row) =>
              scale(part.apply('attn_output', row), 0.25),
            ),
          );
          return y.map((row) => {
            const normed = rmsNorm(row, part.vector('ffn_norm.weight'));
            const routed = mixture(part, normed, { used: 2, normalize: true });
            return add(row, scale(hasShared ? add(routed, gated(part, normed, silu, '_shexp')) : routed, 0.25));
          });
        },
        finish: (row) => scale(rmsNorm(row, model.vector('output_norm.weight')), 1 / 3.5),
        head: 'token_embd',
      }),
    );
  });

  it('phimoe', async () => {
    const block = { ...normWithBias('attn_norm'), ...biased(QKV), ...normWithBias('ffn_norm'), ...experts(ffn) };
    const model = await randomModel(
      'phimoe',
      { ...METADATA, ...RMS, ...counts },
      { ...ENDS, 'output_norm.bias': width, ...biased(OUTPUT), ...blocks(block) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const normed = (row: Row, name: string) =>
            add(rmsNorm(row, part.vector(`${name}.weight`)), part.vector(`${name}.bias`));
          const { q, k, v } = separateHeads(
            part,
            x.map((row) => normed(row, 'attn_norm')),
          );
          const y = plus(
            x,
            attend(rotated(q, 'halves'), rotated(k, 'halves'), v).map((row) => part.apply('attn_output', row)),
          );
          return y.map((row) => add(row, mixture(part, normed(row, 'ffn_norm'), { used: 2, normalize: true })));
        },
        finish: (row) => add(rmsNorm(row, model.vector('output_norm.weight')), model.vector('output_norm.bias')),
      }),
    );
  });
});
