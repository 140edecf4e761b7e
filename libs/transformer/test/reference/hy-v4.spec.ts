import { loadTransformer } from '../../src/load/load-transformer.js';
import { blocks, ENDS, GATED, latentIndexer, METADATA, OUTPUT, RMS, SHAPE, sharedMixture } from './decoder.js';
import { expectAgreement } from './expect-agreement.js';
import { latentAttention } from './latent-attention.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { blockOf, gated, mixture, type Block } from './reference-decoder.js';
import {
  add,
  linear,
  multiply,
  rmsNorm,
  scale,
  sigmoid,
  silu,
  split,
  sum,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, heads, layers } = SHAPE;
const STREAMS = 3;
const [FLOOR, MAGNITUDE, LIMIT] = [0.0625, 1.75, 0.5];
const EXPERTS = 6;
const LENGTHS = { heads, latent: 24, plain: 16, rotated: 8 };
const VALUE = 12;
const norm = (name: string, length: number = width) => ({ [`${name}.weight`]: length });
const hyper = (name: string, rows: number): TensorShapes => ({
  [`${name}_fn.weight`]: [STREAMS * width, rows],
  [`${name}_scale.weight`]: rows / STREAMS,
  [`${name}_base.weight`]: rows,
});

const common: TensorShapes = {
  ...hyper('hc_attn', 2 * STREAMS),
  ...hyper('hc_ffn', 2 * STREAMS),
  ...norm('attn_norm'),
  'attn_q_a.weight': [width, 20],
  ...norm('attn_q_a_norm', 20),
  'attn_q_b.weight': [20, heads * 24],
  'attn_kv_a_mqa.weight': [width, 32],
  ...norm('attn_kv_a_norm', 24),
  'attn_k_b.weight': [16, 24, heads],
  'attn_v_b.weight': [24, VALUE, heads],
  'attn_sinks.weight': heads,
  'attn_gate.weight': [width, heads * VALUE],
  'attn_output.weight': [heads * VALUE, width],
  ...norm('ffn_norm'),
};
const metadata = {
  ...METADATA,
  ...RMS,
  'attention.head_count_kv': 1,
  'attention.q_lora_rank': 20,
  'attention.kv_lora_rank': 24,
  'attention.key_length_mla': 24,
  'attention.value_length_mla': VALUE,
  'hyper_connection.count': STREAMS,
  'hyper_connection.epsilon': FLOOR,
  'hyper_connection.magnitude': MAGNITUDE,
  expert_count: EXPERTS,
  expert_used_count: 2,
  expert_feed_forward_length: 16,
  expert_gating_func: 2,
  expert_weights_norm: true,
  expert_weights_scale: 1.5,
  swiglu_clamp_exp: LIMIT,
};

/** Numbers between the floor and more, one for each stream or two. */
function weightsOf(
  vector: (name: string) => Row,
  matrix: (name: string) => Matrix,
  name: string,
  stream: Row,
  magnitude = MAGNITUDE,
): { pre: Row; post: Row } {
  const made = linear(matrix(`${name}_fn.weight`), rmsNorm(stream, undefined));
  const [scales, bases] = [vector(`${name}_scale.weight`), vector(`${name}_base.weight`)];
  const gates = made.map((value, i) => sigmoid(value * scales[Math.floor(i / STREAMS)] + bases[i]));
  return {
    pre: gates.slice(0, STREAMS).map((gate) => gate + FLOOR),
    post: gates.slice(STREAMS).map((gate) => magnitude * gate + FLOOR),
  };
}

const weigh = (stream: Row, weights: Row): Row => sum(split(stream, STREAMS).map((row, i) => scale(row, weights[i])));

/** A block connected with the streams of all tokens. */
function connected(block: Block, name: string, streams: Matrix, run: (inputs: Matrix) => Matrix): Matrix {
  const weights = streams.map((stream) => weightsOf(block.vector, block.matrix, `hc_${name}`, stream));
  const given = run(
    streams.map((stream, t) => rmsNorm(weigh(stream, weights[t].pre), block.vector(`${name}_norm.weight`))),
  );
  return streams.map((stream, t) =>
    split(stream, STREAMS).flatMap((row, i) => add(row, scale(given[t], weights[t].post[i]))),
  );
}

function feed(block: Block, x: Row): Row {
  if (block.index === 0) return gated(block, x);
  const expert = (i: number, row: Row): Row => {
    const [gate, up, down] = ['gate', 'up', 'down'].map((name) => block.matrices(`ffn_${name}_exps.weight`)[i]);
    return linear(
      down,
      multiply(
        linear(gate, row).map((value) => silu(Math.min(value, LIMIT))),
        linear(up, row).map((value) => Math.max(-LIMIT, Math.min(LIMIT, value))),
      ),
    );
  };
  return add(
    mixture(block, x, { used: 2, gating: 'sigmoid', normalize: true, weightScale: 1.5, expert }),
    gated(block, x, silu, '_shexp'),
  );
}

function reference(model: RandomModel) {
  return (tokens: readonly number[]): Matrix => {
    const table = model.matrix('token_embd.weight');
    let streams: Matrix = tokens.map((token) => Array.from({ length: STREAMS }, () => table[token]).flat());
    for (let index = 0; index < layers; index++) {
      const block = blockOf(model, index);
      streams = connected(block, 'attn', streams, (inputs) =>
        latentAttention(block, inputs, LENGTHS, {
          sinks: block.vector('attn_sinks.weight'),
          gate: (input) => block.apply('attn_gate', input).map(sigmoid),
        }),
      );
      streams = connected(block, 'ffn', streams, (inputs) => inputs.map((row) => feed(block, row)));
    }
    return streams.map((stream) => {
      const { pre } = weightsOf(model.vector, model.matrix, 'output_hc', stream);
      return linear(model.matrix('output.weight'), rmsNorm(weigh(stream, pre), model.vector('output_norm.weight')));
    });
  };
}

type Extra = Readonly<Record<string, Int32Array | number>>;

const modelOf = (extra: Extra, more: TensorShapes): Promise<RandomModel> => {
  const tensors = blocks((layer) => ({
    ...common,
    ...(layer === 0 ? GATED : sharedMixture(EXPERTS, 16)),
    ...(layer % 2 === 0 ? more : {}),
  }));
  return randomModel(
    'hy_v4',
    { ...metadata, ...extra },
    { ...ENDS, ...OUTPUT, ...hyper('output_hc', STREAMS), ...tensors },
  );
};

describe('hy_v4 agrees with a scalar evaluation', () => {
  it('where all of a context is seen', async () => {
    const model = await modelOf({}, {});
    await expectAgreement(model, reference(model));
  });

  it('where an indexer would choose all of the longest context, and refuses longer ones', async () => {
    const model = await modelOf({ 'attention.indexer.top_k': 32 }, latentIndexer(20));
    await expectAgreement(model, reference(model));
    await expect(loadTransformer(model.file, { contextLength: 33 })).rejects.toMatchObject({
      code: 'unsupported_model',
      details: { limit: 32 },
    });
  });

  it('and refuses an indexer where the file does not say by one number how much it chooses', async () => {
    const wrong: readonly Extra[] = [
      {},
      { 'attention.indexer.top_k': Int32Array.of(32, 32, 32) },
      { 'attention.indexer.top_k': 0.5 },
    ];
    for (const extra of wrong) {
      const model = await modelOf(extra, latentIndexer(20));
      await expect(loadTransformer(model.file)).rejects.toMatchObject({
        code: 'invalid_model_file',
        message: expect.stringContaining('hy_v4.attention.indexer.top_k') as string,
      });
    }
  });
});
