import { loadTransformer } from '../../src/load/load-transformer.js';
import { hasNextn } from '../../src/load/has-nextn.js';
import { relativeRms } from '../../../../tools/fixtures/fixtures.js';
import { GATED_ATTENTION, gatedAttention } from './delta-net-blocks.js';
import { ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE, blocks, sharedMixture } from './decoder.js';
import { TOKENS } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { blockOf, gated, mixture, plus, rotated, separateHeads } from './reference-decoder.js';
import { add, attend, linear, rmsNorm, type Matrix } from './scalar-math.js';

const { width, layers, vocabulary } = SHAPE;
const EXPERTS = 4;
const LIMITS = {
  contextLength: 32,
  pageTokens: 16,
  pageCount: 4,
  kvType: 'F32',
  maxBatchTokens: 64,
  inline: true,
} as const;

/** GLM-4.5's blocks: the first is dense, the others, and that of the head, have experts. */
const block = (isDense: boolean): TensorShapes => ({
  'attn_norm.weight': width,
  'post_attention_norm.weight': width,
  ...QKV,
  ...(isDense ? GATED : sharedMixture(EXPERTS, 16)),
});
const HEAD: TensorShapes = {
  'nextn.eh_proj.weight': [2 * width, width],
  'nextn.enorm.weight': width,
  'nextn.hnorm.weight': width,
};
const OWN: TensorShapes = {
  'nextn.embed_tokens.weight': [width, vocabulary],
  'nextn.shared_head_head.weight': [width, vocabulary],
  'nextn.shared_head_norm.weight': width,
};

const withHead = (own: TensorShapes): Promise<RandomModel> =>
  randomModel(
    'glm4moe',
    {
      ...METADATA,
      ...RMS,
      block_count: layers + 1,
      nextn_predict_layers: 1,
      expert_count: EXPERTS,
      expert_used_count: 2,
      expert_feed_forward_length: 16,
      expert_weights_norm: true,
    },
    {
      ...ENDS,
      ...OUTPUT,
      ...blocks((layer) => ({ ...block(layer === 0), ...(layer === layers ? { ...HEAD, ...own } : {}) }), layers + 1),
    },
  );

/** One layer in double precision. */
function layerOf(model: RandomModel, index: number, x: Matrix): Matrix {
  const part = blockOf(model, index);
  const { q, k, v } = separateHeads(
    part,
    x.map((row) => rmsNorm(row, part.vector('attn_norm.weight'))),
  );
  const mixed = attend(rotated(q, 'halves'), rotated(k, 'halves'), v).map((row) => part.apply('attn_output', row));
  return plus(x, mixed).map((row) => {
    const normed = rmsNorm(row, part.vector('post_attention_norm.weight'));
    if (index === 0) return add(row, gated(part, normed));
    const chosen = mixture(part, normed, { used: 2, gating: 'sigmoid', normalize: true });
    return add(add(row, chosen), gated(part, normed, undefined, '_shexp'));
  });
}

/** Normalized hidden states of a text. */
function hiddenOf(model: RandomModel, tokens: readonly number[]): Matrix {
  const table = model.matrix('token_embd.weight');
  let x = tokens.map((token) => table[token]);
  for (let layer = 0; layer < layers; layer++) x = layerOf(model, layer, x);
  return x.map((row) => rmsNorm(row, model.vector('output_norm.weight')));
}

/** What the head makes of tokens beside the states of those before them. */
function headOf(model: RandomModel, tokens: readonly number[], hidden: Matrix): { hidden: Matrix; logits: Matrix } {
  const own = blockOf(model, layers);
  const has = own.optionalVector('nextn.shared_head_norm.weight') !== undefined;
  const table = has ? own.matrix('nextn.embed_tokens.weight') : model.matrix('token_embd.weight');
  const x = tokens.map((token, i) =>
    linear(own.matrix('nextn.eh_proj.weight'), [
      ...rmsNorm(table[token], own.vector('nextn.enorm.weight')),
      ...rmsNorm(hidden[i], own.vector('nextn.hnorm.weight')),
    ]),
  );
  const norm = has ? own.vector('nextn.shared_head_norm.weight') : model.vector('output_norm.weight');
  const states = layerOf(model, layers, x).map((row) => rmsNorm(row, norm));
  const head = has ? own.matrix('nextn.shared_head_head.weight') : model.matrix('output.weight');
  return { hidden: states, logits: states.map((row) => linear(head, row)) };
}

describe.each<[string, TensorShapes]>([
  ['with table, norm and output of its own', OWN],
  ['with those of the model', {}],
])('a head that predicts the token after the next one, %s', (_, own) => {
  it('agrees with a scalar evaluation, from the states that the model gives, whole and token by token', async () => {
    const random = await withHead(own);
    expect(hasNextn(random.file)).toBe(true);
    const model = await loadTransformer(random.file, LIMITS);
    const head = await loadTransformer(random.file, { ...LIMITS, part: 'nextn' });
    try {
      await model.step([{ tokens: TOKENS, startPosition: 0, pages: Int32Array.of(0, 1), slot: 0, outputs: 'all' }]);
      const states = TOKENS.map((_, row) => model.hiddenOf!(row)!.slice());
      const reference = hiddenOf(random, TOKENS);
      expect(relativeRms(Float32Array.from(states.flatMap((row) => [...row])), reference.flat())).toBeLessThan(1e-5);

      const tokens = TOKENS.slice(1);
      const hidden = states.slice(0, -1);
      const pages = Int32Array.of(2, 3);
      const { logits } = await head.step([{ tokens, hidden, startPosition: 0, pages, slot: 0, outputs: 'all' }]);
      const whole = logits.slice();
      const expected = headOf(random, tokens, reference);
      expect(relativeRms(whole, expected.logits.flat())).toBeLessThan(1e-5);
      const last = head.hiddenOf!(tokens.length - 1)!;
      expect(relativeRms(last, expected.hidden.at(-1)!)).toBeLessThan(1e-5);

      for (const [i, token] of tokens.entries()) {
        const { logits: row } = await head.step([
          {
            tokens: [token],
            hidden: [hidden[i]],
            startPosition: i,
            pages: Int32Array.of(0, 1),
            slot: 1,
            outputs: 'last',
          },
        ]);
        expect(row).toEqual(whole.subarray(i * vocabulary, (i + 1) * vocabulary));
      }
      await expect(
        head.step([{ tokens: [1], startPosition: 0, pages, slot: 0, outputs: 'last' }]),
      ).rejects.toMatchObject({ code: 'invalid_argument' });
    } finally {
      await Promise.all([model.close(), head.close()]);
    }
  });
});

describe('a head of a model with recurrent layers', () => {
  it('has attention, whatever its number, and agrees with a scalar evaluation', async () => {
    const [heads, length, index] = [4, 12, 2];
    const norms = { 'attn_norm.weight': width, 'post_attention_norm.weight': width };
    const recurrent: TensorShapes = {
      'attn_qkv.weight': [width, 8 * length],
      'attn_gate.weight': [width, heads * length],
      'ssm_beta.weight': [width, heads],
      'ssm_alpha.weight': [width, heads],
      'ssm_conv1d.weight': [4, 8 * length],
      'ssm_dt.bias': heads,
      ssm_a: heads,
      'ssm_norm.weight': length,
      'ssm_out.weight': [heads * length, width],
    };
    const random = await randomModel(
      'qwen35',
      {
        ...METADATA,
        ...RMS,
        block_count: index + 1,
        nextn_predict_layers: 1,
        'rope.dimension_count': 4,
        'attention.key_length': SHAPE.head,
        'attention.value_length': SHAPE.head,
        full_attention_interval: 2,
        'ssm.conv_kernel': 4,
        'ssm.inner_size': heads * length,
        'ssm.state_size': length,
        'ssm.time_step_rank': heads,
        'ssm.group_count': 2,
      },
      {
        ...ENDS,
        ...OUTPUT,
        ...blocks(
          (layer) => ({
            ...norms,
            ...(layer === 0 ? recurrent : GATED_ATTENTION),
            ...GATED,
            ...(layer === index ? HEAD : {}),
          }),
          index + 1,
        ),
      },
    );
    expect(hasNextn(random.file)).toBe(true);
    const model = await loadTransformer(random.file, LIMITS);
    const head = await loadTransformer(random.file, { ...LIMITS, part: 'nextn' });
    try {
      expect([model.info.layerCount, model.info.hasRecurrentState]).toEqual([index, true]);
      expect([head.info.layerCount, head.info.hasRecurrentState]).toEqual([1, false]);
      const tokens = TOKENS.slice(1);
      const hidden = tokens.map((_, i) => Float32Array.from({ length: width }, (__, c) => Math.sin(7 * i + 3 * c)));
      const { logits } = await head.step([
        { tokens, hidden, startPosition: 0, pages: Int32Array.of(0, 1), slot: 0, outputs: 'all' },
      ]);
      const part = blockOf(random, index);
      const table = random.matrix('token_embd.weight');
      const x = tokens.map((token, i) =>
        linear(part.matrix('nextn.eh_proj.weight'), [
          ...rmsNorm(table[token], part.vector('nextn.enorm.weight')),
          ...rmsNorm([...hidden[i]], part.vector('nextn.hnorm.weight')),
        ]),
      );
      const normed = x.map((row) => rmsNorm(row, part.vector('attn_norm.weight')));
      const rows = plus(x, gatedAttention(part, normed)).map((row) =>
        add(row, gated(part, rmsNorm(row, part.vector('post_attention_norm.weight')))),
      );
      const expected = rows.map((row) =>
        linear(random.matrix('output.weight'), rmsNorm(row, random.vector('output_norm.weight'))),
      );
      expect(relativeRms(logits, expected.flat())).toBeLessThan(1e-5);
    } finally {
      await Promise.all([model.close(), head.close()]);
    }
  });
});
