import type { SequenceInput } from '@starling/scheduler';
import { loadTransformer } from '../../src/load/load-transformer.js';
import { relativeRms } from '../../../../tools/fixtures/fixtures.js';
import type { ModelRuntime } from '../../src/runtime/model-runtime.js';
import { expectClosedOnce } from './expect-closed.js';
import type { RandomModel } from './random-model.js';
import type { Matrix } from './scalar-math.js';

/** Tokens of the reference runs: some repeat, all are below 40. */
export const TOKENS = [3, 17, 5, 39, 0, 17, 8, 21, 33, 2, 2, 14, 28, 9, 30, 11];

const LIMITS = { contextLength: 32, pageTokens: 16, pageCount: 4, kvType: 'F32', maxBatchTokens: 64 } as const;

/** Logits of all positions, the tokens cut into steps of the given sizes. */
async function logitsInSteps(
  runtime: ModelRuntime,
  sizes: readonly number[],
  neighbour?: readonly number[],
): Promise<Float32Array> {
  const { vocabSize } = runtime.info;
  const out = new Float32Array(TOKENS.length * vocabSize);
  let position = 0;
  for (const size of sizes) {
    const tokens = TOKENS.slice(position, position + size);
    const batch: SequenceInput[] = [
      { tokens, startPosition: position, pages: Int32Array.of(0, 1), slot: 0, outputs: 'all' },
    ];
    if (neighbour)
      batch.unshift({
        tokens: neighbour.slice(position, position + size),
        startPosition: position,
        pages: Int32Array.of(2, 3),
        slot: 1,
        outputs: 'all',
      });
    const { logits } = await runtime.step(batch);
    const begin = neighbour ? size * vocabSize : 0;
    out.set(logits.subarray(begin, begin + size * vocabSize), position * vocabSize);
    position += size;
  }
  return out;
}

/**
 * Holds a model's logits to those of a reference, within float32 accuracy: all tokens at once. Then in uneven chunks, one by one,
 * and beside another sequence: each must be equal bit for bit. With what its architecture does not know it has to be refused.
 */
export async function expectAgreement(
  model: RandomModel,
  reference: (tokens: readonly number[]) => Matrix,
  tolerance = 1e-5,
): Promise<void> {
  await expectClosedOnce(model.file);
  const runtime = await loadTransformer(model.file, LIMITS);
  try {
    const whole = await logitsInSteps(runtime, [TOKENS.length]);
    expect(relativeRms(whole, reference(TOKENS).flat())).toBeLessThan(tolerance);
    expect(await logitsInSteps(runtime, [5, 1, 7, 3])).toEqual(whole);
    expect(
      await logitsInSteps(
        runtime,
        TOKENS.map(() => 1),
      ),
    ).toEqual(whole);
    expect(await logitsInSteps(runtime, [9, 7], [...TOKENS].reverse())).toEqual(whole);
  } finally {
    await runtime.close();
  }
}

/** The same of a model whose tokens all see each other: only a whole text is one, alone or beside another. */
export async function expectAgreementOfWhole(
  model: RandomModel,
  reference: (tokens: readonly number[]) => Matrix,
  tolerance = 1e-5,
): Promise<void> {
  await expectClosedOnce(model.file);
  const runtime = await loadTransformer(model.file, LIMITS);
  try {
    expect(runtime.info.causal).toBe(false);
    const whole = await logitsInSteps(runtime, [TOKENS.length]);
    expect(relativeRms(whole, reference(TOKENS).flat())).toBeLessThan(tolerance);
    expect(await logitsInSteps(runtime, [TOKENS.length], [...TOKENS].reverse())).toEqual(whole);
  } finally {
    await runtime.close();
  }
}

/** Holds a model that is spread over several memories to the bits that it gives in one. */
export async function expectSameInSeveralMemories(model: RandomModel, memoryBytes: number): Promise<void> {
  const logits: Float32Array[] = [];
  for (const options of [{}, { memoryBytes }]) {
    const runtime = await loadTransformer(model.file, { ...LIMITS, ...options });
    try {
      expect(runtime.info.memoryCount > 1).toBe('memoryBytes' in options);
      logits.push(await logitsInSteps(runtime, [9, 7]));
    } finally {
      await runtime.close();
    }
  }
  expect(logits[1]).toEqual(logits[0]);
}
