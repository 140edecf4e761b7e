import { loadTransformer } from '../../src/load/load-transformer.js';
import { ENDS, GATED, LAYER_NORM, METADATA, OUTPUT, RMS, SHAPE, biased, blocks } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { gated, plus, runDecoder } from './reference-decoder.js';
import { channelMix, timeMix6, timeMix7 } from './rwkv.js';
import { add, layerNorm, rmsNorm, scale, type Matrix, type Row } from './scalar-math.js';

const { width, ffn, layers } = SHAPE;
const LENGTH = 8;
const HEADS = width / LENGTH;
const KV_HEADS = 2;
const EVERY = 2;

const vectors = (prefix: string, ...names: string[]): TensorShapes =>
  Object.fromEntries(names.map((name) => [`${prefix}_${name}.weight`, width]));
const squares = (prefix: string, ...names: string[]): TensorShapes =>
  Object.fromEntries(names.map((name) => [`${prefix}_${name}.weight`, [width, width]]));
const norms = (...names: string[]): TensorShapes =>
  biased(Object.fromEntries(names.map((name) => [`${name}.weight`, width])));
const lowRank = (name: string, rank: number): TensorShapes => ({
  [`time_mix_${name}1.weight`]: [width, rank],
  [`time_mix_${name}2.weight`]: [rank, width],
});

const mix6: TensorShapes = {
  ...vectors('time_mix', 'lerp_x', 'decay'),
  ...squares('time_mix', 'receptance', 'gate', 'output'),
  'time_mix_w1.weight': [width, 5 * 12],
  'time_mix_w2.weight': [12, width, 5],
  ...lowRank('decay_w', 10),
};
const first: TensorShapes = { 'time_mix_first.weight': [LENGTH, HEADS], ...norms('time_mix_ln') };
const fused = (count: number): TensorShapes => ({ 'time_mix_lerp_fused.weight': [width, 1, 1, count] });
const channels: TensorShapes = {
  ...vectors('channel_mix', 'lerp_k'),
  'channel_mix_key.weight': [width, ffn],
  'channel_mix_value.weight': [ffn, width],
};
const mix7: TensorShapes = {
  ...lowRank('w', 10),
  ...lowRank('a', 6),
  ...lowRank('v', 4),
  ...vectors('time_mix', 'w0', 'a0', 'v0', 'k_k', 'k_a', 'r_k'),
  ...squares('time_mix', 'receptance', 'key', 'value', 'output'),
};
const gate7: TensorShapes = { ...lowRank('g', 14), ...fused(6) };

const ends: TensorShapes = {
  'token_embd.weight': ENDS['token_embd.weight'],
  ...norms('token_embd_norm', 'output_norm'),
  ...OUTPUT,
};
const own = {
  ...METADATA,
  ...LAYER_NORM,
  'wkv.head_size': LENGTH,
  'attention.head_count': 0,
  'attention.head_count_kv': 0,
  'rope.dimension_count': 0,
};
const qwen = {
  ...METADATA,
  ...RMS,
  'wkv.head_size': LENGTH,
  'attention.head_count': 0,
  'attention.head_count_kv': 0,
  token_shift_count: 1,
};

const normed =
  (part: Pick<RandomModel, 'vector'>, name: string) =>
  (row: Row): Row =>
    layerNorm(row, part.vector(`${name}.weight`), part.vector(`${name}.bias`));

type TimeMix = (block: Parameters<typeof channelMix>[0], x: Matrix, values: Matrix) => Matrix;
const six =
  (kvHeads: number): TimeMix =>
  (block, x) =>
    timeMix6(block, x, HEADS, kvHeads);
const seven: TimeMix = (block, x, values) => timeMix7(block, x, HEADS, values);

/** @param every layers after which the stream is halved, if there are any */
function rwkv(model: RandomModel, mix: TimeMix, every = Infinity) {
  return (tokens: readonly number[]): Matrix => {
    const values: Matrix = [];
    return runDecoder(model, tokens, {
      embed: normed(model, 'token_embd_norm'),
      layer: (block, x) => {
        const y = plus(x, mix(block, x.map(normed(block, 'attn_norm')), values));
        const z = plus(y, channelMix(block, y.map(normed(block, 'attn_norm_2'))));
        return (block.index + 1) % every === 0 ? z.map((row) => scale(row, 0.5)) : z;
      },
      finish: normed(model, 'output_norm'),
    });
  };
}

function qwenKin(model: RandomModel, mix: TimeMix) {
  return (tokens: readonly number[]): Matrix => {
    const values: Matrix = [];
    return runDecoder(model, tokens, {
      layer: (block, x) => {
        const y = plus(
          x,
          mix(
            block,
            x.map((row) => rmsNorm(row, block.vector('attn_norm.weight'))),
            values,
          ),
        );
        return y.map((row) => add(row, gated(block, rmsNorm(row, block.vector('ffn_norm.weight')))));
      },
      finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
    });
  };
}

describe('RWKV agrees with a scalar evaluation', () => {
  it.each([
    ['one tensor of lerps', fused(5), { rescale_every_n_layers: EVERY }],
    ['lerps in tensors of their own', vectors('time_mix_lerp', 'w', 'k', 'v', 'r', 'g'), {}],
  ])('rwkv6 with %s', async (_, lerps, more) => {
    const block = {
      ...norms('attn_norm', 'attn_norm_2'),
      ...mix6,
      ...squares('time_mix', 'key', 'value'),
      ...first,
      ...lerps,
      ...channels,
      ...vectors('channel_mix', 'lerp_r'),
      ...squares('channel_mix', 'receptance'),
    };
    const extra = { time_mix_extra_dim: 12, time_decay_extra_dim: 10, ...more };
    const model = await randomModel('rwkv6', { ...own, ...extra }, { ...ends, ...blocks(block) });
    await expectAgreement(model, rwkv(model, six(HEADS), 'rescale_every_n_layers' in more ? EVERY : undefined));
  });

  it('rwkv7', async () => {
    const block = { ...norms('attn_norm', 'attn_norm_2', 'time_mix_ln'), ...mix7, ...gate7, ...channels };
    const ranks = {
      'attention.decay_lora_rank': 10,
      'attention.iclr_lora_rank': 6,
      'attention.value_residual_mix_lora_rank': 4,
      'attention.gate_lora_rank': 14,
    };
    const model = await randomModel('rwkv7', { ...own, ...ranks }, { ...ends, ...blocks(block) });
    await expectAgreement(model, rwkv(model, seven));
  });

  it.each([
    ['as many heads of keys', HEADS],
    ['fewer heads of keys', KV_HEADS],
  ])('rwkv6qwen2 with %s', async (_, kvHeads) => {
    const keys = biased({
      'time_mix_key.weight': [width, kvHeads * LENGTH],
      'time_mix_value.weight': [width, kvHeads * LENGTH],
    });
    const block = {
      'attn_norm.weight': width,
      'ffn_norm.weight': width,
      ...mix6,
      ...fused(5),
      ...keys,
      'time_mix_receptance.bias': width,
      ...GATED,
    };
    const model = await randomModel(
      'rwkv6qwen2',
      { ...qwen, 'attention.head_count_kv': kvHeads },
      { ...ENDS, ...OUTPUT, ...blocks(block) },
    );
    await expectAgreement(model, qwenKin(model, six(kvHeads)));
  });

  it.each([
    ['gates and norms', { ...gate7, ...norms('time_mix_ln') }],
    ['neither', fused(5)],
  ])('arwkv7 with %s', async (_, more) => {
    const block = { 'attn_norm.weight': width, 'ffn_norm.weight': width, ...mix7, ...more, ...GATED };
    const model = await randomModel('arwkv7', qwen, { ...ENDS, ...OUTPUT, ...blocks(block) });
    await expectAgreement(model, qwenKin(model, seven));
  });

  it('rwkv7 with layers in several memories, which the first values reach', async () => {
    const block = { ...norms('attn_norm', 'attn_norm_2', 'time_mix_ln'), ...mix7, ...gate7, ...channels };
    const model = await randomModel('rwkv7', own, { ...ends, ...blocks(block) });
    const [one, several] = [
      await loadTransformer(model.file, { contextLength: 32, maxBatchTokens: 16 }),
      await loadTransformer(model.file, { contextLength: 32, maxBatchTokens: 16, memoryBytes: 1_300_000 }),
    ];
    try {
      expect(several.info.memoryCount).toBeGreaterThan(1);
      const batch = [
        {
          tokens: [3, 17, 5, 39, 0, 8],
          startPosition: 0,
          pages: Int32Array.of(0, 1),
          slot: 0,
          outputs: 'all' as const,
        },
      ];
      const expected = (await one.step(batch)).logits.slice();
      expect((await several.step(batch)).logits.slice()).toEqual(expected);
    } finally {
      await one.close();
      await several.close();
    }
  });

  it('goes on from a state that was saved', async () => {
    const block = { ...norms('attn_norm', 'attn_norm_2', 'time_mix_ln'), ...mix7, ...gate7, ...channels };
    const model = await randomModel('rwkv7', own, { ...ends, ...blocks(block) });
    const runtime = await loadTransformer(model.file, {
      contextLength: 32,
      maxBatchTokens: 16,
      maxSequences: 2,
      pageTokens: 16,
      pageCount: 4,
    });
    try {
      const part = (slot: number, begin: number, end: number) => [
        {
          tokens: [3, 17, 5, 39, 0, 8, 21, 2].slice(begin, end),
          startPosition: begin,
          pages: Int32Array.of(2 * slot, 2 * slot + 1),
          slot,
          outputs: 'last' as const,
        },
      ];
      await runtime.step(part(0, 0, 5));
      const state = new Uint8Array(runtime.stateBytes);
      const position = await runtime.saveState(0, state);
      const expected = (await runtime.step(part(0, 5, 8))).logits.slice();
      await runtime.step(part(0, 0, 3));
      await runtime.loadState(1, state, position);
      expect((await runtime.step(part(1, 5, 8))).logits.slice()).toEqual(expected);
    } finally {
      await runtime.close();
    }
  });

  it('refuses another number of shifted tokens', async () => {
    const block = { 'attn_norm.weight': width, 'ffn_norm.weight': width, ...mix7, ...fused(5), ...GATED };
    const model = await randomModel(
      'arwkv7',
      { ...qwen, token_shift_count: 2 },
      { ...ENDS, ...OUTPUT, ...blocks(block, layers) },
    );
    await expect(loadTransformer(model.file)).rejects.toMatchObject({ code: 'invalid_model_file' });
  });
});
