import { relativeRms } from '../../../../tools/fixtures/fixtures.js';
import { loadTransformer } from '../../src/load/load-transformer.js';
import type { SequenceInput } from '@starling/scheduler';
import type { ModelRuntime } from '../../src/runtime/model-runtime.js';
import { METADATA, RMS, SHAPE } from './decoder.js';
import { TOKENS } from './expect-agreement.js';
import { expectClosedOnce } from './expect-closed.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { expectAgreementOfEncoder, meanOf } from './reference-encoder.js';
import { add, attend, gelu, linear, multiply, rmsNorm, split, type Matrix, type Row } from './scalar-math.js';

const { width, ffn, heads, head, layers, vocabulary } = SHAPE;
const BUCKETS = 8;
const metadata = {
  ...METADATA,
  ...RMS,
  'attention.head_count_kv': heads,
  'attention.key_length': head,
  'attention.value_length': head,
  'attention.relative_buckets_count': BUCKETS,
};

interface Variant {
  readonly hasGate: boolean;
  readonly hasOwnBiases: boolean;
}

const attentionBlock = (name: string): TensorShapes =>
  Object.fromEntries(['q', 'k', 'v', 'o'].map((part) => [`${name}_${part}.weight`, [width, width]]));

/** The blocks of one side, the biases in the first or in each. */
function sideOf(side: 'enc' | 'dec', { hasGate, hasOwnBiases }: Variant, count: number = layers): TensorShapes {
  const block: TensorShapes = {
    'attn_norm.weight': width,
    ...attentionBlock('attn'),
    ...(side === 'dec' ? { 'cross_attn_norm.weight': width, ...attentionBlock('cross_attn') } : {}),
    'ffn_norm.weight': width,
    'ffn_up.weight': [width, ffn],
    ...(hasGate ? { 'ffn_gate.weight': [width, ffn] } : {}),
    'ffn_down.weight': [ffn, width],
  };
  const all = Array.from({ length: count }, (_, i) =>
    Object.entries({ ...block, ...(i === 0 || hasOwnBiases ? { 'attn_rel_b.weight': [heads, BUCKETS] } : {}) }).map(
      ([name, shape]) => [`${side}.blk.${i}.${name}`, shape] as const,
    ),
  );
  return Object.fromEntries(all.flat());
}

/** Half of `side` buckets for near distances one by one, the others for those up to 128. */
function bucketOfLength(away: number, side: number): number {
  const exact = side / 2;
  const far = exact + Math.floor((Math.log(away / exact) / Math.log(128 / exact)) * (side - exact) + 1e-9);
  return away < exact ? away : Math.min(side - 1, far);
}

/** The bucket of a distance (Raffel et al., 2020): of an encoder half of them are for each side, a decoder's look back only. */
const bucketOf = {
  enc: (distance: number): number => (distance > 0 ? BUCKETS / 2 : 0) + bucketOfLength(Math.abs(distance), BUCKETS / 2),
  dec: (distance: number): number => bucketOfLength(-distance, BUCKETS),
};

/** One layer; of a decoder with what the encoder has made. */
function layerOf(
  model: RandomModel,
  side: 'enc' | 'dec',
  x: Matrix,
  index: number,
  { hasGate, hasOwnBiases }: Variant,
  encoded?: Matrix,
): Matrix {
  const name = (part: string): string => `${side}.blk.${index}.${part}.weight`;
  const apply = (part: string, row: Row): Row => linear(model.matrix(name(part)), row);
  const normed = (rows: Matrix, part: string): Matrix => rows.map((row) => rmsNorm(row, model.vector(name(part))));
  const headsOf = (part: string, rows: Matrix): Matrix[] => rows.map((row) => split(apply(part, row), heads));
  const plus = (rows: Matrix, more: Matrix, part: string): Matrix =>
    rows.map((row, i) => add(row, apply(part, more[i])));
  const biases = model.matrix(`${side}.blk.${hasOwnBiases ? index : 0}.attn_rel_b.weight`);
  const inputs = normed(x, 'attn_norm');
  const [q, k, v] = ['attn_q', 'attn_k', 'attn_v'].map((part) => headsOf(part, inputs));
  let y = plus(
    x,
    attend(q, k, v, { causal: side === 'dec', scale: 1, bias: (h, distance) => biases[bucketOf[side](distance)][h] }),
    'attn_o',
  );
  if (encoded) {
    const queries = headsOf('cross_attn_q', normed(y, 'cross_attn_norm'));
    y = plus(
      y,
      attend(queries, headsOf('cross_attn_k', encoded), headsOf('cross_attn_v', encoded), { causal: false, scale: 1 }),
      'cross_attn_o',
    );
  }
  const fed = normed(y, 'ffn_norm').map((input) => {
    const up = apply('ffn_up', input);
    return hasGate ? multiply(apply('ffn_gate', input).map(gelu), up) : up.map((value) => Math.max(0, value));
  });
  return plus(y, fed, 'ffn_down');
}

function runSide(
  model: RandomModel,
  side: 'enc' | 'dec',
  tokens: readonly number[],
  variant: Variant,
  count: number,
  encoded?: Matrix,
): Matrix {
  let x: Matrix = tokens.map((token) => model.matrix('token_embd.weight')[token]);
  for (let index = 0; index < count; index++) x = layerOf(model, side, x, index, variant, encoded);
  return x.map((row) => rmsNorm(row, model.vector(`${side}.output_norm.weight`)));
}

describe('t5encoder agrees with a scalar evaluation', () => {
  it.each([
    ['a gate', { hasGate: true, hasOwnBiases: false }],
    ['ReLU and biases of each layer', { hasGate: false, hasOwnBiases: true }],
  ])('with %s', async (_, options) => {
    const model = await randomModel(
      't5encoder',
      { ...metadata, pooling_type: 1 },
      { 'token_embd.weight': [width, vocabulary], 'enc.output_norm.weight': width, ...sideOf('enc', options) },
    );
    const reference = (tokens: readonly number[]): Matrix => runSide(model, 'enc', tokens, options, layers);
    await expectAgreementOfEncoder(model, reference, { pooling: 'mean', pooled: meanOf });
  });
});

const READ = TOKENS.slice(0, 11);
const WRITTEN = [0, ...TOKENS.slice(2, 15)];
const LIMITS = {
  contextLength: 32,
  pageTokens: 16,
  pageCount: 6,
  kvType: 'F32',
  maxBatchTokens: 16,
  maxSequences: 3,
} as const;

/** A model with more layers on one side than on the other. */
const t5Of = (variant: Variant, { isTied = false, decoderLayers = 2 } = {}): Promise<RandomModel> =>
  randomModel(
    't5',
    { ...metadata, decoder_block_count: decoderLayers, decoder_start_token_id: 0 },
    {
      'token_embd.weight': [width, vocabulary],
      'enc.output_norm.weight': width,
      ...sideOf('enc', variant),
      'dec.output_norm.weight': width,
      ...sideOf('dec', variant, decoderLayers),
      ...(isTied ? {} : { 'output.weight': [width, vocabulary] }),
    },
  );

const sequence = (
  tokens: readonly number[],
  startPosition: number,
  slot: number,
  encoderTokens: number = READ.length,
): SequenceInput => ({
  tokens,
  startPosition,
  pages: Int32Array.of(2 * slot, 2 * slot + 1),
  slot,
  outputs: 'all',
  encoderTokens,
});

/** Logits of what is written after a text, cut into steps. */
async function logitsInSteps(runtime: ModelRuntime, sizes: readonly number[], slot = 0): Promise<number[]> {
  const logits = [...(await runtime.step([sequence([...READ, ...WRITTEN.slice(0, sizes[0])], 0, slot)])).logits];
  let done = sizes[0];
  for (const size of sizes.slice(1)) {
    logits.push(...(await runtime.step([sequence(WRITTEN.slice(done, done + size), READ.length + done, slot)])).logits);
    done += size;
  }
  return logits;
}

describe('t5', () => {
  it.each([
    ['a gate, and more layers that read', { hasGate: true, hasOwnBiases: false }, {}],
    [
      'ReLU, biases of each layer, one table for both ends, and more layers that write',
      { hasGate: false, hasOwnBiases: true },
      { isTied: true, decoderLayers: 4 },
    ],
  ])(
    'agrees with a scalar evaluation with %s, in one step and in several, to the same bits',
    async (_, variant, options) => {
      const model = await t5Of(variant, options);
      await expectClosedOnce(model.file);
      const encoded = runSide(model, 'enc', READ, variant, layers);
      const written = runSide(
        model,
        'dec',
        WRITTEN,
        variant,
        'decoderLayers' in options ? options.decoderLayers : 2,
        encoded,
      );
      const head = model.matrix('isTied' in options ? 'token_embd.weight' : 'output.weight');
      const expected = written
        .flatMap((row) => linear(head, row))
        .map((logit) => logit * ('isTied' in options ? width ** -0.5 : 1));
      const runtime = await loadTransformer(model.file, LIMITS);
      try {
        expect(runtime.info).toMatchObject({ decoderStart: 0, hasLogits: true, causal: false });
        const whole = await logitsInSteps(runtime, [WRITTEN.length]);
        expect(relativeRms(whole, expected)).toBeLessThan(1e-5);
        for (const sizes of [[0, 9, 5], WRITTEN.map(() => 1)])
          expect(await logitsInSteps(runtime, sizes, 1)).toEqual(whole);
        const text = { ...sequence(READ, 0, 2), outputs: 'none', encoderTokens: undefined } as const;
        const { vectors } = await runtime.embed([text], { pooling: 'none' });
        expect(relativeRms(vectors, encoded.flat())).toBeLessThan(1e-5);
        expect(
          (
            await runtime.embed(
              [
                { ...text, tokens: TOKENS.slice(4, 8), slot: 1, pages: Int32Array.of(0) },
                { ...text, pages: Int32Array.of(2) },
              ],
              { pooling: 'none' },
            )
          ).vectors.slice(4 * width),
        ).toEqual(vectors);
      } finally {
        await runtime.close();
      }
    },
  );

  it('reads one text while it writes after others, to the same bits', async () => {
    const model = await t5Of({ hasGate: true, hasOwnBiases: false });
    const runtime = await loadTransformer(model.file, LIMITS);
    try {
      const alone = await logitsInSteps(
        runtime,
        WRITTEN.map(() => 1),
      );
      const rowsOf = async (...batch: SequenceInput[]): Promise<number[][]> => {
        const { rows, logits } = await runtime.step(batch);
        return Array.from({ length: rows }, (_, row) => [...logits.subarray(row * vocabulary, (row + 1) * vocabulary)]);
      };
      const row = (i: number): number[] => alone.slice(i * vocabulary, (i + 1) * vocabulary);
      const other = [...TOKENS].reverse();
      expect((await rowsOf(sequence([...other.slice(0, 4), 0], 0, 2, 4), sequence([...READ, 0], 0, 0)))[1]).toEqual(
        row(0),
      );
      expect(await rowsOf(sequence([WRITTEN[1]], 12, 0), sequence([5], 5, 2, 4), sequence([...READ, 0], 0, 1))).toEqual(
        [row(1), expect.anything(), row(0)],
      );
      expect(await rowsOf(sequence(WRITTEN.slice(1, 4), 12, 1), sequence([WRITTEN[2]], 13, 0))).toEqual([
        row(1),
        row(2),
        row(3),
        row(2),
      ]);
    } finally {
      await runtime.close();
    }
  });

  it('gives the same bits where it is spread over several memories', async () => {
    const model = await t5Of({ hasGate: true, hasOwnBiases: false });
    const runtimes = await Promise.all(
      [{}, { memoryBytes: 1_400_000 }].map((options) => loadTransformer(model.file, { ...LIMITS, ...options })),
    );
    try {
      expect(runtimes.map(({ info }) => info.memoryCount > 1)).toEqual([false, true]);
      const [one, several] = [await logitsInSteps(runtimes[0], [3, 2]), await logitsInSteps(runtimes[1], [3, 2])];
      expect(several).toEqual(one);
    } finally {
      await Promise.all(runtimes.map((runtime) => runtime.close()));
    }
  });

  it('refuses steps that cut what is read, or do not say what that is', async () => {
    const model = await t5Of({ hasGate: true, hasOwnBiases: false });
    const runtime = await loadTransformer(model.file, LIMITS);
    try {
      for (const wrong of [
        sequence(READ.slice(0, 5), 0, 0),
        sequence(READ.slice(5), 5, 0),
        sequence([...READ, 0], 0, 0, 0),
        { ...sequence([...READ, 0], 0, 0), encoderTokens: undefined },
        { ...sequence(READ, 0, 0), outputs: 'last' as const },
        sequence([...TOKENS, 1, 0], 0, 0, TOKENS.length + 1),
      ]) {
        await expect(runtime.step([wrong])).rejects.toMatchObject({ code: 'invalid_argument' });
      }
      // Each part of a step has room for as many tokens as there may be.
      expect((await runtime.step([sequence([...TOKENS, ...WRITTEN], 0, 0, TOKENS.length)])).rows).toBe(WRITTEN.length);
    } finally {
      await runtime.close();
    }
  });

  it('refuses a file whose answers begin with a token that it does not have', async () => {
    const model = await randomModel(
      't5',
      { ...metadata, decoder_start_token_id: vocabulary },
      {
        'token_embd.weight': [width, vocabulary],
        'enc.output_norm.weight': width,
        ...sideOf('enc', { hasGate: true, hasOwnBiases: false }),
        'dec.output_norm.weight': width,
        ...sideOf('dec', { hasGate: true, hasOwnBiases: false }),
      },
    );
    await expect(loadTransformer(model.file, LIMITS)).rejects.toThrow('as the token that answers begin with');
  });
});
