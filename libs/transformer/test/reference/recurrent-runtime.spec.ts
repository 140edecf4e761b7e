import { nodeWorkers } from '@starling/kernels/node';
import { loadTransformer, type LoadOptions, type ModelRuntime, type SequenceInput } from '../../src/index.js';
import { ENDS, GATED, METADATA, OUTPUT, QKV, RMS, SHAPE } from './decoder.js';
import { TOKENS } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';

const { width, layers } = SHAPE;
const norm = (name: string) => ({ [`${name}.weight`]: width });
const CHANNELS = 2 * width + 2 * 16;
const SPACE: TensorShapes = {
  'ssm_in.weight': [width, 2 * width + CHANNELS + 4],
  'ssm_conv1d.weight': [4, CHANNELS],
  'ssm_dt.bias': 4,
  ssm_a: 4,
  ssm_d: 4,
  'ssm_norm.weight': 2 * width,
  'ssm_out.weight': [2 * width, width],
};
const metadata = {
  ...METADATA,
  ...RMS,
  'attention.head_count_kv': Int32Array.of(0, 2, 0),
  'ssm.conv_kernel': 4,
  'ssm.inner_size': 2 * width,
  'ssm.state_size': 16,
  'ssm.time_step_rank': 4,
  'ssm.group_count': 1,
};
const tensors = Object.fromEntries(
  Array.from({ length: layers }, (_, i) =>
    Object.entries({ ...norm('attn_norm'), ...(i === 1 ? QKV : SPACE), ...norm('ffn_norm'), ...GATED }).map(
      ([name, shape]) => [`blk.${i}.${name}`, shape] as const,
    ),
  ).flat(),
);
const workerEntry = new URL('../../../kernels/build/compute-worker.node.js', import.meta.url);
const options = {
  contextLength: 32,
  pageTokens: 16,
  pageCount: 8,
  maxBatchTokens: 64,
  maxSequences: 3,
  kvType: 'F32',
} as const;

const part = (slot: number, begin: number, end: number): SequenceInput => ({
  tokens: TOKENS.slice(begin, end),
  startPosition: begin,
  pages: Int32Array.of(2 * slot, 2 * slot + 1),
  slot,
  outputs: 'last',
});
const logitsOf = async (runtime: ModelRuntime, ...batch: SequenceInput[]) => (await runtime.step(batch)).logits.slice();

describe('a model with recurrent state', () => {
  let model: RandomModel;
  beforeAll(async () => {
    model = await randomModel('granitehybrid', metadata, { ...ENDS, ...OUTPUT, ...tensors });
  });

  async function withRuntime(more: LoadOptions, use: (runtime: ModelRuntime) => Promise<void>): Promise<void> {
    const runtime = await loadTransformer(model.file, { ...options, ...more });
    try {
      await use(runtime);
    } finally {
      await runtime.close();
    }
  }

  it('says so, and what its states cost', async () => {
    await withRuntime({ maxSequences: 1, maxBatchTokens: 64 }, async ({ info: one }) => {
      await withRuntime({ maxSequences: 64, maxBatchTokens: 64 }, async ({ info: many }) => {
        expect(one.hasRecurrentState).toBe(true);
        const state = 2 * 4 * (2 * width * 16 + 3 * CHANNELS);
        // Memory comes in pages of 64 KiB.
        expect(many.scratchBytes - one.scratchBytes).toBeGreaterThanOrEqual(63 * state - 65536);
      });
    });
  });

  it('gives the same bits with several workers and with layers in several memories', async () => {
    let expected: Float32Array | undefined;
    const run = async (runtime: ModelRuntime): Promise<void> => {
      await runtime.step([part(0, 0, 5), part(1, 0, 3)]);
      const logits = await logitsOf(runtime, part(1, 3, 4), part(0, 5, 16));
      expect(logits).toEqual((expected ??= logits));
    };
    await withRuntime({}, run);
    await withRuntime({ threads: 2, workers: nodeWorkers(workerEntry) }, run);
    await withRuntime({ memoryBytes: 1_400_000 }, async (runtime) => {
      expect(runtime.info.memoryCount).toBeGreaterThan(1);
      await run(runtime);
    });
  });

  it('starts a sequence from zero in a slot that another one left', async () => {
    await withRuntime({}, async (runtime) => {
      const fresh = await logitsOf(runtime, part(0, 0, 9));
      await runtime.step([part(1, 0, 16)]);
      expect(await logitsOf(runtime, part(1, 0, 9))).toEqual(fresh);
    });
  });

  it('refuses to go on where the state of a slot is not', async () => {
    await withRuntime({}, async (runtime) => {
      await runtime.step([part(0, 0, 5)]);
      await expect(runtime.step([part(0, 4, 6)])).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(runtime.step([part(2, 5, 6)])).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(runtime.step([part(1, 0, 5), part(1, 0, 5)])).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(runtime.step([part(0, 5, 6)])).resolves.toBeDefined();
    });
  });
});
