import { ENDS, GATED, METADATA, QKV, RMS, SHAPE, blocks } from './decoder.js';
import { expectAgreement, expectSameInSeveralMemories } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { blockOf, plus, rotated, separateHeads, type Block } from './reference-decoder.js';
import {
  add,
  attend,
  gelu,
  linear,
  multiply,
  rmsNorm,
  scale,
  split,
  sum,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, head, vocabulary } = SHAPE;
const STREAMS = 4;
const INPUTS = 12;
const RANK = 8;
/** Layers that see a window; the last two read keys and values of the two before them. */
const WINDOWED = [true, true, false, true, false];
const FIRST_SHARED = 3;
const WINDOW = 5;
/** Standard deviations above the mean of what is kept of each layer's gates. */
const DEVIATIONS = [0.4, 0, 0.2, 0, 0];
/** Scores are not scaled down, so that the softmax of each layer enlarges what rounding leaves. */
const TOLERANCE = 1e-4;

const LAYER: TensorShapes = {
  ...Object.fromEntries(
    [
      'attn_norm',
      'post_attention_norm',
      'ffn_norm',
      'post_ffw_norm',
      'post_norm',
      'laurel_post_norm',
      'altup_router_norm',
      'altup_correct_scale',
    ].map((name) => [`${name}.weight`, width]),
  ),
  ...QKV,
  'attn_q_norm.weight': head,
  'attn_k_norm.weight': head,
  ...GATED,
  'inp_gate.weight': [width, INPUTS],
  'proj.weight': [INPUTS, width],
  'altup_router.weight': [width, STREAMS],
  'altup_predict_coef.weight': [STREAMS, STREAMS * STREAMS],
  'altup_correct_coef.weight': [STREAMS, STREAMS],
  'laurel_l.weight': [width, RANK],
  'laurel_r.weight': [RANK, width],
};

const gemma3n = (): Promise<RandomModel> =>
  randomModel(
    'gemma3n',
    {
      ...METADATA,
      ...RMS,
      block_count: WINDOWED.length,
      'attention.key_length': head,
      'attention.value_length': head,
      'attention.sliding_window': WINDOW,
      'attention.sliding_window_pattern': WINDOWED,
      'attention.shared_kv_layers': WINDOWED.length - FIRST_SHARED,
      'rope.freq_base': 50_000,
      'rope.freq_base_swa': 900,
      'altup.num_inputs': STREAMS,
      'altup.active_idx': 0,
      embedding_length_per_layer_input: INPUTS,
      activation_sparsity_scale: Float32Array.from(DEVIATIONS),
    },
    {
      ...ENDS,
      'altup_proj.weight': [width, width, STREAMS - 1],
      'altup_unembd_proj.weight': [width, width, STREAMS - 1],
      'per_layer_token_embd.weight': [WINDOWED.length * INPUTS, vocabulary],
      'per_layer_model_proj.weight': [width, WINDOWED.length * INPUTS],
      'per_layer_proj_norm.weight': INPUTS,
      ...blocks(LAYER, WINDOWED.length),
    },
  );

const normed = (block: Block, row: Row, name: string): Row => rmsNorm(row, block.vector(`${name}.weight`));
const asLongAs = (row: Row, reference: Row): Row => scale(row, Math.hypot(...reference) / Math.hypot(...row));

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

type Kept = Map<number, { readonly k: Matrix[]; readonly v: Matrix[] }>;

function attention(block: Block, x: Matrix, kept: Kept): Matrix {
  const { index } = block;
  const { q, k, v } = separateHeads(block, x);
  const turn = (rows: Matrix[], norm: string): Matrix[] =>
    rotated(
      rows.map((parts) => parts.map((part) => normed(block, part, norm))),
      'halves',
      head,
      WINDOWED[index] ? 900 : 50_000,
    );
  if (index < FIRST_SHARED)
    kept.set(index, { k: turn(k, 'attn_k_norm'), v: v.map((parts) => parts.map((part) => rmsNorm(part, undefined))) });
  const shared = kept.get(index < FIRST_SHARED ? index : FIRST_SHARED - (WINDOWED[index] ? 2 : 1))!;
  return attend(turn(q, 'attn_q_norm'), shared.k, shared.v, {
    scale: 1,
    window: WINDOWED[index] ? WINDOW : undefined,
  }).map((row) => block.apply('attn_output', row));
}

function feedForward(block: Block, x: Row): Row {
  const gate = block.apply('ffn_gate', x);
  const deviations = DEVIATIONS[block.index];
  const mean = gate.reduce((a, b) => a + b) / gate.length;
  const deviation = Math.sqrt(gate.reduce((total, value) => total + (value - mean) ** 2, 0) / (gate.length - 1));
  const kept = deviations === 0 ? gate : gate.map((value) => Math.max(0, value - mean - deviations * deviation));
  return block.apply('ffn_down', multiply(kept.map(gelu), block.apply('ffn_up', x)));
}

/** Streams by token, through one layer. */
function layer(block: Block, streams: Matrix[], inputs: Matrix[], kept: Kept): Matrix[] {
  const modalities = (row: Row): Row =>
    block.apply('altup_router', scale(normed(block, row, 'altup_router_norm'), 1 / width)).map(Math.tanh);
  const predicted = streams.map((own) => {
    const coefficients = split(block.apply('altup_predict_coef', modalities(own[0])), STREAMS);
    return own.map((row, b) => sum([row, ...own.map((other, a) => scale(other, coefficients[b][a]))]));
  });
  const active = predicted.map(([first]) => first);
  const normal = active.map((row) => normed(block, row, 'attn_norm'));
  const shortcut = normal.map((row) =>
    add(row, normed(block, block.apply('laurel_r', block.apply('laurel_l', row)), 'laurel_post_norm')),
  );
  const attended = plus(
    active,
    attention(block, normal, kept).map((row) => normed(block, row, 'post_attention_norm')),
  );
  const y = plus(attended, shortcut).map((row) => scale(row, Math.SQRT1_2));
  const activated = y.map((row) =>
    add(row, normed(block, feedForward(block, normed(block, row, 'ffn_norm')), 'post_ffw_norm')),
  );
  return predicted.map((own, i) => {
    const coefficients = block.apply('altup_correct_coef', modalities(activated[i]));
    const change = add(activated[i], scale(own[0], -1));
    const corrected = own.map((row, b) => add(row, scale(change, 1 + coefficients[b])));
    const gate = block.apply('inp_gate', multiply(corrected[0], block.vector('altup_correct_scale.weight'))).map(gelu);
    const more = normed(block, block.apply('proj', multiply(gate, inputs[i][block.index])), 'post_norm');
    return corrected.map((row, b) => (b === 0 ? row : add(row, more)));
  });
}

function reference(model: RandomModel, tokens: readonly number[]): Matrix {
  const table = model.matrix('token_embd.weight');
  const x = tokens.map((token) => scale(table[token], Math.sqrt(width)));
  const [expansions, mergers] = [model.matrices('altup_proj.weight'), model.matrices('altup_unembd_proj.weight')];
  const inputs = inputsOf(model, tokens, x);
  const kept: Kept = new Map();
  let streams = x.map((row) => [row, ...expansions.map((matrix) => asLongAs(linear(matrix, row), row))]);
  for (let index = 0; index < WINDOWED.length; index++) streams = layer(blockOf(model, index), streams, inputs, kept);
  return streams.map(([first, ...others]) => {
    const merged = scale(
      sum([first, ...others.map((row, i) => asLongAs(linear(mergers[i], row), first))]),
      1 / STREAMS,
    );
    return linear(table, rmsNorm(merged, model.vector('output_norm.weight'))).map(
      (value) => 30 * Math.tanh(value / 30),
    );
  });
}

describe('gemma3n', () => {
  it('agrees with a scalar evaluation', async () => {
    const model = await gemma3n();
    await expectAgreement(model, (tokens) => reference(model, tokens), TOLERANCE);
  });

  it('gives the same bits where its layers lie in several memories', async () => {
    await expectSameInSeveralMemories(await gemma3n(), 1_560_000);
  });
});
