import {
  GgufWriter,
  bytesOfValues,
  openGguf,
  tensorTypeByName,
  type GgufModel,
  type GgufValue,
  type TensorTypeName,
} from '@starling/gguf';
import { matrixFormatOf } from '@starling/kernels';
import { loadTransformer, planMemory, type LoadOptions, type MemoryPlan } from '../src/index.js';
import { measureMemory } from './measured-memory.js';
import { ENDS, GATED, METADATA, QKV, RMS, SHAPE, blocks } from './reference/decoder.js';
import { randomModel } from './reference/random-model.js';
import { smallLlamaMetadata, smallLlamaTensors } from './reference/small-llama.js';

/** A llama of one layer whose matrices are all of a type, and zero. */
async function zeroLlama(type: TensorTypeName, { width = 256, keyLength = 64 } = {}): Promise<GgufModel> {
  const chunks: Uint8Array[] = [];
  const writer = new GgufWriter({ write: (bytes) => Promise.resolve(void chunks.push(bytes.slice())) });
  const attention = { head_count: 4, head_count_kv: 4, key_length: keyLength, value_length: keyLength };
  const metadata = {
    block_count: 1,
    context_length: 131072,
    embedding_length: width,
    feed_forward_length: width,
    ...Object.fromEntries(Object.entries(attention).map(([key, value]) => [`attention.${key}`, value])),
  };
  writer.setMetadata('general.architecture', 'llama');
  for (const [key, value] of Object.entries(metadata)) writer.setMetadata(`llama.${key}`, value, 'u32');
  writer.setMetadata('llama.attention.layer_norm_rms_epsilon', 1e-5, 'f32');
  const inner = 4 * keyLength;
  const shapes = {
    attn_q: [width, inner],
    attn_k: [width, inner],
    attn_v: [width, inner],
    attn_output: [inner, width],
    ffn_gate: [width, width],
    ffn_up: [width, width],
    ffn_down: [width, width],
  };
  const matrices = [
    ['token_embd.weight', [width, width]],
    ...Object.entries(shapes).map(([name, shape]) => [`blk.0.${name}.weight`, shape]),
  ] as [string, number[]][];
  const norms = ['blk.0.attn_norm.weight', 'blk.0.ffn_norm.weight', 'output_norm.weight'];
  for (const [name, shape] of matrices) writer.addTensor(name, tensorTypeByName(type)!, shape);
  for (const name of norms) writer.addTensor(name, tensorTypeByName('F32')!, [width]);
  for (const [, [columns, rows]] of matrices)
    await writer.write(new Uint8Array(bytesOfValues(tensorTypeByName(type)!, columns * rows)));
  for (let i = 0; i < norms.length; i++) await writer.write(new Uint8Array(4 * width));
  await writer.finish();
  return openGguf(new Blob(chunks as Uint8Array<ArrayBuffer>[]));
}

/** Loads a model, checks that exactly what was planned is allocated, and gives the plan. */
async function expectPlanned(file: GgufModel, options: LoadOptions = {}, heapBytes = 0): Promise<MemoryPlan> {
  const { result: plan, allocatedBytes: none } = await measureMemory(() => planMemory(file, options));
  expect(none).toBe(0);
  const { result: runtime, allocatedBytes } = await measureMemory(() => loadTransformer(file, options));
  await runtime.close();
  expect(runtime.info).toMatchObject(plan);
  expect(allocatedBytes + heapBytes).toBe(plan.totalBytes);
  expect(plan.weightBytes + plan.kvBytes + plan.scratchBytes).toBe(plan.totalBytes);
  return plan;
}

const llama = (metadata: Readonly<Record<string, GgufValue>> = {}, tensors = smallLlamaTensors) =>
  randomModel('llama', { ...smallLlamaMetadata, ...metadata }, tensors);

describe('the plan of memory', () => {
  it.each(['F32', 'F16', 'Q4_0', 'Q6_K', 'IQ2_XXS', 'TQ2_0'] as const)(
    'is what a model of %s really takes, with its weights as the kernels keep them',
    async (type) => {
      const { conversions, weightBytes } = await expectPlanned(await zeroLlama(type), { contextLength: 64 });
      const kept = conversions.length === 0 ? type : 'Q8_0';
      expect(conversions).toEqual(
        kept === type ? [] : [expect.objectContaining({ from: type, to: 'Q8_0', tensors: 8 })],
      );
      const matrices = 8 * matrixFormatOf(kept).bytes(256, 256);
      // Beside matrices there are norms, and tables of positions.
      expect(weightBytes).toBeGreaterThanOrEqual(matrices + 3 * 4 * 256);
      expect(weightBytes).toBeLessThan(1.1 * matrices);
    },
  );

  it('is what is taken whatever the options are', async () => {
    const { file } = await llama();
    const plain = await expectPlanned(file);
    const changed = await expectPlanned(file, {
      kvTokens: 1000,
      pageTokens: 48,
      maxBatchTokens: 700,
      maxSequences: 3,
      kvType: 'Q8_0',
      contextLength: 50,
    });
    expect(changed).toMatchObject({ contextLength: 50, pageTokens: 48, pageCount: 21, kvType: 'Q8_0' });
    expect(changed.scratchBytes).toBeGreaterThan(plain.scratchBytes);
    // In two memories, of which each has scratch of its own.
    const split = await expectPlanned(file, {
      memoryBytes: 1_180_000,
      kvTokens: 64,
      maxBatchTokens: 16,
      maxSequences: 1,
    });
    expect(split.memoryCount).toBe(2);
  });

  it('counts the heads of rerankers, which lie beside the memories of the kernels', async () => {
    const layer = {
      'attn_norm.weight': SHAPE.width,
      ...QKV,
      'attn_q_norm.weight': SHAPE.head,
      'attn_k_norm.weight': SHAPE.head,
      'ffn_norm.weight': SHAPE.width,
      ...GATED,
    };
    const { file } = await randomModel(
      'qwen3',
      { ...METADATA, ...RMS, pooling_type: 4 },
      { ...ENDS, ...blocks(layer), 'cls.output.weight': [SHAPE.width, 2] },
    );
    await expectPlanned(file, { contextLength: 32 }, 4 * 2 * SHAPE.width);
  });

  it('is shown before anything is allocated, and may be refused', async () => {
    const { file } = await llama();
    const plan = await planMemory(file);
    const shown: MemoryPlan[] = [];
    const refuse = (planned: MemoryPlan): never => {
      shown.push(planned);
      throw new RangeError('too large');
    };
    const { result, allocatedBytes } = await measureMemory(() =>
      loadTransformer(file, { onPlan: refuse }).catch((error: unknown) => error),
    );
    expect(result).toEqual(new RangeError('too large'));
    expect(allocatedBytes).toBe(0);
    expect(shown).toEqual([plan]);
  });
});

describe('sizes of the KV cache that nobody asked for', () => {
  it('are one context a sequence, with keys and values as exact as the weights', async () => {
    const { file } = await llama();
    // 2 layers of 2 heads, 8 numbers for a key and 8 for a value, 4 bytes each
    expect(await planMemory(file)).toMatchObject({
      contextLength: 64,
      kvType: 'F32',
      pageTokens: 32,
      pageCount: 32,
      pageBytes: 32 * 256,
      kvBytes: 1024 * 256,
    });
    expect(await planMemory(file, { kvType: 'F16' })).toMatchObject({ kvType: 'F16', kvBytes: 1024 * 128 });
    expect(await planMemory(await zeroLlama('Q4_0'))).toMatchObject({ kvType: 'F16' });
    expect(await planMemory(file, { contextLength: 10, kvTokens: 20 })).toMatchObject({
      contextLength: 10,
      pageCount: 1,
    });
  });

  it('stay within about a GiB', async () => {
    // 256 KiB a token: 4096 tokens to the GiB.
    const large = await zeroLlama('Q4_0', { width: 32, keyLength: 16384 });
    expect(await planMemory(large)).toMatchObject({ contextLength: 4096, pageCount: 128, kvBytes: 2 ** 30 });
    expect(await planMemory(large, { contextLength: 10000 })).toMatchObject({ contextLength: 10000, pageCount: 313 });
    // 16 KiB: 65,536 tokens
    expect(await planMemory(await zeroLlama('Q4_0', { width: 32, keyLength: 1024 }))).toMatchObject({
      contextLength: 8192,
      pageCount: 2048,
    });
  });

  it.each([
    'context_length',
    'block_count',
    'embedding_length',
    'attention.head_count',
    'attention.head_count_kv',
    'attention.key_length',
  ])('are refused for a %s that is no count, by its name', async (key) => {
    for (const value of [NaN, Infinity, -1.5, 1.5, 'many']) {
      const { file } = await llama({ [key]: value });
      await expect(planMemory(file)).rejects.toMatchObject({
        code: 'invalid_model_file',
        message: expect.stringContaining(`llama.${key}`) as string,
      });
    }
  });
});
