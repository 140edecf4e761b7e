import { FakeModelRuntime, type ModelInfo } from '@starling/transformer';
import { ggufFile, letterVocabulary } from '../test/gguf-file.js';
import { loadModel, type RuntimeLoader } from './load-model.js';
import { estimateMemory, kvSizeFor } from './memory-estimate.js';

/** Gives a runtime without weights, and remembers what it was asked for. */
const fakeLoader = (info: Partial<ModelInfo> = {}) => {
  const asked: Parameters<RuntimeLoader>[1][] = [];
  const runtimes: FakeModelRuntime[] = [];
  const load: RuntimeLoader = (_, options) => {
    asked.push(options);
    const runtime = new FakeModelRuntime({ info: { vocabSize: 28, contextLength: options.contextLength, ...info } });
    runtimes.push(runtime);
    return Promise.resolve(runtime);
  };
  return { load, asked, runtimes };
};

const llama = { 'general.architecture': 'llama', 'llama.context_length': 100, 'llama.block_count': 2, 'llama.embedding_length': 64, 'llama.attention.head_count': 4, 'llama.attention.head_count_kv': 2 };

describe('loadModel', () => {
  it('puts vocabulary, template and defaults of the file together', async () => {
    const template = "{% for m in messages %}{{ m.content }}{% endfor %}{{ eos_token if not add_generation_prompt }}";
    const file = await ggufFile({ ...llama, ...letterVocabulary, 'general.name': 'Letters', 'tokenizer.chat_template': template, 'general.sampling.temp': 0 });
    const { load, asked } = fakeLoader();
    const model = await loadModel(file, 'letters.gguf', { threads: 3, maxSequences: 2, queueLimit: 5 }, load);
    expect(asked[0]).toMatchObject({ threads: 3, maxSequences: 2, contextLength: 100, kvTokens: 200 });
    expect(model.info).toMatchObject({ name: 'Letters', source: 'letters.gguf', hasChatTemplate: true, contextLength: 100 });
    expect(model.statistics().queueLimit).toBe(5);
    expect(model.applyTemplate([{ role: 'user', content: 'hi<end>' }], { addGenerationPrompt: false })).toBe('hi<end><end>');
    expect(await model.generate({ messages: [{ role: 'user', content: 'abc' }], maxTokens: 3 }).result()).toMatchObject({ text: 'def' });
  });

  it('never draws ids that have logits but no token', async () => {
    const file = await ggufFile({ ...llama, ...letterVocabulary });
    const model = await loadModel(file, 'm', {}, fakeLoader({ vocabSize: 64 }).load);
    const done = await model.generate({ prompt: 'yz', temperature: 0, maxTokens: 5, tokens: undefined }).result();
    for (const id of done.tokens) expect(id).toBeLessThan(28);
    expect(() => model.generate({ tokens: [30] })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('refuses a vocabulary larger than the logits, and closes the runtime', async () => {
    const { load, runtimes } = fakeLoader({ vocabSize: 20 });
    await expect(loadModel(await ggufFile({ ...llama, ...letterVocabulary }), 'm.gguf', {}, load)).rejects.toMatchObject({ code: 'invalid_model_file', message: expect.stringContaining('m.gguf') });
    await expect(runtimes[0].step([])).rejects.toMatchObject({ code: 'closed' });
  });

  it('serves a model whose template is broken for everything but messages', async () => {
    const file = await ggufFile({ ...llama, ...letterVocabulary, 'tokenizer.chat_template': '{% for %}' });
    const model = await loadModel(file, 'm', {}, fakeLoader().load);
    expect(() => model.generate({ messages: [{ role: 'user', content: 'a' }] })).toThrow(expect.objectContaining({ code: 'invalid_template' }));
    expect(await model.generate({ prompt: 'a', temperature: 0, maxTokens: 1 }).result()).toMatchObject({ text: 'b' });
  });

  it('does not load what would not fit', async () => {
    const { load, asked } = fakeLoader();
    await expect(loadModel(await ggufFile({ ...llama, ...letterVocabulary }), 'm', { name: 'big', memoryLimitBytes: 1000 }, load)).rejects.toMatchObject({ code: 'out_of_memory', details: { name: 'big', weightBytes: 32 } });
    expect(asked).toEqual([]);
  });
});

describe('sizes of the KV cache', () => {
  it('follow from the header', async () => {
    const file = await ggufFile(llama, 100);
    expect(kvSizeFor(file, {})).toEqual({ contextLength: 100, kvTokens: 1600 });
    // 2 layers of 2 heads, 16 numbers for a key and 16 for a value, 2 bytes each
    expect(estimateMemory(file, { kvType: 'F16' })).toEqual({ weightBytes: 400, kvBytes: 1600 * 256, scratchBytes: 0, totalBytes: 400 + 1600 * 256 });
    expect(estimateMemory(file, { contextLength: 10, kvTokens: 20, kvType: 'F32' }).kvBytes).toBe(20 * 512);
  });

  it('count heads by layer where they differ', async () => {
    const file = await ggufFile({ ...llama, 'llama.attention.head_count_kv': Int32Array.of(0, 4), 'llama.attention.key_length': 8, 'llama.attention.value_length': 4 });
    expect(estimateMemory(file, { kvTokens: 10, kvType: 'F32' }).kvBytes).toBe(10 * 4 * 12 * 4);
  });

  it('stay within about a GiB unless more is asked for', async () => {
    // 256 KiB a token: 4096 tokens to the GiB
    const large = { ...llama, 'llama.context_length': 131072, 'llama.block_count': 32, 'llama.embedding_length': 4096, 'llama.attention.head_count': 32, 'llama.attention.head_count_kv': 16 };
    const file = await ggufFile(large);
    expect(kvSizeFor(file, { kvType: 'F16' })).toEqual({ contextLength: 4096, kvTokens: 4096 });
    expect(kvSizeFor(file, { contextLength: 20000 })).toEqual({ contextLength: 20000, kvTokens: 20000 });
    expect(kvSizeFor(await ggufFile({ ...large, 'llama.attention.head_count_kv': 2 }), { kvType: 'F16' })).toEqual({ contextLength: 8192, kvTokens: 32768 });
  });
});
