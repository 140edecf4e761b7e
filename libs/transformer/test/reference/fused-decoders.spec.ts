import {
  BIASED_PLAIN,
  ENDS,
  FUSED_QKV,
  LAYER_NORM,
  METADATA,
  OUTPUT,
  PLAIN,
  SHAPE,
  biased,
  blocks,
} from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel } from './random-model.js';
import { fusedHeads, plain, plus, rotated, runDecoder } from './reference-decoder.js';
import { add, alibiSlope, attend, gelu, layerNorm, type Row } from './scalar-math.js';

const { width, heads } = SHAPE;
const normWithBias = (name: string) => ({ [`${name}.weight`]: width, [`${name}.bias`]: width });
const metadata = { ...METADATA, 'attention.head_count_kv': heads, ...LAYER_NORM };
const ends = { ...ENDS, 'output_norm.bias': width };

describe('decoders with one projection for queries, keys and values agree with a scalar evaluation', () => {
  it.each([true, false])('gptneox (blocks side by side: %s)', async (parallel) => {
    const block = { ...normWithBias('attn_norm'), ...biased(FUSED_QKV), ...normWithBias('ffn_norm'), ...BIASED_PLAIN };
    const model = await randomModel(
      'gptneox',
      { ...metadata, 'rope.dimension_count': 4, use_parallel_residual: parallel },
      { ...ends, ...OUTPUT, ...blocks(block) },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = fusedHeads(
            part,
            x.map((row) => layerNorm(row, part.vector('attn_norm.weight'), part.vector('attn_norm.bias'))),
          );
          const attended = attend(rotated(q, 'halves', 4), rotated(k, 'halves', 4), v).map((row) =>
            part.apply('attn_output', row),
          );
          const feedForward = (row: Row) =>
            plain(part, layerNorm(row, part.vector('ffn_norm.weight'), part.vector('ffn_norm.bias')), gelu);
          const y = plus(x, attended);
          return plus(y, (parallel ? x : y).map(feedForward));
        },
        finish: (row) => layerNorm(row, model.vector('output_norm.weight'), model.vector('output_norm.bias')),
      }),
    );
  });

  it.each([false, true])('falcon (a norm of its own for attention: %s)', async (secondNorm) => {
    const block = {
      ...normWithBias('attn_norm'),
      ...(secondNorm ? normWithBias('attn_norm_2') : {}),
      ...FUSED_QKV,
      ...PLAIN,
    };
    const model = await randomModel('falcon', metadata, { ...ends, ...blocks(block) });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const normed = (name: string) =>
            x.map((row) => layerNorm(row, part.vector(`${name}.weight`), part.vector(`${name}.bias`)));
          const { q, k, v } = fusedHeads(part, normed(secondNorm ? 'attn_norm_2' : 'attn_norm'));
          const attended = attend(rotated(q, 'halves'), rotated(k, 'halves'), v).map((row) =>
            part.apply('attn_output', row),
          );
          return plus(
            plus(x, attended),
            normed('attn_norm').map((row) => plain(part, row, gelu)),
          );
        },
        finish: (row) => layerNorm(row, model.vector('output_norm.weight'), model.vector('output_norm.bias')),
        head: 'token_embd',
      }),
    );
  });

  it('mpt: a norm of keys has no part without one of queries', async () => {
    const block = {
      'attn_norm.weight': width,
      ...FUSED_QKV,
      'attn_k_norm.weight': 2 * width,
      'ffn_norm.weight': width,
      ...PLAIN,
    };
    const model = await randomModel(
      'mpt',
      { ...metadata, 'attention.max_alibi_bias': 8, 'attention.clamp_kqv': 0.75 },
      { ...ENDS, ...blocks(block) },
    );
    const clamp = (rows: Row[][]) =>
      rows.map((parts) => parts.map((part) => part.map((value) => Math.min(0.75, Math.max(-0.75, value)))));
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = fusedHeads(
            part,
            x.map((row) => layerNorm(row, part.vector('attn_norm.weight'))),
          );
          const y = plus(
            x,
            attend(clamp(q), clamp(k), clamp(v), { slope: alibiSlope(heads, 8) }).map((row) =>
              part.apply('attn_output', row),
            ),
          );
          return y.map((row) => add(row, plain(part, layerNorm(row, part.vector('ffn_norm.weight')), gelu)));
        },
        finish: (row) => layerNorm(row, model.vector('output_norm.weight')),
        head: 'token_embd',
      }),
    );
  });

  it('bloom', async () => {
    const block = { ...normWithBias('attn_norm'), ...biased(FUSED_QKV), ...normWithBias('ffn_norm'), ...BIASED_PLAIN };
    const model = await randomModel('bloom', metadata, {
      ...ends,
      ...normWithBias('token_embd_norm'),
      ...blocks(block),
    });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        embed: (row) => layerNorm(row, model.vector('token_embd_norm.weight'), model.vector('token_embd_norm.bias')),
        layer: (part, x) => {
          const { q, k, v } = fusedHeads(
            part,
            x.map((row) => layerNorm(row, part.vector('attn_norm.weight'), part.vector('attn_norm.bias'))),
          );
          const y = plus(
            x,
            attend(q, k, v, { slope: alibiSlope(heads, 8) }).map((row) => part.apply('attn_output', row)),
          );
          return y.map((row) =>
            add(row, plain(part, layerNorm(row, part.vector('ffn_norm.weight'), part.vector('ffn_norm.bias')), gelu)),
          );
        },
        finish: (row) => layerNorm(row, model.vector('output_norm.weight'), model.vector('output_norm.bias')),
        head: 'token_embd',
      }),
    );
  });
});
