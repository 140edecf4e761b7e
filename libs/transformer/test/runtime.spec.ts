import { nodeWorkers } from '@starling/kernels/node';
import { collected } from '../../../tools/jest/collected.js';
import { loadTransformer, type LoadOptions, type ModelRuntime } from '../src/index.js';
import { FakeModelRuntime } from '../src/testing/index.js';
import { describeModelRuntime } from '../src/runtime/model-runtime.contract.js';
import { smallLlama } from './reference/small-llama.js';

const workerEntry = new URL('../../kernels/build/compute-worker.node.js', import.meta.url);
const limits = { contextLength: 48, pageTokens: 16, pageCount: 8, maxBatchTokens: 30, maxSequences: 3 };

const load = async (options: LoadOptions = {}): Promise<ModelRuntime> =>
  loadTransformer((await smallLlama()).file, { ...limits, ...options });

describeModelRuntime('FakeModelRuntime', () =>
  Promise.resolve(new FakeModelRuntime({ info: { ...limits, vocabSize: 40 } })),
);
describeModelRuntime('a model on the calling thread', () => load());
describeModelRuntime('a model on two workers', () => load({ threads: 2, workers: nodeWorkers(workerEntry) }));
describeModelRuntime('a model in several memories, keys and values in 8 bits', async () => {
  const runtime = await load({ memoryBytes: 1.2e6, kvType: 'Q8_0' });
  expect(runtime.info.memoryCount).toBeGreaterThan(1);
  return runtime;
});

describe('a model that was closed', () => {
  it('gives its memory back, also while somebody holds it', async () => {
    const runtime = await load({ threads: 2, workers: nodeWorkers(workerEntry) });
    const memoryAfterStep = async () =>
      new WeakRef(
        (
          await runtime.step([
            { tokens: [1], startPosition: 0, pages: Int32Array.of(0, 1, 2), slot: 0, outputs: 'last' },
          ])
        ).logits.buffer,
      );
    const memory = await memoryAfterStep();
    await runtime.close();
    await collected(memory);
    expect(runtime.info.vocabSize).toBeGreaterThan(0);
  });
});

describe('a decode step', () => {
  const typedArrays = [
    Int8Array,
    Uint8Array,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
  ];

  it('allocates no typed array', async () => {
    const runtime = await load();
    const pages = Int32Array.of(0, 1, 2);
    const step = (position: number) =>
      runtime.step([{ tokens: [1], startPosition: position, pages, slot: 0, outputs: 'last' }]);
    await step(0);
    let made = 0;
    const restore = typedArrays.map((type) => {
      const { name } = type;
      const counting = new Proxy(type, {
        construct(target, args, newTarget) {
          made++;
          return Reflect.construct(target, args, newTarget) as object;
        },
      });
      Object.assign(globalThis, { [name]: counting });
      const { subarray, slice } = type.prototype;
      const counted = <T extends (...args: never[]) => unknown>(method: T): T =>
        function (this: unknown, ...args: Parameters<T>) {
          made++;
          return method.apply(this, args);
        } as unknown as T;
      Object.assign(type.prototype, { subarray: counted(subarray), slice: counted(slice) });
      return () => {
        Object.assign(globalThis, { [name]: type });
        Object.assign(type.prototype, { subarray, slice });
      };
    });
    try {
      for (let position = 1; position < 20; position++) await step(position);
      expect(made).toBe(0);
      new Float32Array(4).subarray(1);
      expect(made).toBe(2);
    } finally {
      for (const undo of restore) undo();
      await runtime.close();
    }
  });
});
