import { loadTransformer } from '../src/index.js';
import { smallLlamaMetadata, smallLlamaTensors } from './reference/small-llama.js';
import { randomModel } from './reference/random-model.js';

type Metadata = Parameters<typeof randomModel>[1];
type Tensors = Parameters<typeof randomModel>[2];

/** Loads with a WebAssembly.Memory that must not be made: everything wrong with a file is found before. */
async function loadBroken(
  architecture: string,
  metadata: Metadata = smallLlamaMetadata,
  tensors: Tensors = smallLlamaTensors,
): Promise<unknown> {
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
    return await loadTransformer(file, { contextLength: 16 }).then(
      () => undefined,
      (error: unknown) => error,
    );
  } finally {
    WebAssembly.Memory = Memory;
    expect(made).toBe(0);
  }
}

const without = <T extends object>(values: T, key: string): T =>
  Object.fromEntries(Object.entries(values).filter(([name]) => name !== key)) as T;

describe('loading a file that is not right', () => {
  it('names an unknown architecture, the nearest one and all that there are', async () => {
    expect(await loadBroken('lama')).toMatchObject({
      code: 'unsupported_model',
      message: expect.stringMatching(/'lama'.*nearest that is: 'llama'\. Supported are: .*gemma3.*qwen3/),
      details: { architecture: 'lama', nearest: 'llama' },
    });
    expect(await loadBroken('x'.repeat(1000))).toMatchObject({
      code: 'unsupported_model',
      message: expect.stringMatching(/Supported are: .*gemma3/),
    });
  });

  it.each(['token_embd.weight', 'blk.1.attn_q.weight', 'blk.0.ffn_norm.weight', 'output_norm.weight'])(
    'names the missing tensor %s',
    async (tensor) => {
      const error = await loadBroken('llama', smallLlamaMetadata, without(smallLlamaTensors, tensor));
      expect(error).toMatchObject({ code: 'invalid_model_file', details: { tensor, architecture: 'llama' } });
      expect(String(error)).toContain(tensor);
    },
  );

  it.each([
    'block_count',
    'embedding_length',
    'attention.head_count',
    'attention.layer_norm_rms_epsilon',
    'context_length',
    'feed_forward_length',
  ])('names the missing key %s', async (key) => {
    const error = await loadBroken('llama', without(smallLlamaMetadata, key));
    expect(error).toMatchObject({ code: 'invalid_model_file' });
    expect(String(error)).toContain(`llama.${key}`);
  });

  it.each([
    ['blk.0.attn_k.weight', [32, 20]],
    ['blk.0.ffn_down.weight', [32, 64]],
    ['output_norm.weight', 16],
  ] as const)('names a tensor of the wrong shape: %s', async (tensor, shape) => {
    expect(await loadBroken('llama', smallLlamaMetadata, { ...smallLlamaTensors, [tensor]: shape })).toMatchObject({
      code: 'invalid_model_file',
      details: { tensor },
    });
  });

  it.each([
    ['attention.head_count', 5],
    ['attention.head_count_kv', 3],
    ['block_count', 0],
    ['block_count', 1e9],
    ['embedding_length', -32.5],
  ])('refuses %s = %d', async (key, value) => {
    expect(await loadBroken('llama', { ...smallLlamaMetadata, [key]: value })).toMatchObject({
      code: 'invalid_model_file',
    });
  });

  it.each(['blk.0.ffn_gate.unknown', 'blk.1.attn_v.mystery.weight', 'output_adapter.weight'])(
    'refuses the tensor %s, which no part uses',
    async (tensor) => {
      const error = await loadBroken('llama', smallLlamaMetadata, { ...smallLlamaTensors, [tensor]: 32 });
      expect(error).toMatchObject({ code: 'unsupported_model', details: { tensors: [tensor] } });
      expect(String(error)).toContain(tensor);
    },
  );

  it.each([
    ['attention.key_scale', 2.5],
    ['attention.scale', 0.5],
    ['attention.clamp_kqv', 2],
    ['rope.scaling.yarn_log_multiplier', 0.5],
    ['rope.scaling.yarn_attn_factor', 2],
    ['rope.scaling.new_factor', 4],
    ['residual_scale', 0.5],
    ['attention.sliding_window', 128],
    ['use_parallel_residual', true],
    ['attention.unheard_of', [1, 2]],
  ])('refuses the key %s = %s, which it does not honour', async (key, value) => {
    const error = await loadBroken('llama', {
      ...smallLlamaMetadata,
      [key]: Array.isArray(value) ? Float32Array.from(value) : value,
    });
    expect(error).toMatchObject({ code: 'unsupported_model', details: { keys: [`llama.${key}`] } });
    expect(String(error)).toContain(`llama.${key}`);
  });

  it.each([
    ['llama', 'weird'],
    ['llama', 'dynamic'],
    ['jais', 'weird'],
  ])('refuses a scaling of the rotation that it does not know, in %s: %s', async (architecture, type) => {
    const error = await loadBroken(architecture, {
      ...smallLlamaMetadata,
      'attention.layer_norm_epsilon': 1e-5,
      'rope.scaling.type': type,
      'rope.scaling.factor': 4,
    });
    expect(error).toMatchObject({
      code: 'unsupported_model',
      details: {
        key: `${architecture}.rope.scaling.type`,
        value: type,
        allowed: ['none', 'linear', 'yarn', 'longrope'],
      },
    });
    expect(String(error)).toMatch(
      new RegExp(`'${type}' under '${architecture}\\.rope\\.scaling\\.type'.*'none', 'linear', 'yarn', 'longrope'`),
    );
  });

  it.each(['none', 'linear', 'yarn', 'longrope'])('takes the scaling %s', async (type) => {
    const { file } = await randomModel(
      'llama',
      { ...smallLlamaMetadata, 'rope.scaling.type': type, 'rope.scaling.factor': 4 },
      smallLlamaTensors,
    );
    await (await loadTransformer(file, { contextLength: 16 })).close();
  });

  it('excuses factors of the rotation for other contexts only beside those that it uses', async () => {
    const [long, short] = ['rope_factors_long.weight', 'rope_factors_short.weight'];
    const metadata = { ...smallLlamaMetadata, 'rope.scaling.type': 'longrope' };
    expect(await loadBroken('llama', metadata, { ...smallLlamaTensors, [long]: 4 })).toMatchObject({
      code: 'unsupported_model',
      details: { tensors: [long] },
    });
    const { file } = await randomModel('llama', metadata, { ...smallLlamaTensors, [long]: 4, [short]: 4 });
    const runtime = await loadTransformer(file, { contextLength: 16 });
    expect(runtime.info.unused.map(({ names }) => names)).toEqual([[long]]);
    await runtime.close();
  });

  it.each([
    ['linear', ['rope_factors_long.weight', 'rope_factors_short.weight']],
    ['longrope', ['rope_freqs.weight']],
  ])('refuses factors of the rotation that the scaling %s does not have', async (type, tensors) => {
    const factors = Object.fromEntries(tensors.map((name) => [name, 4]));
    expect(
      await loadBroken(
        'llama',
        { ...smallLlamaMetadata, 'rope.scaling.type': type },
        { ...smallLlamaTensors, ...factors },
      ),
    ).toMatchObject({ code: 'unsupported_model', details: { tensors } });
  });

  it('refuses windows of LFM2 with experts, which has none', async () => {
    const error = await loadBroken('lfm2moe', { ...smallLlamaMetadata, 'attention.sliding_window': 8 });
    expect(error).toMatchObject({ code: 'unsupported_model', details: { keys: ['lfm2moe.attention.sliding_window'] } });
  });

  it('refuses windows that look back only in texts that are seen whole', async () => {
    const tensors = {
      ...smallLlamaTensors,
      ...Object.fromEntries([0, 1].map((layer) => [`blk.${layer}.attn_sinks.weight`, 4])),
    };
    const metadata = {
      ...smallLlamaMetadata,
      'attention.causal': false,
      'attention.sliding_window': 8,
      'attention.sliding_window_pattern': [true, false],
    };
    expect(String(await loadBroken('granite_swa', metadata, tensors))).toMatch(
      /'attention\.causal' false and windows that look back only/,
    );
  });

  it('takes keys that say that there is nothing of their kind', async () => {
    const { file } = await randomModel(
      'llama',
      {
        ...smallLlamaMetadata,
        'attention.key_scale': 0,
        residual_scale: 1,
        'attention.unheard_of': false,
        vocab_size: 40,
      },
      smallLlamaTensors,
    );
    await (await loadTransformer(file, { contextLength: 16 })).close();
  });

  it('refuses a file with more blocks than it says', async () => {
    const error = await loadBroken('llama', { ...smallLlamaMetadata, block_count: 1 });
    expect(error).toMatchObject({ code: 'invalid_model_file' });
    expect(String(error)).toMatch(/blk\.1\..*only 1 blocks.*llama\.block_count/);
  });

  it('refuses a file with fewer blocks than it says', async () => {
    expect(String(await loadBroken('llama', { ...smallLlamaMetadata, block_count: 9 }))).toMatch(
      /lacks the tensor 'blk\.\d+\./,
    );
  });

  it('names what it leaves out, and why', async () => {
    const { file } = await randomModel('llama', smallLlamaMetadata, {
      ...smallLlamaTensors,
      'v.blk.0.attn_q.weight': [16, 16],
      'mm.0.weight': [16, 16],
      'blk.0.ffn_up.input_scale': 1,
    });
    const runtime = await loadTransformer(file, { contextLength: 16 });
    expect(runtime.info.unused.map(({ names }) => names)).toEqual([
      ['v.blk.0.attn_q.weight', 'mm.0.weight'],
      ['blk.0.ffn_up.input_scale'],
    ]);
    await runtime.close();
  });

  it('refuses options out of range', async () => {
    const { file } = await randomModel('llama', smallLlamaMetadata, smallLlamaTensors);
    for (const options of [
      { threads: 0 },
      { threads: 2 },
      { pageTokens: 20 },
      { maxBatchTokens: 0 },
      { maxSequences: 1.5 },
    ]) {
      await expect(loadTransformer(file, options)).rejects.toMatchObject({ code: 'invalid_argument' });
    }
  });

  it('says what does not fit into memory', async () => {
    const { file } = await randomModel('llama', smallLlamaMetadata, smallLlamaTensors);
    await expect(loadTransformer(file, { memoryBytes: 1e6 })).rejects.toMatchObject({ code: 'out_of_memory' });
  });
});
