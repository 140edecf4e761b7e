import { loadTransformer } from '../../src/load/load-transformer.js';
import { ENDS, FUSED_QKV, GATED, METADATA, OUTPUT, PLAIN, QKV, RMS, SHAPE, blocks } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { latentAttention } from './latent-attention.js';
import { randomModel, type TensorShapes } from './random-model.js';
import {
  fusedHeads,
  gated,
  mixture,
  plain,
  plus,
  rotated,
  runDecoder,
  separateHeads,
  type Block,
} from './reference-decoder.js';
import {
  add,
  attend,
  layerNorm,
  multiply,
  rmsNorm,
  silu,
  split,
  squaredRelu,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, heads, kvHeads, head, ffn, vocabulary } = SHAPE;
const norm = (name: string, length: number = width) => ({ [`${name}.weight`]: length });
const normed = (block: Block, x: Matrix, name: string): Matrix =>
  x.map((row) => rmsNorm(row, block.vector(`${name}.weight`)));
/** As many heads of keys as of queries. */
const ALIKE = { ...METADATA, ...RMS, 'attention.head_count_kv': heads };

describe('decoders of earlier seasons agree with a scalar evaluation', () => {
  it('bitnet: norms before the last matrix of each block', async () => {
    const block = {
      ...norm('attn_norm'),
      ...QKV,
      ...norm('attn_sub_norm'),
      ...norm('ffn_norm'),
      ...GATED,
      ...norm('ffn_sub_norm', ffn),
    };
    const model = await randomModel('bitnet', { ...METADATA, ...RMS }, { ...ENDS, ...blocks(block) });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(part, normed(part, x, 'attn_norm'));
          const sums = normed(part, attend(rotated(q, 'halves'), rotated(k, 'halves'), v), 'attn_sub_norm');
          const y = plus(
            x,
            sums.map((row) => part.apply('attn_output', row)),
          );
          const inner = normed(part, y, 'ffn_norm').map((row) =>
            multiply(part.apply('ffn_gate', row).map(silu), part.apply('ffn_up', row)),
          );
          return plus(
            y,
            normed(part, inner, 'ffn_sub_norm').map((row) => part.apply('ffn_down', row)),
          );
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
        head: 'token_embd',
      }),
    );
  });

  it('plm: latent attention, the square of relu', async () => {
    const lengths = { heads, latent: 24, plain: 16, rotated: 8 };
    const value = 12;
    const attention = {
      'attn_q.weight': [width, heads * 24],
      'attn_kv_a_mqa.weight': [width, 32],
      ...norm('attn_kv_a_norm', 24),
      'attn_kv_b.weight': [24, heads * (16 + value)],
      'attn_output.weight': [heads * value, width],
    };
    const metadata = {
      ...ALIKE,
      'attention.kv_lora_rank': 24,
      'attention.key_length': 24,
      'attention.value_length': value,
    };
    const model = await randomModel('plm', metadata, {
      ...ENDS,
      ...blocks({ ...norm('attn_norm'), ...attention, ...norm('ffn_norm'), ...PLAIN }),
    });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const y = plus(x, latentAttention(part, normed(part, x, 'attn_norm'), lengths));
          return plus(
            y,
            normed(part, y, 'ffn_norm').map((row) => plain(part, row, squaredRelu)),
          );
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
        head: 'token_embd',
      }),
    );
  });

  describe.each([false, true])('chameleon (norms on outputs of blocks: %s)', (onOutputs) => {
    const IMAGES = { first: 4, end: 8196 };
    const block: TensorShapes = {
      ...norm('attn_norm'),
      ...QKV,
      'attn_q_norm.weight': [head, heads],
      'attn_q_norm.bias': [head, heads],
      'attn_k_norm.weight': [head, kvHeads],
      'attn_k_norm.bias': [head, kvHeads],
      ...norm('ffn_norm'),
      ...GATED,
    };
    const tokens = IMAGES.end + vocabulary;

    it('norms heads by weights of their own, and gives no tokens of images', async () => {
      const model = await randomModel(
        'chameleon',
        { ...METADATA, ...RMS, vocab_size: tokens, swin_norm: onOutputs },
        { 'token_embd.weight': [width, tokens], ...norm('output_norm'), ...blocks(block) },
      );
      const [before, after] = onOutputs ? [(_: Block, x: Matrix) => x, normed] : [normed, (_: Block, x: Matrix) => x];
      const heads2 = (part: Block, rows: Matrix[], name: string, count: number): Matrix[] => {
        const [weights, biases] = [
          split(part.vector(`${name}.weight`), count),
          split(part.vector(`${name}.bias`), count),
        ];
        return rotated(
          rows.map((parts) => parts.map((row, h) => layerNorm(row, weights[h], biases[h]))),
          'pairs',
        );
      };
      const reference = (texts: readonly number[]): Matrix =>
        runDecoder(model, texts, {
          layer: (part, x) => {
            const { q, k, v } = separateHeads(part, before(part, x, 'attn_norm'));
            const sums = attend(heads2(part, q, 'attn_q_norm', heads), heads2(part, k, 'attn_k_norm', kvHeads), v);
            const y = plus(
              x,
              after(
                part,
                sums.map((row) => part.apply('attn_output', row)),
                'attn_norm',
              ),
            );
            return plus(
              y,
              after(
                part,
                before(part, y, 'ffn_norm').map((row) => gated(part, row)),
                'ffn_norm',
              ),
            );
          },
          finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
          head: 'token_embd',
        });
      const runtime = await loadTransformer(model.file, {
        contextLength: 32,
        pageTokens: 16,
        pageCount: 2,
        kvType: 'F32',
      });
      try {
        const texts = [3, 17, 8200, 5, 9, 0];
        const { logits } = await runtime.step([
          { tokens: texts, startPosition: 0, pages: Int32Array.of(0, 1), slot: 0, outputs: 'all' },
        ]);
        reference(texts).forEach((row, i) => {
          const given = Array.from(logits.subarray(i * tokens, (i + 1) * tokens));
          expect(new Set(given.slice(IMAGES.first, IMAGES.end))).toEqual(new Set([-3.4028234663852886e38]));
          const shown = (values: Row): Row => [...values.slice(0, IMAGES.first), ...values.slice(IMAGES.end)];
          const largest = Math.max(...shown(row).map(Math.abs));
          shown(given).forEach((logit, n) => expect(Math.abs(logit - shown(row)[n])).toBeLessThan(1e-5 * largest));
        });
      } finally {
        await runtime.close();
      }
    });
  });

  it('cogvlm: what is for images has no part in a text', async () => {
    const images = {
      'vis_attn_qkv.weight': [width, 3 * width],
      'vis_attn_output.weight': [width, width],
      'vis_gate.weight': [width, ffn],
      'vis_up.weight': [width, ffn],
      'vis_down.weight': [ffn, width],
    };
    const model = await randomModel('cogvlm', ALIKE, {
      ...ENDS,
      ...OUTPUT,
      ...blocks({ ...norm('attn_norm'), ...FUSED_QKV, ...norm('ffn_norm'), ...GATED, ...images }),
    });
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = fusedHeads(part, normed(part, x, 'attn_norm'));
          const y = plus(
            x,
            attend(rotated(q, 'halves'), rotated(k, 'halves'), v).map((row) => part.apply('attn_output', row)),
          );
          return plus(
            y,
            normed(part, y, 'ffn_norm').map((row) => gated(part, row)),
          );
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });

  it('deepseek2-ocr: a dense layer, then experts beside shared ones', async () => {
    const counts = {
      expert_count: 6,
      expert_used_count: 2,
      expert_feed_forward_length: 16,
      expert_shared_count: 2,
      leading_dense_block_count: 1,
    };
    const attention = { ...norm('attn_norm'), ...QKV, ...norm('ffn_norm') };
    const experts: TensorShapes = {
      'ffn_gate_inp.weight': [width, 6],
      'ffn_gate_exps.weight': [width, 16, 6],
      'ffn_up_exps.weight': [width, 16, 6],
      'ffn_down_exps.weight': [16, width, 6],
      'ffn_gate_shexp.weight': [width, 32],
      'ffn_up_shexp.weight': [width, 32],
      'ffn_down_shexp.weight': [32, width],
    };
    const tensors = {
      ...blocks({ ...attention, ...GATED }, 1),
      ...Object.fromEntries(
        [1, 2].flatMap((i) =>
          Object.entries({ ...attention, ...experts }).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const),
        ),
      ),
    };
    const model = await randomModel(
      'deepseek2-ocr',
      { ...METADATA, ...RMS, ...counts },
      { ...ENDS, ...OUTPUT, ...tensors },
    );
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        layer: (part, x) => {
          const { q, k, v } = separateHeads(part, normed(part, x, 'attn_norm'));
          const y = plus(
            x,
            attend(rotated(q, 'halves'), rotated(k, 'halves'), v).map((row) => part.apply('attn_output', row)),
          );
          return plus(
            y,
            normed(part, y, 'ffn_norm').map((row) =>
              part.index === 0
                ? gated(part, row)
                : add(mixture(part, row, { used: 2 }), gated(part, row, silu, '_shexp')),
            ),
          );
        },
        finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
      }),
    );
  });
});
