import { openGgufFile } from '@starling/gguf/node';
import { nodeCompiler, nodeWorkers } from '@starling/kernels/node';
import { fixturePath, readJsonFixture } from '../../../../tools/fixtures/fixtures.js';
import type { LoadOptions, ModelRuntime, SequenceInput } from '../../src/index.js';
import { loadTransformer } from '../../src/index.node.js';

/** What the golden data say of one model. */
export interface GoldenModel {
  readonly name: string;
  readonly file: string;
  readonly tokens: readonly number[];
  readonly logits?: string;
  readonly embd?: string;
  readonly exact?: string;
  readonly pooled?: readonly number[];
  readonly tolerance: { readonly vs_llamacpp: number; readonly vs_exact?: number };
}

export const goldenModels = (): GoldenModel[] => readJsonFixture<{ name: string }[]>('archs', 'index.json').map(({ name }) => readJsonFixture<GoldenModel>('archs', `${name}.json`));

/** The worker's file as tools/build-worker.mjs makes it; modules of tests have no place of their own to look beside. */
const workerEntry = new URL('../../../kernels/build/compute-worker.node.js', import.meta.url);

/** Loads a model of the golden data, on the calling thread unless `threads` is given. */
export async function loadGolden(folder: string, file: string, options: LoadOptions = {}): Promise<ModelRuntime> {
  const model = await openGgufFile(fixturePath(folder, file));
  try {
    const place = options.threads === undefined ? { inline: true } : { workers: nodeWorkers(workerEntry) };
    return await loadTransformer(model, { kvType: 'F32', pageTokens: 16, maxSequences: 4, kvTokens: 2048, compiler: nodeCompiler(), ...place, ...options });
  } finally {
    await model.close();
  }
}

/** A page table of its own for each sequence, in no particular order of pages. */
export function pagesOf(runtime: ModelRuntime, sequence: number): Int32Array {
  const { contextLength, pageTokens, pageCount } = runtime.info;
  const length = Math.min(Math.ceil(contextLength / pageTokens), Math.floor(pageCount / 4));
  return Int32Array.from({ length }, (_, i) => sequence * length + ((i * 7) % length));
}

/** One sequence that takes up `tokens` from `startPosition` on. */
export function sequenceOf(runtime: ModelRuntime, tokens: ArrayLike<number>, startPosition: number, { sequence = 0, outputs = 'all' as SequenceInput['outputs'] } = {}): SequenceInput {
  return { tokens, startPosition, pages: pagesOf(runtime, sequence), slot: sequence, outputs };
}

/** Logits of all positions, with the tokens cut into steps of these lengths (the last one repeats). */
export async function logitsInSteps(runtime: ModelRuntime, tokens: readonly number[], lengths: readonly number[]): Promise<Float32Array> {
  const { vocabSize } = runtime.info;
  const logits = new Float32Array(tokens.length * vocabSize);
  for (let at = 0, i = 0; at < tokens.length; i++) {
    const chunk = tokens.slice(at, at + lengths[Math.min(i, lengths.length - 1)]);
    const step = await runtime.step([sequenceOf(runtime, chunk, at)]);
    logits.set(step.logits, at * vocabSize);
    at += chunk.length;
  }
  return logits;
}

/** Index of the first number whose bits differ, or undefined. */
export function firstDifference(actual: Float32Array, expected: Float32Array): number | undefined {
  const [a, b] = [actual, expected].map((values) => new Int32Array(values.slice().buffer));
  if (a.length !== b.length) return Math.min(a.length, b.length);
  const index = a.findIndex((bits, i) => bits !== b[i]);
  return index < 0 ? undefined : index;
}
