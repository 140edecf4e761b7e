import { ENDS, METADATA, RMS, SHAPE } from './decoder.js';
import { expectAgreement, expectSameInSeveralMemories } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { gated, gatedExpert, mixture, plus, runDecoder, type Block } from './reference-decoder.js';
import {
  add,
  attend,
  gelu,
  linear,
  multiply,
  rmsNorm,
  rotate,
  scale,
  split,
  sum,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, heads, vocabulary } = SHAPE;
/** Layers that see a window; the last three read keys and values of the layers before them. */
const WINDOWED = [true, false, true, false, true, true, false];
const FIRST_SHARED = 4;
const WINDOW = 5;
const [LOCAL, GLOBAL] = [8, 12];
const INPUTS = 12;
const EXPERTS = 6;
/** Scores are not scaled down, so that the softmax of each layer enlarges what rounding leaves: first positions agree within 1e-6. */
const TOLERANCE = 1e-4;
const headLength = (layer: number): number => (WINDOWED[layer] ? LOCAL : GLOBAL);
const kvHeads = (layer: number): number => (WINDOWED[layer] ? 2 : 1);
const ffn = (layer: number): number => 40 + 4 * layer;

interface Variant {
  /** The file has inputs for each layer, and the last layers read pages of others. */
  readonly small: boolean;
  readonly experts: boolean;
}

function tensorsOf({ small, experts }: Variant): TensorShapes {
  const layer = (index: number): TensorShapes => {
    const [length, keys] = [headLength(index), kvHeads(index) * headLength(index)];
    const norms = Object.fromEntries(
      [
        'attn_norm',
        'post_attention_norm',
        'ffn_norm',
        'post_ffw_norm',
        ...(experts ? ['post_ffw_norm_1', 'pre_ffw_norm_2', 'post_ffw_norm_2'] : []),
        ...(small ? ['post_norm'] : []),
      ].map((name) => [`${name}.weight`, width]),
    );
    const isShared = small && index >= FIRST_SHARED;
    return {
      ...norms,
      'attn_q.weight': [width, heads * length],
      'attn_q_norm.weight': length,
      'attn_output.weight': [heads * length, width],
      ...(isShared ? {} : { 'attn_k.weight': [width, keys], 'attn_k_norm.weight': length }),
      // The larger models have no values in layers that see everything.
      ...(isShared || (!small && !WINDOWED[index]) ? {} : { 'attn_v.weight': [width, keys] }),
      'ffn_gate.weight': [width, ffn(index)],
      'ffn_up.weight': [width, ffn(index)],
      'ffn_down.weight': [ffn(index), width],
      'layer_output_scale.weight': 1,
      ...(small ? { 'inp_gate.weight': [width, INPUTS], 'proj.weight': [INPUTS, width] } : {}),
      ...(experts
        ? {
            'ffn_gate_inp.weight': [width, EXPERTS],
            'ffn_gate_inp.scale': width,
            'ffn_gate_exps.weight': [width, 16, EXPERTS],
            'ffn_up_exps.weight': [width, 16, EXPERTS],
            'ffn_down_exps.weight': [16, width, EXPERTS],
            'ffn_down_exps.scale': EXPERTS,
          }
        : {}),
    };
  };
  const all = WINDOWED.length * INPUTS;
  return {
    ...ENDS,
    'rope_freqs.weight': GLOBAL / 2,
    ...(small
      ? {
          'per_layer_token_embd.weight': [all, vocabulary],
          'per_layer_model_proj.weight': [width, all],
          'per_layer_proj_norm.weight': INPUTS,
        }
      : {}),
    ...Object.fromEntries(
      WINDOWED.flatMap((_, index) =>
        Object.entries(layer(index)).map(([name, shape]) => [`blk.${index}.${name}`, shape] as const),
      ),
    ),
  };
}

const gemma4 = (variant: Variant): Promise<RandomModel> =>
  randomModel(
    'gemma4',
    {
      ...METADATA,
      ...RMS,
      block_count: WINDOWED.length,
      feed_forward_length: Int32Array.from(WINDOWED, (_, layer) => ffn(layer)),
      'attention.head_count_kv': Int32Array.from(WINDOWED, (_, layer) => kvHeads(layer)),
      'attention.key_length': GLOBAL,
      'attention.value_length': GLOBAL,
      'attention.key_length_swa': LOCAL,
      'attention.value_length_swa': LOCAL,
      'attention.sliding_window': WINDOW,
      'attention.sliding_window_pattern': WINDOWED,
      'rope.dimension_count': GLOBAL,
      'rope.dimension_count_swa': LOCAL,
      'rope.freq_base': 50_000,
      'rope.freq_base_swa': 900,
      final_logit_softcapping: 3.5,
      ...(variant.small
        ? { 'attention.shared_kv_layers': WINDOWED.length - FIRST_SHARED, embedding_length_per_layer_input: INPUTS }
        : {}),
      ...(variant.experts ? { expert_count: EXPERTS, expert_used_count: 2, expert_feed_forward_length: 16 } : {}),
    },
    tensorsOf(variant),
  );

/** The rows that each layer has for each token. */
function inputsOf(model: RandomModel, tokens: readonly number[], x: Matrix): Matrix[] {
  const [table, projection, norm] = [
    model.matrix('per_layer_token_embd.weight'),
    model.matrix('per_layer_model_proj.weight'),
    model.vector('per_layer_proj_norm.weight'),
  ];
  return tokens.map((token, i) => {
    const projected = split(scale(linear(projection, x[i]), width ** -0.5), WINDOWED.length).map((part) =>
      rmsNorm(part, norm),
    );
    return split(table[token], WINDOWED.length).map((part, layer) =>
      scale(add(projected[layer], scale(part, Math.sqrt(INPUTS))), Math.SQRT1_2),
    );
  });
}

/** A head turned by its position; angles of layers that see everything are divided. */
function turned(model: RandomModel, layer: number, part: Row, position: number): Row {
  if (WINDOWED[layer]) return rotate(part, position, 'halves', LOCAL, 900);
  const [factors, half] = [model.vector('rope_freqs.weight'), GLOBAL / 2];
  const angle = (i: number): number => (position * 50_000 ** (-i / half)) / factors[i % half];
  return part.map((value, i) => {
    const pair = i % half;
    return value * Math.cos(angle(pair)) + (i < half ? -1 : 1) * part[(i + half) % GLOBAL] * Math.sin(angle(pair));
  });
}

const normed = (block: Block, row: Row, name: string): Row => rmsNorm(row, block.vector(`${name}.weight`));

function attention(
  model: RandomModel,
  block: Block,
  x: Matrix,
  variant: Variant,
  kept: Map<number, { k: Matrix[]; v: Matrix[] }>,
): Matrix {
  const { index } = block;
  const heading = (rows: Matrix, count: number, weight?: Row): Matrix[] =>
    rows.map((row) => split(row, count).map((part) => rmsNorm(part, weight)));
  const turn = (rows: Matrix[]): Matrix[] =>
    rows.map((parts, position) => parts.map((part) => turned(model, index, part, position)));
  const of = (name: string): Matrix => x.map((row) => block.apply(name, row));
  if (!variant.small || index < FIRST_SHARED) {
    const values = of(variant.small || WINDOWED[index] ? 'attn_v' : 'attn_k');
    kept.set(index, {
      k: turn(heading(of('attn_k'), kvHeads(index), block.vector('attn_k_norm.weight'))),
      v: heading(values, kvHeads(index)),
    });
  }
  const { k, v } = kept.get(variant.small && index >= FIRST_SHARED ? FIRST_SHARED - (WINDOWED[index] ? 2 : 1) : index)!;
  const q = turn(heading(of('attn_q'), heads, block.vector('attn_q_norm.weight')));
  return attend(q, k, v, { scale: 1, window: WINDOWED[index] ? WINDOW : undefined }).map((row) =>
    block.apply('attn_output', row),
  );
}

function feedForward(block: Block, y: Row, { experts }: Variant): Row {
  const dense = gated(block, normed(block, y, 'ffn_norm'), gelu);
  if (!experts) return dense;
  const routedBy = multiply(scale(rmsNorm(y, undefined), width ** -0.5), block.vector('ffn_gate_inp.scale'));
  const factors = block.vector('ffn_down_exps.scale');
  const expert = gatedExpert(block, gelu);
  const routed = mixture(block, normed(block, y, 'pre_ffw_norm_2'), {
    used: 2,
    normalize: true,
    routedBy,
    expert: (i, row) => scale(expert(i, row), factors[i]),
  });
  return add(normed(block, dense, 'post_ffw_norm_1'), normed(block, routed, 'post_ffw_norm_2'));
}

function reference(model: RandomModel, variant: Variant, tokens: readonly number[]): Matrix {
  const kept = new Map<number, { k: Matrix[]; v: Matrix[] }>();
  const table = model.matrix('token_embd.weight');
  const inputs = variant.small
    ? inputsOf(
        model,
        tokens,
        tokens.map((token) => scale(table[token], Math.sqrt(width))),
      )
    : undefined;
  const logits = runDecoder(model, tokens, {
    layers: WINDOWED.length,
    embed: (row) => scale(row, Math.sqrt(width)),
    head: 'token_embd',
    layer: (block, x) => {
      const mixed = attention(
        model,
        block,
        x.map((row) => normed(block, row, 'attn_norm')),
        variant,
        kept,
      ).map((row) => normed(block, row, 'post_attention_norm'));
      const fed = plus(x, mixed).map((y) => add(y, normed(block, feedForward(block, y, variant), 'post_ffw_norm')));
      const injected = fed.map((row, i) => {
        if (!inputs) return row;
        const own = multiply(block.apply('inp_gate', row).map(gelu), inputs[i][block.index]);
        return sum([row, normed(block, block.apply('proj', own), 'post_norm')]);
      });
      return injected.map((row) => scale(row, block.vector('layer_output_scale.weight')[0]));
    },
    finish: (row) => rmsNorm(row, model.vector('output_norm.weight')),
  });
  return logits.map((row) => row.map((value) => 3.5 * Math.tanh(value / 3.5)));
}

describe('gemma4 agrees with a scalar evaluation', () => {
  it.each([
    ['inputs for each layer, and shared keys and values', { small: true, experts: false }],
    ['keys as values', { small: false, experts: false }],
    ['experts beside a dense block', { small: false, experts: true }],
  ])('%s', async (_, variant) => {
    const model = await gemma4(variant);
    await expectAgreement(model, (tokens) => reference(model, variant, tokens), TOLERANCE);
  });

  it('reads shared keys and values where they are, also from another memory', async () => {
    await expectSameInSeveralMemories(await gemma4({ small: true, experts: false }), 1_500_000);
  });
});
