import { ENDS, GATED, METADATA, OUTPUT, RMS, SHAPE } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { gated, mixture, plus, runDecoder, type Block } from './reference-decoder.js';
import { add, attend, cut, dot, linear, rmsNorm, rotate, silu, split, topIndices, type Matrix, type Row } from './scalar-math.js';

const { width, heads, layers } = SHAPE;
const LATENT = 64;
const PLAIN = 32;
const ROTATED = 8;
const VALUE = 96;
const RANK = 36;
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
const REDUCED: TensorShapes = { 'attn_q_a.weight': [width, RANK], ...norm('attn_q_a_norm', RANK), 'attn_q_b.weight': [RANK, heads * (PLAIN + ROTATED)] };
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
    Array.from({ length: layers }, (_, i) => Object.entries({ ...ATTENTION, ...attention, ...(i < denseLayers ? GATED : { ...MIXTURE, ...extra }) }).map(([name, shape]) => [`blk.${i}.${name}`, shape] as const)).flat(),
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
const jointLengths = { 'attention.head_count_kv': heads, 'attention.key_length': PLAIN + ROTATED, 'attention.value_length': VALUE };
const perHeadLengths = { 'attention.head_count_kv': 1, 'attention.key_length': LATENT + ROTATED, 'attention.value_length': LATENT, 'attention.key_length_mla': PLAIN + ROTATED, 'attention.value_length_mla': VALUE };

interface AttentionOptions {
  /** Divides the angles of a pair. */
  readonly turn?: (part: Row, position: number) => Row;
  readonly scale?: number;
}

/** Multi-head latent attention as its paper defines it: keys and values of each head made from the latent row. */
function latentAttention(block: Block, x: Matrix, { turn = (part, position) => rotate(part, position, 'pairs'), scale = 1 / Math.sqrt(PLAIN + ROTATED) }: AttentionOptions = {}): Matrix {
  const isReduced = block.optionalVector('attn_q_a_norm.weight') !== undefined;
  const q = x.map((row, position) => {
    const all = isReduced ? block.apply('attn_q_b', rmsNorm(block.apply('attn_q_a', row), block.vector('attn_q_a_norm.weight'))) : block.apply('attn_q', row);
    return split(all, heads).map((part) => [...part.slice(0, PLAIN), ...turn(part.slice(PLAIN), position)]);
  });
  const rows = x.map((row) => cut(block.apply('attn_kv_a_mqa', row), LATENT, ROTATED));
  const expand = expansionOf(block);
  const pairs = rows.map(([latent, rotated], position) =>
    expand(rmsNorm(latent, block.vector('attn_kv_a_norm.weight'))).map(({ key, value }) => ({ key: [...key, ...turn(rotated, position)], value })),
  );
  const [k, v] = [pairs.map((row) => row.map(({ key }) => key)), pairs.map((row) => row.map(({ value }) => value))];
  return attend(q, k, v, { scale }).map((row) => block.apply('attn_output', row));
}

function expansionOf(block: Block): (latent: Row) => { key: Row; value: Row }[] {
  if (block.optionalVector('attn_kv_b.weight')) {
    return (latent) => split(block.apply('attn_kv_b', latent), heads).map((part) => ({ key: part.slice(0, PLAIN), value: part.slice(PLAIN) }));
  }
  const [keys, values] = [block.matrices('attn_k_b.weight'), block.matrices('attn_v_b.weight')];
  // The file has the transpose of the keys' matrices: a row for each element of the latent row.
  return (latent) => keys.map((matrix, h) => ({ key: Array.from({ length: PLAIN }, (_, i) => dot(matrix.map((row) => row[i]), latent)), value: linear(values[h], latent) }));
}

function reference(model: RandomModel, feed: (block: Block, row: Row) => Row, attention: AttentionOptions = {}) {
  return (tokens: readonly number[]): Matrix =>
    runDecoder(model, tokens, {
      layer: (block, x) => {
        const y = plus(x, latentAttention(block, x.map((row) => rmsNorm(row, block.vector('attn_norm.weight'))), attention));
        return y.map((row) => {
          const normed = rmsNorm(row, block.vector('ffn_norm.weight'));
          return add(row, !block.optionalVector('ffn_gate_inp.weight') ? gated(block, normed) : add(feed(block, normed), gated(block, normed, silu, '_shexp')));
        });
      },
      finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
    });
}

describe('deepseek2 agrees with a scalar evaluation', () => {
  const plainMixture = (block: Block, row: Row): Row => mixture(block, row, { used: 3, weightScale: 1.5 });

  it.each([
    ['one matrix for keys and values, direct queries', { ...JOINT, ...DIRECT }, jointLengths],
    ['one matrix for keys and values, reduced queries', { ...JOINT, ...REDUCED }, { ...jointLengths, 'attention.q_lora_rank': RANK }],
    ['matrices of each head, direct queries', { ...PER_HEAD, ...DIRECT }, perHeadLengths],
    ['matrices of each head, reduced queries', { ...PER_HEAD, ...REDUCED }, { ...perHeadLengths, 'attention.q_lora_rank': RANK }],
  ])('%s', async (_, attention, lengths) => {
    const model = await randomModel('deepseek2', { ...metadata, ...lengths }, { ...ENDS, ...OUTPUT, ...tensorsOf(attention) });
    await expectAgreement(model, reference(model, plainMixture));
  });

  it.each([
    ['one matrix for keys and values', { ...JOINT, ...DIRECT }, jointLengths],
    ['matrices of each head', { ...PER_HEAD, ...DIRECT }, perHeadLengths],
  ])('%s, in blocks of 8 bits', async (_, attention, lengths) => {
    // Without experts, whose choice small differences would turn over.
    const model = await randomModel('deepseek2', { ...metadata, ...lengths, leading_dense_block_count: layers }, { ...ENDS, ...OUTPUT, ...tensorsOf(attention, {}, layers) }, { type: 'Q8_0' });
    await expectAgreement(model, reference(model, plainMixture), QUANTIZED_TOLERANCE);
  });

  it('chooses experts from the best groups, by the logistic of their scores and a bias', async () => {
    const choice = { expert_gating_func: 2, expert_weights_norm: true, expert_group_count: 4, expert_group_used_count: 2 };
    const model = await randomModel('deepseek2', { ...metadata, ...perHeadLengths, ...choice }, { ...ENDS, ...OUTPUT, ...tensorsOf({ ...PER_HEAD, ...DIRECT }, { 'exp_probs_b.bias': EXPERTS }) });
    const allowed = (ranks: Row): number[] => {
      const sums = split(ranks, 4).map((group) => [...group].sort((a, b) => b - a).slice(0, 2).reduce((a, b) => a + b));
      return topIndices(sums, 2).flatMap((group) => [2 * group, 2 * group + 1]);
    };
    await expectAgreement(model, reference(model, (block, row) => mixture(block, row, { used: 3, gating: 'sigmoid', normalize: true, weightScale: 1.5, allowed })));
  });

  it('sharpens scores as YaRN asks, with the multiplier of the file', async () => {
    const [factor, original, base] = [4, 16, 10_000];
    const scaling = { 'rope.scaling.type': 'yarn', 'rope.scaling.factor': factor, 'rope.scaling.original_context_length': original, 'rope.scaling.yarn_log_multiplier': 0.0707 };
    const model = await randomModel('deepseek2', { ...metadata, ...perHeadLengths, ...scaling }, { ...ENDS, ...OUTPUT, ...tensorsOf({ ...PER_HEAD, ...DIRECT }) });
    const pairAt = (turns: number): number => (ROTATED * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
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
    await expectAgreement(model, reference(model, plainMixture, { turn, scale: sharpening ** 2 / Math.sqrt(PLAIN + ROTATED) }));
  });
});
