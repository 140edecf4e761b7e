import type { GgufModel } from '@starling/gguf';
import type { SequenceInput } from '@starling/scheduler';
import { relativeRms } from '../../../../tools/fixtures/fixtures.js';
import type { AdapterSource } from '../../src/adapters/adapter.js';
import { loadTransformer } from '../../src/load/load-transformer.js';
import type { LoadOptions } from '../../src/load/load-options.js';
import type { ModelRuntime } from '../../src/runtime/model-runtime.js';
import { biased, blocks, ENDS, METADATA, OUTPUT, QKV, RMS, SHAPE } from '../reference/decoder.js';
import { TOKENS } from '../reference/expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from '../reference/random-model.js';
import { merged, randomLora, rewritten, type RandomLora } from './random-adapter.js';

const { width, ffn, heads, head } = SHAPE;
const LIMITS = { contextLength: 32, pageTokens: 16, pageCount: 8, kvType: 'F32', maxBatchTokens: 64 } as const;
const EXPERTS = 6;

/** A model of many kinds of matrices, and the shapes that adapters of it have pairs for. */
interface Case {
  readonly architecture: string;
  readonly metadata: Readonly<Record<string, number>>;
  readonly tensors: TensorShapes;
  /** Matrices that rows are not multiplied with as a whole. */
  readonly without?: RegExp;
}

const gated = { 'ffn_gate.weight': [width, ffn], 'ffn_up.weight': [width, ffn], 'ffn_down.weight': [ffn, width] };
const norms = { 'attn_norm.weight': width, 'ffn_norm.weight': width };

const CASES: Readonly<Record<string, Case>> = {
  llama: {
    architecture: 'llama',
    metadata: { ...METADATA, ...RMS },
    tensors: { ...ENDS, ...OUTPUT, ...blocks({ ...norms, ...QKV, ...gated }) },
  },
  'phi3, whose matrices are fused': {
    architecture: 'phi3',
    metadata: { ...METADATA, ...RMS, 'rope.scaling.original_context_length': 64 },
    tensors: {
      ...ENDS,
      ...OUTPUT,
      ...blocks({
        ...norms,
        'attn_qkv.weight': [width, 64],
        'attn_output.weight': [width, width],
        'ffn_up.weight': [width, 2 * ffn],
        'ffn_down.weight': [ffn, width],
      }),
    },
  },
  'qwen2moe, with experts': {
    architecture: 'qwen2moe',
    metadata: {
      ...METADATA,
      ...RMS,
      expert_count: EXPERTS,
      expert_used_count: 2,
      expert_feed_forward_length: 16,
      expert_shared_feed_forward_length: 24,
    },
    tensors: {
      ...ENDS,
      ...OUTPUT,
      ...blocks({
        ...norms,
        ...biased(QKV),
        'ffn_gate_inp.weight': [width, EXPERTS],
        'ffn_gate_exps.weight': [width, 16, EXPERTS],
        'ffn_up_exps.weight': [width, 16, EXPERTS],
        'ffn_down_exps.weight': [16, width, EXPERTS],
        'ffn_gate_shexp.weight': [width, 24],
        'ffn_up_shexp.weight': [width, 24],
        'ffn_down_shexp.weight': [24, width],
        'ffn_gate_inp_shexp.weight': width,
      }),
    },
    // Other experts would be chosen where scores are close.
    without: /ffn_gate_inp/,
  },
  'deepseek2, with latent attention': {
    architecture: 'deepseek2',
    metadata: {
      ...METADATA,
      ...RMS,
      'attention.kv_lora_rank': 16,
      'attention.key_length': 12,
      'attention.value_length': 8,
      'rope.dimension_count': 4,
      leading_dense_block_count: 3,
      'attention.head_count_kv': heads,
      expert_count: 0,
    },
    tensors: {
      ...ENDS,
      ...OUTPUT,
      ...blocks({
        ...norms,
        'attn_q.weight': [width, heads * 12],
        'attn_kv_a_mqa.weight': [width, 20],
        'attn_kv_a_norm.weight': 16,
        'attn_kv_b.weight': [16, heads * (8 + 8)],
        'attn_output.weight': [heads * head, width],
        ...gated,
      }),
    },
  },
};

const modelOf = ({ architecture, metadata, tensors }: Case, type?: 'Q8_0'): Promise<RandomModel> =>
  randomModel(architecture, metadata, tensors, { type });
const loraOf = (
  { architecture, tensors, without }: Case,
  options: { seed: number; rank: number; alpha?: number },
): Promise<RandomLora> =>
  randomLora(
    architecture,
    Object.fromEntries(Object.entries(tensors).filter(([name]) => !without?.test(name))),
    options,
  );

interface Asked {
  readonly tokens?: readonly number[];
  readonly scales?: readonly number[];
}

/** Logits of all positions of several sequences, in steps of these sizes. */
async function logitsOf(
  runtime: ModelRuntime,
  asked: readonly Asked[],
  steps: readonly number[] = [TOKENS.length],
): Promise<Float32Array[]> {
  const { vocabSize } = runtime.info;
  const results = asked.map(() => new Float32Array(TOKENS.length * vocabSize));
  let position = 0;
  for (const size of steps) {
    const batch = asked.map(
      ({ tokens = TOKENS, scales }, slot): SequenceInput => ({
        tokens: tokens.slice(position, position + size),
        startPosition: position,
        pages: Int32Array.of(2 * slot, 2 * slot + 1),
        slot,
        outputs: 'all',
        adapterScales: scales,
      }),
    );
    const { logits } = await runtime.step(batch);
    results.forEach((result, i) =>
      result.set(logits.subarray(i * size * vocabSize, (i + 1) * size * vocabSize), position * vocabSize),
    );
    position += size;
  }
  return results;
}

async function withRuntime<T>(
  file: GgufModel,
  options: LoadOptions,
  use: (runtime: ModelRuntime) => Promise<T>,
): Promise<T> {
  const runtime = await loadTransformer(file, { ...LIMITS, ...options });
  try {
    return await use(runtime);
  } finally {
    await runtime.close();
  }
}

const logitsAlone = async (file: GgufModel): Promise<Float32Array> =>
  (await withRuntime(file, {}, (runtime) => logitsOf(runtime, [{}])))[0];
const sourcesOf = (...loras: readonly RandomLora[]): AdapterSource[] =>
  loras.map(({ file }, i) => ({ id: `adapter ${i}`, file }));

describe('LoRA beside a model', () => {
  it.each(Object.entries(CASES))('gives the logits of merged weights: %s', async (_, one) => {
    const model = await modelOf(one);
    const [first, second] = [
      await loraOf(one, { seed: 5, rank: 3, alpha: 1.5 }),
      await loraOf(one, { seed: 6, rank: 8, alpha: 4 }),
    ];
    const expected = await Promise.all(
      [merged(model.file, [first, 1]), merged(model.file, [first, -0.5], [second, 0.75])].map(async (file) =>
        logitsAlone(await file),
      ),
    );
    await withRuntime(model.file, { adapters: sourcesOf(first, second) }, async (runtime) => {
      expect(runtime.info.adapters.map(({ id, kind }) => `${id}: ${kind}`)).toEqual([
        'adapter 0: lora',
        'adapter 1: lora',
      ]);
      const [one1] = await logitsOf(runtime, [{ scales: [1, 0] }]);
      const [both] = await logitsOf(runtime, [{ scales: [-0.5, 0.75] }]);
      expect(relativeRms(one1, expected[0])).toBeLessThan(1e-5);
      expect(relativeRms(both, expected[1])).toBeLessThan(1e-5);
    });
  });

  it.each(Object.entries(CASES))(
    'leaves sequences of a batch apart, bit for bit, whatever the steps: %s',
    async (_, one) => {
      const model = await modelOf(one);
      const loras = [await loraOf(one, { seed: 5, rank: 3 }), await loraOf(one, { seed: 6, rank: 8 })];
      const base = await logitsAlone(model.file);
      await withRuntime(model.file, { adapters: sourcesOf(...loras) }, async (runtime) => {
        const asked: Asked[] = [
          { scales: [1, 0] },
          {},
          { scales: [0, 1] },
          { scales: [0.5, 0.5], tokens: [...TOKENS].reverse() },
        ];
        const alone: Float32Array[] = [];
        for (const sequence of asked) alone.push(...(await logitsOf(runtime, [sequence])));
        expect(alone[1]).toEqual(base);
        expect(alone[0]).not.toEqual(base);
        expect(await logitsOf(runtime, asked)).toEqual(alone);
        expect(await logitsOf(runtime, asked, [5, 1, 1, 9])).toEqual(alone);
      });
    },
  );

  it('works on rows of floats where the model has quantized ones', async () => {
    // All experts: which are chosen does not hang on what rounding does.
    const { metadata, ...rest } = CASES['qwen2moe, with experts'];
    const one = { ...rest, metadata: { ...metadata, expert_used_count: EXPERTS } };
    const model = await modelOf(one, 'Q8_0');
    const lora = await loraOf(one, { seed: 5, rank: 4, alpha: 2 });
    const expected = await logitsAlone(await merged(model.file, [lora, 1]));
    const [base] = await withRuntime(model.file, { adapters: sourcesOf(lora) }, (runtime) => logitsOf(runtime, [{}]));
    const [actual] = await withRuntime(model.file, { adapters: sourcesOf(lora) }, (runtime) =>
      logitsOf(runtime, [{ scales: [1] }]),
    );
    const rounding = relativeRms(base, await logitsAlone(await merged(model.file)));
    expect(relativeRms(base, expected)).toBeGreaterThan(10 * rounding);
    expect(relativeRms(actual, expected)).toBeLessThan(3 * rounding);
  });

  it('gives the same bits in several memories', async () => {
    const one = CASES.llama;
    const model = await modelOf(one);
    const adapters = sourcesOf(await loraOf(one, { seed: 5, rank: 3 }));
    const asked = [{ scales: [0.5] }];
    const expected = await withRuntime(model.file, { adapters }, (runtime) => logitsOf(runtime, asked));
    await withRuntime(model.file, { adapters, memoryBytes: 1_500_000 }, async (runtime) => {
      expect(runtime.info.memoryCount).toBeGreaterThan(1);
      expect(await logitsOf(runtime, asked)).toEqual(expected);
    });
  });

  it('tells files apart by what they hold', async () => {
    const one = CASES.llama;
    const digests = async (...options: { seed: number; rank: number; alpha?: number }[]): Promise<string[]> => {
      const loras = await Promise.all(options.map((option) => loraOf(one, option)));
      return withRuntime((await modelOf(one)).file, { adapters: sourcesOf(...loras) }, async ({ info }) =>
        info.adapters.map(({ digest }) => digest),
      );
    };
    const [a, same, b, scaled] = await digests(
      { seed: 1, rank: 2 },
      { seed: 1, rank: 2 },
      { seed: 2, rank: 2 },
      { seed: 1, rank: 2, alpha: 3 },
    );
    expect(a).toMatch(/^[0-9a-f]{64}$/);
    expect(same).toBe(a);
    expect(new Set([a, b, scaled]).size).toBe(3);
  });
});

describe('control vectors beside a model', () => {
  const directions = (seed: number): Float32Array[] =>
    Array.from({ length: 2 }, (_, layer) =>
      Float32Array.from({ length: width }, (__, i) => Math.sin(seed + 7 * layer + i)),
    );
  const fileOf = async (seed: number, changed: Readonly<Record<string, Float32Array>> = {}): Promise<GgufModel> => {
    const named = Object.fromEntries(directions(seed).map((values, i) => [`direction.${i + 1}`, values]));
    return rewritten((await randomModel('controlvector', {}, {})).file, { added: { ...named, ...changed } });
  };

  it('add their directions after each layer, as the bias of its last matrix would', async () => {
    const { file } = await modelOf(CASES.llama);
    const [first, second] = [directions(1), directions(2)];
    const sum = first.map((values, layer) => values.map((value, i) => 0.5 * value - 0.25 * second[layer][i]));
    const expected = await logitsAlone(
      await rewritten(file, { added: { 'blk.1.ffn_down.bias': sum[0], 'blk.2.ffn_down.bias': sum[1] } }),
    );
    const expectedOfSecondLayer = await logitsAlone(
      await rewritten(file, { added: { 'blk.2.ffn_down.bias': first[1] } }),
    );
    const base = await logitsAlone(file);
    const adapters: AdapterSource[] = [
      { id: 'a', file: await fileOf(1) },
      { id: 'b', file: await fileOf(2) },
      { id: 'c', file: await fileOf(1), layers: [2, 2] },
    ];
    await withRuntime(file, { adapters }, async (runtime) => {
      const [both, none, late] = await logitsOf(runtime, [{ scales: [0.5, -0.25, 0] }, {}, { scales: [0, 0, 1] }]);
      expect(relativeRms(both, expected)).toBeLessThan(1e-5);
      expect(none).toEqual(base);
      expect(relativeRms(late, expectedOfSecondLayer)).toBeLessThan(1e-5);
    });
  });

  it.each([
    ['a direction of another width', { 'direction.1': new Float32Array(8) }, "'direction.1'"],
    [
      'a direction for a layer that the model does not have',
      { 'direction.3': new Float32Array(width) },
      "'direction.3'",
    ],
    ['a layer that has none', { 'direction.0': new Float32Array(width) }, "'direction.0'"],
  ])('are refused for %s', async (_, changed, message) => {
    const { file } = await modelOf(CASES.llama);
    const vector = await rewritten((await randomModel('controlvector', {}, {})).file, { added: changed });
    await expect(loadTransformer(file, { ...LIMITS, adapters: [{ id: 'a', file: vector }] })).rejects.toThrow(message);
  });
});

describe('adapters that do not fit', () => {
  const llama = CASES.llama;
  const load = async (adapters: readonly AdapterSource[]): Promise<unknown> =>
    loadTransformer((await modelOf(llama)).file, { ...LIMITS, adapters });
  const options = { seed: 1, rank: 2 };

  it.each([
    [
      'another architecture',
      async () => (await randomLora('qwen2', { 'output.weight': [width, 40] }, options)).file,
      'unsupported_model',
      "architecture 'qwen2'",
    ],
    [
      'another width',
      async () => (await randomLora('llama', { 'blk.0.attn_q.weight': [16, width] }, options)).file,
      'unsupported_model',
      "'blk.0.attn_q.weight.lora_a' of shape [16, 2], where the model needs [32, 2]",
    ],
    [
      'a tensor that the model does not have',
      async () => (await randomLora('llama', { 'blk.9.attn_q.weight': [width, width] }, options)).file,
      'unsupported_model',
      "'blk.9.attn_q.weight'",
    ],
    [
      'one half of a pair',
      async () =>
        rewritten((await randomLora('llama', {}, options)).file, {
          added: { 'output.weight.lora_a': new Float32Array(width) },
        }),
      'invalid_model_file',
      "only one of 'output.weight.lora_a'",
    ],
    [
      'a norm',
      async () =>
        rewritten((await randomLora('llama', { 'output.weight': [width, 40] }, options)).file, {
          added: { 'output_norm.weight': new Float32Array(width) },
        }),
      'unsupported_model',
      "'output_norm.weight'",
    ],
    [
      'nothing at all',
      async () => (await randomLora('llama', {}, options)).file,
      'invalid_model_file',
      'has no tensor',
    ],
    ['a model itself', async () => (await modelOf(llama)).file, 'invalid_model_file', 'is no adapter'],
    [
      'a use from certain tokens on',
      async () =>
        (
          await randomLora(
            'llama',
            { 'output.weight': [width, 40] },
            { ...options, metadata: { 'adapter.alora.invocation_tokens': Uint32Array.of(1) } },
          )
        ).file,
      'unsupported_model',
      'invocation_tokens',
    ],
    [
      'a key that nobody knows',
      async () =>
        (
          await randomLora(
            'llama',
            { 'output.weight': [width, 40] },
            { ...options, metadata: { 'adapter.lora.use_rslora': true } },
          )
        ).file,
      'unsupported_model',
      "'adapter.lora.use_rslora'",
    ],
    [
      'a scale that is no number',
      async () => (await randomLora('llama', { 'output.weight': [width, 40] }, { ...options, alpha: NaN })).file,
      'invalid_model_file',
      "'adapter.lora.alpha' is NaN",
    ],
    [
      'a scale without end',
      async () => (await randomLora('llama', { 'output.weight': [width, 40] }, { ...options, alpha: Infinity })).file,
      'invalid_model_file',
      "'adapter.lora.alpha' is Infinity",
    ],
    [
      'values that are no numbers',
      async () =>
        rewritten((await randomLora('llama', { 'output.weight': [width, 40] }, options)).file, {
          change: async () => new Float64Array(80).fill(NaN),
        }),
      'invalid_model_file',
      'no finite numbers',
    ],
  ])('are refused for %s', async (_, file, code, message) => {
    await expect(load([{ id: 'a', file: await file() }])).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  it('are refused under one id', async () => {
    const { file } = await randomLora('llama', { 'output.weight': [width, 40] }, options);
    await expect(
      load([
        { id: 'a', file },
        { id: 'a', file },
      ]),
    ).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it.each([[[1, 2]], [[]], [[NaN]]])('scales of a sequence that do not fit are refused: %j', async (scales) => {
    const lora = await randomLora('llama', { 'output.weight': [width, 40] }, options);
    await withRuntime((await modelOf(llama)).file, { adapters: sourcesOf(lora) }, async (runtime) => {
      await expect(logitsOf(runtime, [{ scales }])).rejects.toMatchObject({ code: 'invalid_argument' });
    });
  });
});
