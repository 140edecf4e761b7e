import type { SequenceInput } from '@starling/scheduler';
import { loadTransformer } from '../../src/load/load-transformer.js';
import { relativeRms } from '../../../../tools/fixtures/fixtures.js';
import { LAYER_NORM, METADATA, PLAIN, SHAPE, biased, blocks } from './decoder.js';
import { TOKENS } from './expect-agreement.js';
import { randomModel, type RandomModel } from './random-model.js';
import { plain, plus, separateHeads } from './reference-decoder.js';
import { meanOf, runEncoder } from './reference-encoder.js';
import { add, attend, gelu, layerNorm, type Matrix } from './scalar-math.js';
import { smallLlama } from './small-llama.js';

const { width, heads, vocabulary } = SHAPE;
const LIMITS = { contextLength: 32, pageTokens: 16, pageCount: 4, kvType: 'F32' } as const;
const norm = (name: string) => ({ [`${name}.weight`]: width, [`${name}.bias`]: width });

const bertOf = (types: number): Promise<RandomModel> =>
  randomModel(
    'bert',
    { ...METADATA, ...LAYER_NORM, 'attention.head_count_kv': heads, 'attention.causal': false },
    {
      'token_embd.weight': [width, vocabulary],
      'token_types.weight': [width, types],
      'position_embd.weight': [width, 64],
      ...norm('token_embd_norm'),
      ...blocks({
        ...biased({
          'attn_q.weight': [width, width],
          'attn_k.weight': [width, width],
          'attn_v.weight': [width, width],
          'attn_output.weight': [width, width],
        }),
        ...biased(PLAIN),
        ...norm('attn_output_norm'),
        ...norm('layer_output_norm'),
      }),
    },
  );

const text = (tokens: readonly number[], slot: number, secondFrom?: number): SequenceInput => ({
  tokens,
  startPosition: 0,
  pages: Int32Array.of(2 * slot, 2 * slot + 1),
  slot,
  outputs: 'none',
  secondFrom,
});

describe('two texts in one', () => {
  it('are told apart by the types of their tokens', async () => {
    const model = await bertOf(2);
    const types = model.matrix('token_types.weight');
    const reference = (tokens: readonly number[], secondFrom: number): Matrix =>
      runEncoder(model, tokens, {
        embed: (row, position) =>
          layerNorm(
            add(add(row, types[position < secondFrom ? 0 : 1]), model.matrix('position_embd.weight')[position]),
            model.vector('token_embd_norm.weight'),
            model.vector('token_embd_norm.bias'),
          ),
        layer: (part, x) => {
          const { q, k, v } = separateHeads(part, x, heads, heads);
          const y = plus(
            x,
            attend(q, k, v, { causal: false }).map((row) => part.apply('attn_output', row)),
          ).map((row) => layerNorm(row, part.vector('attn_output_norm.weight'), part.vector('attn_output_norm.bias')));
          return y.map((row) =>
            layerNorm(
              add(row, plain(part, row, gelu)),
              part.vector('layer_output_norm.weight'),
              part.vector('layer_output_norm.bias'),
            ),
          );
        },
      });
    const runtime = await loadTransformer(model.file, LIMITS);
    try {
      const { vectors } = await runtime.embed([text(TOKENS, 0, 5), text(TOKENS, 1)], { pooling: 'none' });
      expect(relativeRms(vectors, [...reference(TOKENS, 5), ...reference(TOKENS, Infinity)].flat())).toBeLessThan(1e-5);
      // A text after one with two has one again.
      expect((await runtime.embed([text(TOKENS, 0)], { pooling: 'none' })).vectors).toEqual(
        vectors.slice(TOKENS.length * width),
      );
    } finally {
      await runtime.close();
    }
  });

  it('are one to a model that has one type, and are refused where the second begins nowhere', async () => {
    const runtime = await loadTransformer((await bertOf(1)).file, LIMITS);
    try {
      const [apart, whole] = [
        await runtime.embed([text(TOKENS, 0, 5)], { pooling: 'cls' }),
        await runtime.embed([text(TOKENS, 0)], { pooling: 'cls' }),
      ];
      expect(apart.vectors).toEqual(whole.vectors);
      for (const secondFrom of [-1, 0.5, TOKENS.length + 1])
        await expect(runtime.embed([text(TOKENS, 0, secondFrom)])).rejects.toMatchObject({ code: 'invalid_argument' });
    } finally {
      await runtime.close();
    }
  });
});

describe('texts that are longer than a step', () => {
  it('are embedded by causal models in several, to the same bits', async () => {
    const model = await smallLlama();
    const [small, large] = await Promise.all(
      [4, 64].map((maxBatchTokens) => loadTransformer(model.file, { ...LIMITS, maxBatchTokens })),
    );
    try {
      const batch = [text(TOKENS, 0), text(TOKENS.slice(2, 9), 1)];
      for (const pooling of ['none', 'mean', 'last', 'cls'] as const)
        expect((await small.embed(batch, { pooling })).vectors).toEqual(
          (await large.embed(batch, { pooling })).vectors,
        );
      const { vectors } = await small.embed(batch, { pooling: 'none' });
      const rows = Array.from({ length: TOKENS.length }, (_, i) => [...vectors.subarray(i * width, (i + 1) * width)]);
      expect(
        relativeRms((await small.embed(batch, { pooling: 'mean' })).vectors.subarray(0, width), meanOf(rows)),
      ).toBeLessThan(1e-6);
    } finally {
      await Promise.all([small.close(), large.close()]);
    }
  });

  it('come in chunks of any lengths from whoever runs other steps between them, to the same bits', async () => {
    const runtime = await loadTransformer((await smallLlama()).file, { ...LIMITS, maxBatchTokens: 64 });
    try {
      for (const pooling of ['none', 'mean', 'last', 'cls'] as const) {
        const whole = await runtime.embed([text(TOKENS, 0)], { pooling });
        for (const lengths of [[1], [5, 2], [TOKENS.length]]) {
          const pooler = runtime.pooler(pooling);
          for (let at = 0, i = 0; at < TOKENS.length; at += lengths[i++ % lengths.length]) {
            const tokens = TOKENS.slice(at, at + lengths[i % lengths.length]);
            const outputs = pooler.outputs === 'all' ? 'all' : at + tokens.length === TOKENS.length ? 'last' : 'none';
            const { rows, vectors } = await runtime.hidden([
              { ...text(TOKENS, 0), tokens, startPosition: at, outputs },
            ]);
            expect([rows, vectors.length]).toEqual([
              outputs === 'all' ? tokens.length : outputs === 'last' ? 1 : 0,
              rows * width,
            ]);
            pooler.add(vectors);
            await runtime.step([{ ...text(TOKENS.slice(3), 1), outputs: 'last' }]);
          }
          expect(pooler.output()).toEqual(whole);
        }
      }
      expect(() => runtime.pooler('rank')).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    } finally {
      await runtime.close();
    }
  });

  it('are refused by models that see them whole, whose steps hold the context unless told otherwise', async () => {
    const model = await bertOf(2);
    const runtime = await loadTransformer(model.file, { ...LIMITS, maxBatchTokens: 4 });
    await expect(runtime.embed([text(TOKENS, 0)])).rejects.toMatchObject({ code: 'invalid_argument' });
    await runtime.close();
    const other = await loadTransformer(model.file, LIMITS);
    expect(other.info.maxBatchTokens).toBe(LIMITS.contextLength);
    await other.close();
  });
});
