import { loadTransformer } from '../../src/load/load-transformer.js';
import { ENDS, GATED, METADATA, OUTPUT, RMS, SHAPE } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { latentAttention, type LatentOptions } from './latent-attention.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { gated, mixture, plus, runDecoder, type Block } from './reference-decoder.js';
import {
  add,
  rmsNorm,
  rotate,
  scale as scaled,
  silu,
  split,
  topIndices,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, heads, layers } = SHAPE;
const LATENT = 64;
const PLAIN = 32;
const ROTATED = 8;
const VALUE = 96;
const RANK = 36;
const LENGTHS = { heads, latent: LATENT, plain: PLAIN, rotated: ROTATED };
const EXPERTS = 8;
const EXPERT_LENGTH = 32;
/** Activations in 8 bits cost about half a percent in each product; what goes to the wrong place costs everything. */
const QUANTIZED_TOLERANCE = 0.08;
const norm = (name: string, length: number = width) => ({ [`${name}.weight`]: length });

const ATTENTION: TensorShapes = {
  ...norm('attn_norm'),
  'attn_kv_a_mqa.weight': [width, LATENT + ROTATED],
  ...norm('attn_kv_a_norm', LATENT),
  'attn_output.weight': [heads * VALUE, width],
  ...norm('ffn_norm'),
};
const DIRECT: TensorShapes = { 'attn_q.weight': [width, heads * (PLAIN + ROTATED)] };
const REDUCED: TensorShapes = {
  'attn_q_a.weight': [width, RANK],
  ...norm('attn_q_a_norm', RANK),
  'attn_q_b.weight': [RANK, heads * (PLAIN + ROTATED)],
};
const JOINT: TensorShapes = { 'attn_kv_b.weight': [LATENT, heads * (PLAIN + VALUE)] };
const PER_HEAD: TensorShapes = { 'attn_k_b.weight': [PLAIN, LATENT, heads], 'attn_v_b.weight': [LATENT, VALUE, heads] };
const MIXTURE: TensorShapes = {
  'ffn_gate_inp.weight': [width, EXPERTS],
  'ffn_gate_exps.weight': [width, EXPERT_LENGTH, EXPERTS],
  'ffn_up_exps.weight': [width, EXPERT_LENGTH, EXPERTS],
  'ffn_down_exps.weight': [EXPERT_LENGTH, width, EXPERTS],
  'ffn_gate_shexp.weight': [width, 2 * EXPERT_LENGTH],
  'ffn_up_shexp.weight': [width, 2 * EXPERT_LENGTH],
  'ffn_down_shexp.weight': [2 * EXPERT_LENGTH, width],
};

/** The first layer is dense, or as many as are asked for. */
const tensorsOf = (attention: TensorShapes, extra: TensorShapes = {}, denseLayers = 1): TensorShapes =>
  Object.fromEntries(
    Array.from({ length: layers }, (_, i) =>
      Object.entries({ ...ATTENTION, ...attention, ...(i < denseLayers ? GATED : { ...MIXTURE, ...extra }) }).map(
        ([name, shape]) => [`blk.${i}.${name}`, shape] as const,
      ),
    ).flat(),
  );

const metadata = {
  ...METADATA,
  ...RMS,
  'rope.dimension_count': ROTATED,
  'attention.kv_lora_rank': LATENT,
  leading_dense_block_count: 1,
  expert_count: EXPERTS,
  expert_used_count: 3,
  expert_feed_forward_length: EXPERT_LENGTH,
  expert_shared_count: 2,
  expert_weights_scale: 1.5,
};
const jointLengths = {
  'attention.head_count_kv': heads,
  'attention.key_length': PLAIN + ROTATED,
  'attention.value_length': VALUE,
};
const perHeadLengths = {
  'attention.head_count_kv': 1,
  'attention.key_length': LATENT + ROTATED,
  'attention.value_length': LATENT,
  'attention.key_length_mla': PLAIN + ROTATED,
  'attention.value_length_mla': VALUE,
};

function reference(model: RandomModel, feed: (block: Block, row: Row) => Row, attention: LatentOptions = {}) {
  return (tokens: readonly number[]): Matrix =>
    runDecoder(model, tokens, {
      layer: (block, x) => {
        const y = plus(
          x,
          latentAttention(
            block,
            x.map((row) => rmsNorm(row, block.vector('attn_norm.weight'))),
            LENGTHS,
            attention,
          ),
        );
        return y.map((row) => {
          const normed = rmsNorm(row, block.vector('ffn_norm.weight'));
          return add(
            row,
            !block.optionalVector('ffn_gate_inp.weight')
              ? gated(block, normed)
              : add(feed(block, normed), gated(block, normed, silu, '_shexp')),
          );
        });
      },
      finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
    });
}

describe('deepseek2 agrees with a scalar evaluation', () => {
  const plainMixture = (block: Block, row: Row): Row => mixture(block, row, { used: 3, weightScale: 1.5 });

  it.each([
    ['one matrix for keys and values, direct queries', { ...JOINT, ...DIRECT }, jointLengths],
    [
      'one matrix for keys and values, reduced queries',
      { ...JOINT, ...REDUCED },
      { ...jointLengths, 'attention.q_lora_rank': RANK },
    ],
    ['matrices of each head, direct queries', { ...PER_HEAD, ...DIRECT }, perHeadLengths],
    [
      'matrices of each head, reduced queries',
      { ...PER_HEAD, ...REDUCED },
      { ...perHeadLengths, 'attention.q_lora_rank': RANK },
    ],
  ])('%s', async (_, attention, lengths) => {
    const model = await randomModel(
      'deepseek2',
      { ...metadata, ...lengths },
      { ...ENDS, ...OUTPUT, ...tensorsOf(attention) },
    );
    await expectAgreement(model, reference(model, plainMixture));
  });

  it.each([
    ['one matrix for keys and values', { ...JOINT, ...DIRECT }, jointLengths],
    ['matrices of each head', { ...PER_HEAD, ...DIRECT }, perHeadLengths],
  ])('%s, in blocks of 8 bits', async (_, attention, lengths) => {
    // Without experts, whose choice small differences would turn over.
    const model = await randomModel(
      'deepseek2',
      { ...metadata, ...lengths, leading_dense_block_count: layers },
      { ...ENDS, ...OUTPUT, ...tensorsOf(attention, {}, layers) },
      { type: 'Q8_0' },
    );
    await expectAgreement(model, reference(model, plainMixture), QUANTIZED_TOLERANCE);
  });

  it('chooses experts from the best groups, by the logistic of their scores and a bias', async () => {
    const choice = {
      expert_gating_func: 2,
      expert_weights_norm: true,
      expert_group_count: 4,
      expert_group_used_count: 2,
    };
    const model = await randomModel(
      'deepseek2',
      { ...metadata, ...perHeadLengths, ...choice },
      { ...ENDS, ...OUTPUT, ...tensorsOf({ ...PER_HEAD, ...DIRECT }, { 'exp_probs_b.bias': EXPERTS }) },
    );
    const allowed = (ranks: Row): number[] => {
      const sums = split(ranks, 4).map((group) =>
        [...group]
          .sort((a, b) => b - a)
          .slice(0, 2)
          .reduce((a, b) => a + b),
      );
      return topIndices(sums, 2).flatMap((group) => [2 * group, 2 * group + 1]);
    };
    await expectAgreement(
      model,
      reference(model, (block, row) =>
        mixture(block, row, { used: 3, gating: 'sigmoid', normalize: true, weightScale: 1.5, allowed }),
      ),
    );
  });

  it('sharpens scores as YaRN asks, with the multiplier of the file', async () => {
    const [factor, original, base] = [4, 16, 10_000];
    const scaling = {
      'rope.scaling.type': 'yarn',
      'rope.scaling.factor': factor,
      'rope.scaling.original_context_length': original,
      'rope.scaling.yarn_log_multiplier': 0.0707,
    };
    const model = await randomModel(
      'deepseek2',
      { ...metadata, ...perHeadLengths, ...scaling },
      { ...ENDS, ...OUTPUT, ...tensorsOf({ ...PER_HEAD, ...DIRECT }) },
    );
    const pairAt = (turns: number): number =>
      (ROTATED * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
    const [low, high] = [Math.max(0, Math.floor(pairAt(32))), Math.min(ROTATED - 1, Math.ceil(pairAt(1)))];
    const turn = (part: Row, position: number): Row => {
      const out = [...part];
      for (let i = 0; i < ROTATED / 2; i++) {
        const kept = 1 - Math.min(1, Math.max(0, (i - low) / Math.max(0.001, high - low)));
        const angle = position * base ** ((-2 * i) / ROTATED) * (kept + (1 - kept) / factor);
        out[2 * i] = part[2 * i] * Math.cos(angle) - part[2 * i + 1] * Math.sin(angle);
        out[2 * i + 1] = part[2 * i] * Math.sin(angle) + part[2 * i + 1] * Math.cos(angle);
      }
      return out;
    };
    const sharpening = 0.1 * 0.707 * Math.log(factor) + 1;
    await expectAgreement(
      model,
      reference(model, plainMixture, { turn, scale: sharpening ** 2 / Math.sqrt(PLAIN + ROTATED) }),
    );
  });

  it('minicpm3: halves rotated, all branches scaled', async () => {
    const tensors = tensorsOf({ ...REDUCED, ...JOINT }, {}, layers);
    const file = {
      ...METADATA,
      ...RMS,
      'rope.dimension_count': ROTATED,
      'attention.kv_lora_rank': LATENT,
      'attention.q_lora_rank': RANK,
      ...jointLengths,
    };
    const model = await randomModel('minicpm3', file, { ...ENDS, ...OUTPUT, ...tensors });
    const turn = (part: Row, position: number): Row => rotate(part, position, 'halves');
    const branch = 1.4 / Math.sqrt(layers);
    await expectAgreement(model, (tokens) =>
      runDecoder(model, tokens, {
        embed: (row) => scaled(row, 12),
        layer: (block, x) => {
          const y = plus(
            x,
            latentAttention(
              block,
              x.map((row) => rmsNorm(row, block.vector('attn_norm.weight'))),
              LENGTHS,
              { turn },
            ).map((row) => scaled(row, branch)),
          );
          return y.map((row) => add(row, scaled(gated(block, rmsNorm(row, block.vector('ffn_norm.weight'))), branch)));
        },
        finish: (row) => scaled(rmsNorm(row, model.vector('output_norm.weight')), 256 / width),
      }),
    );
  });

  it('minicpm3 with a temperature of its queries is refused, as nothing is known of one', async () => {
    const key = 'attention.temperature_scale';
    const file = {
      ...METADATA,
      ...RMS,
      'rope.dimension_count': ROTATED,
      'attention.kv_lora_rank': LATENT,
      'attention.q_lora_rank': RANK,
      ...jointLengths,
      [key]: 0.5,
    };
    const model = await randomModel('minicpm3', file, {
      ...ENDS,
      ...OUTPUT,
      ...tensorsOf({ ...REDUCED, ...JOINT }, {}, layers),
    });
    await expect(loadTransformer(model.file, { contextLength: 16 })).rejects.toMatchObject({
      code: 'unsupported_model',
      details: { keys: [`minicpm3.${key}`] },
    });
  });

  describe('with an indexer', () => {
    const HEADS = 2;
    const INDEX: TensorShapes = {
      'indexer.k_norm.weight': 12,
      'indexer.k_norm.bias': 12,
      'indexer.proj.weight': [width, HEADS],
      'indexer.attn_k.weight': [width, 12],
      'indexer.attn_q_b.weight': [RANK, 12 * HEADS],
    };
    const indexed = (architecture: string, more: Record<string, number>): Promise<RandomModel> =>
      randomModel(
        architecture,
        {
          ...metadata,
          ...perHeadLengths,
          'attention.q_lora_rank': RANK,
          'attention.indexer.head_count': HEADS,
          'attention.indexer.key_length': 12,
          'attention.indexer.top_k': 32,
          ...more,
        },
        { ...ENDS, ...OUTPUT, ...tensorsOf({ ...PER_HEAD, ...REDUCED, ...INDEX }) },
      );

    it.each(['deepseek32', 'glm-dsa'])(
      '%s sees everything in contexts of no more than would be chosen',
      async (architecture) => {
        const model = await indexed(architecture, { expert_gating_func: architecture === 'glm-dsa' ? 0 : 2 });
        await expectAgreement(
          model,
          reference(model, (block, row) => mixture(block, row, { used: 3, gating: 'sigmoid', weightScale: 1.5 })),
        );
      },
    );

    it('refuses keys and tensors of an indexer that it does not know', async () => {
      const key = await indexed('deepseek32', { 'attention.indexer.mystery': 3 });
      await expect(loadTransformer(key.file)).rejects.toMatchObject({
        code: 'unsupported_model',
        details: { keys: ['deepseek32.attention.indexer.mystery'] },
      });
      const tensor = await randomModel(
        'deepseek32',
        { ...metadata, ...perHeadLengths, 'attention.q_lora_rank': RANK, 'attention.indexer.top_k': 32 },
        {
          ...ENDS,
          ...OUTPUT,
          ...tensorsOf({ ...PER_HEAD, ...REDUCED, ...INDEX }),
          'blk.0.indexer.mystery.weight': width,
        },
      );
      await expect(loadTransformer(tensor.file)).rejects.toMatchObject({
        code: 'unsupported_model',
        details: { tensors: ['blk.0.indexer.mystery.weight'] },
      });
    });

    it('refuses longer contexts, and does not begin with one', async () => {
      const { file } = await indexed('deepseek32', {});
      await expect(loadTransformer(file, { contextLength: 33 })).rejects.toMatchObject({
        code: 'unsupported_model',
        details: { limit: 32 },
      });
      const runtime = await loadTransformer(file);
      expect(runtime.info.contextLength).toBe(32);
      await runtime.close();
    });
  });
});
