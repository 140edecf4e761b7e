// What else needs the golden data of this library: one skipped test for both without them.
import './stories.test-support.js';
import path from 'node:path';
import { openGgufFile } from '@starling/gguf/node';
import {
  describeWithFixtures,
  fixturePath,
  golden,
  readFloats,
  relativeRms,
} from '../../../../tools/fixtures/fixtures.js';
import type { ModelRuntime } from '../../src/index.js';
import { fixtureArchitectures } from '../docs/architecture-table.js';
import { expectClosed } from '../reference/expect-closed.js';
import {
  firstDifference,
  goldenModels,
  loadFile,
  logitsInSteps,
  pagesOf,
  sequenceOf,
  type GoldenModel,
} from './golden-models.js';

const inRepository = new Set(goldenModels(golden.models).map(({ name }) => name));

function describeModels(models: readonly GoldenModel[]): void {
  describe.each(models.filter(({ logits }) => logits).map((model) => [model.name, model] as const))(
    '%s',
    (_, model) => {
      let runtime: ModelRuntime;
      let atOnce: Float32Array;
      beforeAll(async () => {
        runtime = await loadFile(path.join(model.folder, model.file));
        atOnce = await logitsInSteps(runtime, model.tokens, [model.tokens.length]);
      });
      afterAll(() => runtime.close());

      it('gives the golden logits', () => {
        const { vs_exact: exact, vs_llamacpp: llamaCpp } = model.tolerance;
        if (model.exact)
          expect(relativeRms(atOnce, readFloats(path.join(model.folder, model.exact)))).toBeLessThan(exact!);
        expect(relativeRms(atOnce, readFloats(path.join(model.folder, model.logits!)))).toBeLessThan(llamaCpp);
      });

      it('gives the same bits for uneven chunks', async () => {
        expect(
          firstDifference(await logitsInSteps(runtime, model.tokens, [3, 1, 9, 2, 17, 5, 40]), atOnce),
        ).toBeUndefined();
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
        expect(
          firstDifference(
            Float32Array.from(second.logits.subarray(0, (tokens.length - 14) * vocabSize)),
            atOnce.subarray(14 * vocabSize),
          ),
        ).toBeUndefined();
      });
    },
  );

  const embedding = models.filter(({ embd }) => embd);
  if (embedding.length === 0) return;
  describe.each(embedding.map((model) => [model.name, model] as const))('%s (embeddings)', (_, model) => {
    let runtime: ModelRuntime;
    beforeAll(async () => {
      runtime = await loadFile(path.join(model.folder, model.file));
    });
    afterAll(() => runtime.close());

    it('gives the golden vectors of tokens, also beside another text', async () => {
      const alone = await runtime.embed([sequenceOf(runtime, model.tokens, 0)], { pooling: 'none' });
      expect(relativeRms(alone.vectors, readFloats(path.join(model.folder, model.exact!)))).toBeLessThan(
        model.tolerance.vs_exact!,
      );
      const beside = await runtime.embed(
        [sequenceOf(runtime, model.tokens.slice(3, 20), 0, { sequence: 1 }), sequenceOf(runtime, model.tokens, 0)],
        { pooling: 'none' },
      );
      expect(
        firstDifference(beside.vectors.subarray(17 * runtime.info.embeddingLength), alone.vectors),
      ).toBeUndefined();
    });

    it('pools as the file says', async () => {
      const { rows, vectors } = await runtime.embed([sequenceOf(runtime, model.tokens, 0)]);
      expect(rows).toBe(1);
      expect(relativeRms(vectors, model.pooled!)).toBeLessThan(model.tolerance.vs_llamacpp);
    });

    it('has no logits', async () => {
      expect(runtime.info.hasLogits).toBe(false);
      await expect(
        runtime.step([{ tokens: [1], startPosition: 0, pages: pagesOf(runtime, 0), slot: 0, outputs: 'last' }]),
      ).rejects.toMatchObject({ code: 'invalid_argument' });
    });
  });
}

describe('architectures whose golden data lie in the repository', () => describeModels(goldenModels(golden.models)));

describeWithFixtures('architectures of the golden data', () => {
  describeModels(goldenModels(fixturePath('archs')).filter(({ name }) => !inRepository.has(name)));

  // Every architecture that the reference's own test program writes. Three times the tolerance: where one file says GELU and the reference takes
  // it from a table in half precision, the tolerance was set without that.
  const all = goldenModels(fixturePath('archs-all'));
  it.each(all.map((model) => [model.name, model] as const))(
    '%s gives the golden logits, in uneven chunks as well',
    async (_, { folder, file, logits, tokens, tolerance }) => {
      const runtime = await loadFile(path.join(folder, file));
      try {
        const atOnce = await logitsInSteps(runtime, tokens, [tokens.length]);
        expect(relativeRms(atOnce, readFloats(path.join(folder, logits!)))).toBeLessThan(3 * tolerance.vs_llamacpp);
        if (runtime.info.causal)
          expect(
            firstDifference(await logitsInSteps(runtime, tokens, [3, 1, 9, 2, 17, 5, 40]), atOnce),
          ).toBeUndefined();
      } finally {
        await runtime.close();
      }
    },
  );

  it.each(all.map(({ name, folder, file }) => [name, path.join(folder, file)] as const))(
    '%s is refused with what its architecture does not know',
    async (_, file) => {
      const model = await openGgufFile(file);
      try {
        await expectClosed(model);
      } finally {
        await model.close();
      }
    },
  );

  it('are those that docs/architectures.md names', () => {
    const names = [fixturePath('archs'), fixturePath('archs-all')].flatMap((folder) =>
      goldenModels(folder).map(({ arch }) => arch),
    );
    expect(fixtureArchitectures).toEqual([...new Set(names)].sort());
  });
});
