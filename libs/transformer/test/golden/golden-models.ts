import path from 'node:path';
import { openGgufFile } from '@starling/gguf/node';
import { nodeCompiler, nodeWorkers } from '@starling/kernels/node';
import { fixturePath, readJson } from '../../../../tools/fixtures/fixtures.js';
import type { LoadOptions, ModelRuntime, SequenceInput } from '../../src/index.js';
import { loadTransformer, planMemory } from '../../src/index.node.js';
import { measureMemory } from '../measured-memory.js';

/** What the golden data say of one model. */
export interface GoldenModel {
  /** Where its files lie. */
  readonly folder: string;
  readonly name: string;
  readonly arch: string;
  readonly file: string;
  readonly tokens: readonly number[];
  readonly logits?: string;
  readonly embd?: string;
  readonly exact?: string;
  readonly pooled?: readonly number[];
  readonly tolerance: { readonly vs_llamacpp: number; readonly vs_exact?: number };
}

export const goldenModels = (folder: string): GoldenModel[] =>
  readJson<{ name: string }[]>(path.join(folder, 'index.json')).map(({ name }) => ({
    ...readJson<GoldenModel>(path.join(folder, `${name}.json`)),
    folder,
  }));

/** The worker's file as tools/build-worker.mjs makes it; modules of tests have no place of their own to look beside. */
const workerEntry = new URL('../../../kernels/build/compute-worker.node.js', import.meta.url);

/** Loads a model of the golden data, on the calling thread unless `threads` is given. */
export const loadGolden = (folder: string, file: string, options?: LoadOptions): Promise<ModelRuntime> =>
  loadFile(fixturePath(folder, file), options);

/** Loads a file as a golden model, on the calling thread unless `threads` is given: it must take what was planned, to the byte. */
export async function loadFile(file: string, options: LoadOptions = {}): Promise<ModelRuntime> {
  const model = await openGgufFile(file);
  try {
    const place = options.threads === undefined ? { inline: true } : { workers: nodeWorkers(workerEntry) };
    const whole: LoadOptions = {
      kvType: 'F32',
      pageTokens: 16,
      maxSequences: 4,
      kvTokens: 2048,
      compiler: nodeCompiler(),
      ...place,
      ...options,
    };
    const plan = await planMemory(model, whole);
    const { result: runtime, allocatedBytes } = await measureMemory(() => loadTransformer(model, whole));
    expect(runtime.info).toMatchObject(plan);
    // Heads of rerankers are kept as plain floats beside the memories of the kernels.
    const heads = [...model.tensors.values()]
      .filter(({ name }) => name.startsWith('cls.'))
      .reduce((sum, { rowLength, rowCount }) => sum + 4 * rowLength * rowCount, 0);
    expect(allocatedBytes + heads).toBe(plan.totalBytes);
    return runtime;
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
export function sequenceOf(
  runtime: ModelRuntime,
  tokens: ArrayLike<number>,
  startPosition: number,
  { sequence = 0, outputs = 'all' as SequenceInput['outputs'] } = {},
): SequenceInput {
  return { tokens, startPosition, pages: pagesOf(runtime, sequence), slot: sequence, outputs };
}

/** Logits of all positions, with the tokens cut into steps of these lengths (the last one repeats). */
export async function logitsInSteps(
  runtime: ModelRuntime,
  tokens: readonly number[],
  lengths: readonly number[],
): Promise<Float32Array> {
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
