import { loadTransformer } from '../src/index.js';
import { smallLlamaMetadata, smallLlamaTensors } from './reference/small-llama.js';
import { randomModel } from './reference/random-model.js';

type Metadata = Parameters<typeof randomModel>[1];
type Tensors = Parameters<typeof randomModel>[2];

/** Loads with a WebAssembly.Memory that must not be made: everything wrong with a file is found before. */
async function loadBroken(architecture: string, metadata: Metadata = smallLlamaMetadata, tensors: Tensors = smallLlamaTensors): Promise<unknown> {
  const { file } = await randomModel(architecture, metadata, tensors);
  const { Memory } = WebAssembly;
  let made = 0;
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, args: [WebAssembly.MemoryDescriptor]) {
      made++;
      return new target(...args);
    },
  });
  try {
    return await loadTransformer(file, { contextLength: 16 }).then(() => undefined, (error: unknown) => error);
  } finally {
    WebAssembly.Memory = Memory;
    expect(made).toBe(0);
  }
}

const without = <T extends object>(values: T, key: string): T => Object.fromEntries(Object.entries(values).filter(([name]) => name !== key)) as T;

describe('loading a file that is not right', () => {
  it('names an unknown architecture and the nearest one', async () => {
    expect(await loadBroken('lama')).toMatchObject({ code: 'unsupported_model', details: { architecture: 'lama', nearest: 'llama' } });
  });

  it.each(['token_embd.weight', 'blk.1.attn_q.weight', 'blk.0.ffn_norm.weight', 'output_norm.weight'])('names the missing tensor %s', async (tensor) => {
    const error = await loadBroken('llama', smallLlamaMetadata, without(smallLlamaTensors, tensor));
    expect(error).toMatchObject({ code: 'invalid_model_file', details: { tensor, architecture: 'llama' } });
    expect(String(error)).toContain(tensor);
  });

  it.each(['block_count', 'embedding_length', 'attention.head_count', 'attention.layer_norm_rms_epsilon', 'context_length', 'feed_forward_length'])('names the missing key %s', async (key) => {
    const error = await loadBroken('llama', without(smallLlamaMetadata, key));
    expect(error).toMatchObject({ code: 'invalid_model_file' });
    expect(String(error)).toContain(`llama.${key}`);
  });

  it.each([
    ['blk.0.attn_k.weight', [32, 20]],
    ['blk.0.ffn_down.weight', [32, 64]],
    ['output_norm.weight', 16],
  ] as const)('names a tensor of the wrong shape: %s', async (tensor, shape) => {
    expect(await loadBroken('llama', smallLlamaMetadata, { ...smallLlamaTensors, [tensor]: shape })).toMatchObject({ code: 'invalid_model_file', details: { tensor } });
  });

  it.each([
    ['attention.head_count', 5],
    ['attention.head_count_kv', 3],
    ['block_count', 0],
    ['block_count', 1e9],
    ['embedding_length', -32.5],
  ])('refuses %s = %d', async (key, value) => {
    expect(await loadBroken('llama', { ...smallLlamaMetadata, [key]: value })).toMatchObject({ code: 'invalid_model_file' });
  });

  it('refuses options out of range', async () => {
    const { file } = await randomModel('llama', smallLlamaMetadata, smallLlamaTensors);
    for (const options of [{ threads: 0 }, { threads: 2 }, { pageTokens: 20 }, { maxBatchTokens: 0 }, { maxSequences: 1.5 }]) {
      await expect(loadTransformer(file, options)).rejects.toMatchObject({ code: 'invalid_argument' });
    }
  });

  it('says what does not fit into memory', async () => {
    const { file } = await randomModel('llama', smallLlamaMetadata, smallLlamaTensors);
    await expect(loadTransformer(file, { memoryBytes: 1e6 })).rejects.toMatchObject({ code: 'out_of_memory' });
  });
});
