import { describeWithFixtures, hasFixtures, readFloatFixture, relativeRms } from '../../../../tools/fixtures/fixtures.js';
import type { ModelRuntime } from '../../src/index.js';
import { firstDifference, goldenModels, loadGolden, logitsInSteps, pagesOf, sequenceOf } from './golden-models.js';

const models = hasFixtures ? goldenModels() : [];

describeWithFixtures('architectures of the golden data', () => {
  describe.each(models.filter(({ logits }) => logits).map((model) => [model.name, model] as const))('%s', (_, model) => {
    let runtime: ModelRuntime;
    let atOnce: Float32Array;
    beforeAll(async () => {
      runtime = await loadGolden('archs', model.file);
      atOnce = await logitsInSteps(runtime, model.tokens, [model.tokens.length]);
    });
    afterAll(() => runtime.close());

    it('gives the golden logits', () => {
      const { vs_exact: exact, vs_llamacpp: llamaCpp } = model.tolerance;
      if (model.exact) expect(relativeRms(atOnce, readFloatFixture('archs', model.exact))).toBeLessThan(exact!);
      expect(relativeRms(atOnce, readFloatFixture('archs', model.logits!))).toBeLessThan(llamaCpp);
    });

    it('gives the same bits for uneven chunks', async () => {
      expect(firstDifference(await logitsInSteps(runtime, model.tokens, [3, 1, 9, 2, 17, 5, 40]), atOnce)).toBeUndefined();
    });

    it('gives the same bits token by token', async () => {
      expect(firstDifference(await logitsInSteps(runtime, model.tokens, [1]), atOnce)).toBeUndefined();
    });

    it('gives the same bits in a batch with other sequences', async () => {
      const { tokens } = model;
      const { vocabSize } = runtime.info;
      const other = [...tokens].reverse();
      const first = await runtime.step([
        sequenceOf(runtime, other.slice(0, 11), 0, { sequence: 1, outputs: 'none' }),
        sequenceOf(runtime, tokens.slice(0, 14), 0, { sequence: 0 }),
        sequenceOf(runtime, other.slice(0, 1), 0, { sequence: 2, outputs: 'last' }),
      ]);
      const heads = Float32Array.from(first.logits.subarray(0, 14 * vocabSize));
      const second = await runtime.step([
        sequenceOf(runtime, tokens.slice(14), 14, { sequence: 0 }),
        sequenceOf(runtime, other.slice(11, 12), 11, { sequence: 1, outputs: 'last' }),
      ]);
      expect(firstDifference(heads, atOnce.subarray(0, 14 * vocabSize))).toBeUndefined();
      expect(firstDifference(Float32Array.from(second.logits.subarray(0, (tokens.length - 14) * vocabSize)), atOnce.subarray(14 * vocabSize))).toBeUndefined();
    });
  });

  describe.each(models.filter(({ embd }) => embd).map((model) => [model.name, model] as const))('%s (embeddings)', (_, model) => {
    let runtime: ModelRuntime;
    beforeAll(async () => {
      runtime = await loadGolden('archs', model.file);
    });
    afterAll(() => runtime.close());

    it('gives the golden vectors of tokens, also beside another text', async () => {
      const alone = await runtime.embed([sequenceOf(runtime, model.tokens, 0)], { pooling: 'none' });
      expect(relativeRms(alone.vectors, readFloatFixture('archs', model.exact!))).toBeLessThan(model.tolerance.vs_exact!);
      const beside = await runtime.embed([sequenceOf(runtime, model.tokens.slice(3, 20), 0, { sequence: 1 }), sequenceOf(runtime, model.tokens, 0)], { pooling: 'none' });
      expect(firstDifference(beside.vectors.subarray(17 * runtime.info.embeddingLength), alone.vectors)).toBeUndefined();
    });

    it('pools as the file says', async () => {
      const { rows, vectors } = await runtime.embed([sequenceOf(runtime, model.tokens, 0)]);
      expect(rows).toBe(1);
      expect(relativeRms(vectors, model.pooled!)).toBeLessThan(model.tolerance.vs_llamacpp);
    });

    it('has no logits', async () => {
      expect(runtime.info.hasLogits).toBe(false);
      await expect(runtime.step([{ tokens: [1], startPosition: 0, pages: pagesOf(runtime, 0), slot: 0, outputs: 'last' }])).rejects.toMatchObject({ code: 'invalid_argument' });
    });
  });
});
