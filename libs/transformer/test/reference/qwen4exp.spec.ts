import { loadTransformer } from '../../src/load/load-transformer.js';
import { METADATA, OUTPUT, RMS, SHAPE } from './decoder.js';
import { EXPERTS, GATED_ATTENTION, expertCounts, expertsWithShared, gatedAttention } from './delta-net-blocks.js';
import { expectAgreement } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { convolution, deltaNet } from './recurrences.js';
import { blockOf, type Block } from './reference-decoder.js';
import {
  add,
  dot,
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

const { width, heads, kvHeads, head, layers, vocabulary } = SHAPE;
const [HEADS, KEY_HEADS, LENGTH] = [4, 2, 12];
const [KEYS, VALUES] = [KEY_HEADS * LENGTH, HEADS * LENGTH];
const [STREAMS, RANK] = [3, 8];
const WIDE = STREAMS * width;
const ATTENTION_LAYER = 1;
const NGRAM_LAYER = 2;
/** A token that occurs in the reference's text, with others after it. */
const END = 17;
const [SIZE, PER_SIZE, ROW, TAPS] = [3, 2, 12, 3];
const COUNT = (SIZE - 1) * PER_SIZE;
const MULTIPLIERS = [0x9e3779b97f4a7c15n, 0xc2b2ae3d27d4eb4fn, 12_345_678_901_234_567n];
const COUNTS = [11, 13, 7, 17];
const FIRSTS = [0, 11, 24, 31];

const hyper = (name: string): TensorShapes => ({
  [`${name}_norm.weight`]: [width, STREAMS],
  [`${name}_down.weight`]: [WIDE, RANK],
  [`${name}_up.weight`]: [RANK, WIDE],
});
const connected = (name: string): TensorShapes => ({ ...hyper(name), [`${name}_inject.weight`]: [WIDE, STREAMS] });
const deltaTensors: TensorShapes = {
  'attn_qkv.weight': [width, 2 * KEYS + VALUES],
  'attn_gate.weight': [width, VALUES],
  'ssm_beta.weight': [width, HEADS],
  'ssm_alpha.weight': [width, HEADS],
  'ssm_conv1d.weight': [4, 2 * KEYS + VALUES],
  'ssm_dt.bias': HEADS,
  ssm_a: HEADS,
  'ssm_norm.weight': LENGTH,
  'ssm_out.weight': [VALUES, width],
};
/** Biases that are not added, and a part of the indexer. */
const unusedTensors: TensorShapes = {
  'attn_q.bias': 2 * heads * head,
  'attn_k.bias': kvHeads * head,
  'attn_v.bias': kvHeads * head,
  'indexer.q_proj.weight': [width, 24],
};
const ngramTensors: TensorShapes = {
  'ple_key.weight': [COUNT * ROW, WIDE],
  'ple_value.weight': [COUNT * ROW, width],
  'ple_norm_key.weight': [width, STREAMS],
  'ple_norm_query.weight': [width, STREAMS],
  'ple_norm_conv.weight': [width, STREAMS],
  'ple_conv1d.weight': [TAPS, WIDE],
};
const metadata = {
  ...METADATA,
  ...RMS,
  ...expertCounts,
  'rope.dimension_count': 4,
  'attention.key_length': head,
  'attention.value_length': head,
  'attention.indexer.top_k': 64,
  full_attention_interval: ATTENTION_LAYER + 1,
  'ssm.conv_kernel': 4,
  'ssm.inner_size': VALUES,
  'ssm.state_size': LENGTH,
  'ssm.time_step_rank': HEADS,
  'ssm.group_count': KEY_HEADS,
  'hyper_connection.count': STREAMS,
  'hyper_connection.low_rank': RANK,
};
const ngramMetadata = {
  'ple.layers': Int32Array.of(NGRAM_LAYER),
  'ple.ngram_size': SIZE,
  'ple.heads_per_ngram': PER_SIZE,
  'ple.conv_kernel': TAPS,
  'ple.eos_token_id': END,
  'ple.image_token_id': 5,
  embedding_length_per_layer_input: ROW,
  'ple.layer_multipliers': BigUint64Array.from(MULTIPLIERS),
  'ple.head_vocab_sizes': BigUint64Array.from(COUNTS, BigInt),
  'ple.head_offsets': BigUint64Array.from(FIRSTS, BigInt),
};

function tensorsOf(hasNgrams: boolean): TensorShapes {
  const attention = { ...GATED_ATTENTION, ...unusedTensors };
  const inLayers = Array.from({ length: layers }, (_, i) => {
    const own = {
      ...(i === ATTENTION_LAYER ? attention : deltaTensors),
      ...(hasNgrams && i === NGRAM_LAYER ? ngramTensors : {}),
    };
    return Object.entries({ ...own, ...connected('hc_attn'), ...connected('hc_ffn'), ...EXPERTS }).map(
      ([name, shape]) => [`blk.${i}.${name}`, shape] as const,
    );
  });
  const table: TensorShapes = hasNgrams ? { 'per_layer_token_embd.weight': [ROW, 50] } : {};
  return {
    'token_embd.weight': [width, vocabulary],
    ...table,
    ...hyper('output_hc'),
    ...OUTPUT,
    ...Object.fromEntries(inLayers.flat()),
  };
}

/** A stream of several rows for each token. */
type Streams = Matrix[];

const normedStreams = (rows: Matrix, weights: Matrix): Matrix => rows.map((row, i) => rmsNorm(row, weights[i]));

function hyperRead(model: RandomModel, name: string, rows: Matrix): { read: Row; shares: Row } {
  const normal = normedStreams(rows, model.matrix(`${name}_norm.weight`));
  const short = linear(model.matrix(`${name}_down.weight`), normal.flat()).map((value) => silu(value / STREAMS));
  const gates = split(linear(model.matrix(`${name}_up.weight`), short), STREAMS);
  const inject = model.optionalVector(`${name}_inject.weight`)
    ? linear(model.matrix(`${name}_inject.weight`), normal.flat())
    : [];
  return {
    read: scale(sum(normal.map((row, i) => multiply(row, gates[i].map(sigmoid)))), 1 / STREAMS),
    shares: inject.map((value) => 2 * sigmoid(value / STREAMS)),
  };
}

/** The block between a read and an addition to each row of the stream. */
function connect(model: RandomModel, name: string, streams: Streams, block: (input: Matrix) => Matrix): Streams {
  const reads = streams.map((rows) => hyperRead(model, name, rows));
  const given = block(reads.map(({ read }) => read));
  return streams.map((rows, t) => rows.map((row, i) => add(row, scale(given[t], reads[t].shares[i]))));
}

/** Rows of the table for the token at a place and those before it. */
function chosenRows(tokens: readonly number[], place: number): number[] {
  const seen = [tokens[place]];
  for (let back = 1; back < SIZE; back++) {
    const token = seen.length > 1 && seen[back - 1] === END ? END : (tokens[place - back] ?? END);
    seen.push(token);
  }
  return Array.from({ length: COUNT }, (_, i) => {
    const length = 2 + Math.floor(i / PER_SIZE);
    const mixed = seen
      .slice(0, length)
      .reduce((all, token, j) => all ^ BigInt.asUintN(64, BigInt(token) * MULTIPLIERS[j]), 0n);
    return Number(mixed % BigInt(COUNTS[i])) + FIRSTS[i];
  });
}

function addNgrams(model: RandomModel, block: Block, tokens: readonly number[], streams: Streams): Streams {
  const table = model.matrix('per_layer_token_embd.weight');
  const found = tokens.map((_, t) => chosenRows(tokens, t).flatMap((row) => table[row]));
  const gated = found.map((row, t) => {
    const keys = normedStreams(split(block.apply('ple_key', row), STREAMS), block.matrix('ple_norm_key.weight'));
    const queries = normedStreams(streams[t], block.matrix('ple_norm_query.weight'));
    const value = block.apply('ple_value', row);
    return keys.map((key, i) => {
      const match = dot(key, queries[i]) / Math.sqrt(width);
      return scale(value, sigmoid(Math.sign(match) * Math.sqrt(Math.max(Math.abs(match), 1e-6))));
    });
  });
  const normal = gated.map((rows) => normedStreams(rows, block.matrix('ple_norm_conv.weight')).flat());
  const mixed = convolution(normal, block.matrix('ple_conv1d.weight'), undefined, SIZE).map((row) =>
    split(row.map(silu), STREAMS),
  );
  return streams.map((rows, t) => rows.map((row, i) => sum([row, gated[t][i], mixed[t][i]])));
}

describe('qwen4exp', () => {
  it.each([
    ['of another length', ATTENTION_LAYER, heads * head, 'invalid_model_file'],
    ['where there is no attention', NGRAM_LAYER, 2 * heads * head, 'unsupported_model'],
  ])('refuses a bias of queries %s', async (_, layer, length, code) => {
    const name = `blk.${layer}.attn_q.bias`;
    const { file } = await randomModel('qwen4exp', { ...metadata }, { ...tensorsOf(false), [name]: length });
    await expect(loadTransformer(file, { contextLength: 16 })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(name) as string,
    });
  });

  it.each([true, false])('agrees with a scalar evaluation (rows by the last tokens: %s)', async (hasNgrams) => {
    const model = await randomModel(
      'qwen4exp',
      { ...metadata, ...(hasNgrams ? ngramMetadata : {}) },
      tensorsOf(hasNgrams),
    );
    await expectAgreement(model, (tokens) => {
      const embedding = model.matrix('token_embd.weight');
      let streams: Streams = tokens.map((token) => Array.from({ length: STREAMS }, () => embedding[token]));
      for (let index = 0; index < layers; index++) {
        const block = blockOf(model, index);
        const bare: Block = { ...block, apply: (name, row) => linear(block.matrix(`${name}.weight`), row) };
        if (hasNgrams && index === NGRAM_LAYER) streams = addNgrams(model, block, tokens, streams);
        const net = (x: Matrix): Matrix => {
          const of = (name: string): Matrix => x.map((row) => block.apply(name, row));
          const input = {
            qkv: of('attn_qkv'),
            gate: of('attn_gate'),
            strengths: of('ssm_beta'),
            steps: of('ssm_alpha'),
          };
          return deltaNet(block, input, {
            heads: HEADS,
            keyHeads: KEY_HEADS,
            length: LENGTH,
            keyHeadOf: (h) => h % KEY_HEADS,
            gateActivation: sigmoid,
          });
        };
        streams = connect(model, `blk.${index}.hc_attn`, streams, (x) =>
          index === ATTENTION_LAYER ? gatedAttention(bare, x) : net(x),
        );
        streams = connect(model, `blk.${index}.hc_ffn`, streams, (x) => x.map((row) => expertsWithShared(block, row)));
      }
      return streams.map((rows) => linear(model.matrix('output.weight'), hyperRead(model, 'output_hc', rows).read));
    });
  });
});
