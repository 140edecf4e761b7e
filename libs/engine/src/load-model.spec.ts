import { PackedStrings } from '@starling/core';
import type { ModelInfo } from '@starling/transformer';
import { FakeModelRuntime } from '@starling/transformer/testing';
import { ggufFile, letterVocabulary } from '../test/gguf-file.js';
import { loadModel, type RuntimeLoader } from './load-model.js';

/** Gives a runtime without weights, and remembers what it was asked for. */
const fakeLoader = (info: Partial<ModelInfo> = {}) => {
  const asked: Parameters<RuntimeLoader>[1][] = [];
  const runtimes: FakeModelRuntime[] = [];
  const load: RuntimeLoader = (_, options) => {
    asked.push(options);
    const runtime = new FakeModelRuntime({
      info: { vocabSize: 28, contextLength: options.contextLength ?? 100, ...info },
    });
    options.onPlan?.(runtime.info);
    runtimes.push(runtime);
    return Promise.resolve(runtime);
  };
  return { load, asked, runtimes };
};

const llama = {
  'general.architecture': 'llama',
  'llama.context_length': 100,
  'llama.block_count': 2,
  'llama.embedding_length': 64,
  'llama.attention.head_count': 4,
  'llama.attention.head_count_kv': 2,
};

const openNone = (): Promise<never> => Promise.reject(new TypeError('nothing is loaded beside this model'));

describe('loadModel', () => {
  it('puts vocabulary, template and defaults of the file together', async () => {
    const template = '{% for m in messages %}{{ m.content }}{% endfor %}{{ eos_token if not add_generation_prompt }}';
    const file = await ggufFile({
      ...llama,
      ...letterVocabulary,
      'general.name': 'Letters',
      'tokenizer.chat_template': template,
      'general.sampling.temp': 0,
    });
    const { load, asked } = fakeLoader();
    const model = await loadModel(
      file,
      'letters.gguf',
      { threads: 3, maxSequences: 2, kvTokens: 200, queueLimit: 5 },
      load,
      openNone,
    );
    expect(asked[0]).toMatchObject({ threads: 3, maxSequences: 2, kvTokens: 200, contextLength: undefined });
    expect(model.info).toMatchObject({
      name: 'Letters',
      source: 'letters.gguf',
      hasChatTemplate: true,
      contextLength: 100,
    });
    expect(model.statistics().queueLimit).toBe(5);
    expect(model.applyTemplate([{ role: 'user', content: 'hi<end>' }], { addGenerationPrompt: false })).toBe(
      'hi<end><end>',
    );
    expect(await model.generate({ messages: [{ role: 'user', content: 'abc' }], maxTokens: 3 }).result()).toMatchObject(
      { text: 'def' },
    );
  });

  it('never draws ids that have logits but no token', async () => {
    const file = await ggufFile({ ...llama, ...letterVocabulary });
    const model = await loadModel(file, 'm', {}, fakeLoader({ vocabSize: 64 }).load, openNone);
    const done = await model.generate({ prompt: 'yz', temperature: 0, maxTokens: 5, tokens: undefined }).result();
    for (const id of done.tokens) expect(id).toBeLessThan(28);
    expect(() => model.generate({ tokens: [30] })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('refuses a vocabulary larger than the logits, and closes the runtime', async () => {
    const { load, runtimes } = fakeLoader({ vocabSize: 20 });
    await expect(
      loadModel(await ggufFile({ ...llama, ...letterVocabulary }), 'm.gguf', {}, load, openNone),
    ).rejects.toMatchObject({ code: 'invalid_model_file', message: expect.stringContaining('m.gguf') });
    await expect(runtimes[0].step([])).rejects.toMatchObject({ code: 'closed' });
  });

  it('serves a model whose template is broken for everything but messages', async () => {
    const file = await ggufFile({ ...llama, ...letterVocabulary, 'tokenizer.chat_template': '{% for %}' });
    const model = await loadModel(file, 'm', {}, fakeLoader().load, openNone);
    expect(() => model.generate({ messages: [{ role: 'user', content: 'a' }] })).toThrow(
      expect.objectContaining({ code: 'invalid_template' }),
    );
    expect(await model.generate({ prompt: 'a', temperature: 0, maxTokens: 1 }).result()).toMatchObject({ text: 'b' });
  });

  it('loads a draft model with room for as much, and refuses one that would be of no use by its name', async () => {
    const file = await ggufFile({ ...llama, ...letterVocabulary });
    const small = (metadata: Parameters<typeof ggufFile>[0]) => () => ggufFile({ ...llama, ...metadata });
    const { load, asked, runtimes } = fakeLoader();
    const options = { draftModel: 'small.gguf', contextLength: 80, maxSequences: 2 };
    const model = await loadModel(file, 'm', options, load, small(letterVocabulary));
    const { pageTokens, pageCount } = runtimes[0].info;
    expect(asked[1]).toMatchObject({
      contextLength: 80,
      maxSequences: 2,
      pageTokens,
      kvTokens: pageTokens * pageCount,
      slidingWindows: false,
    });
    expect(model.memory.totalBytes).toBe(2 * runtimes[0].info.totalBytes);
    await expect(
      loadModel(
        file,
        'm',
        { ...options, memoryLimitBytes: 1.5 * runtimes[0].info.totalBytes },
        load,
        small(letterVocabulary),
      ),
    ).rejects.toMatchObject({ code: 'out_of_memory' });

    const tokens = PackedStrings.from([...'abXdefghijklmnopqrstuvwxyz', '<bos>', '<end>']);
    await expect(
      loadModel(file, 'm', options, load, small({ ...letterVocabulary, 'tokenizer.ggml.tokens': tokens })),
    ).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/token 2 is "X" in its vocabulary, and "c"/),
    });
    await expect(
      loadModel(file, 'm', { ...options, speculation: false }, load, small(letterVocabulary)),
    ).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('nothing to do') });
    for (const info of [{ hasRecurrentState: true }, { hasLogits: false }]) {
      const refusing = fakeLoader(info);
      await expect(loadModel(file, 'm', options, refusing.load, small(letterVocabulary))).rejects.toMatchObject({
        code: 'not_supported',
      });
      for (const runtime of refusing.runtimes) await expect(runtime.step([])).rejects.toMatchObject({ code: 'closed' });
    }
  });

  it('does not load what would not fit', async () => {
    const { load, runtimes } = fakeLoader({ weightBytes: 500, kvBytes: 400, scratchBytes: 101 });
    await expect(
      loadModel(
        await ggufFile({ ...llama, ...letterVocabulary }),
        'm',
        { name: 'big', memoryLimitBytes: 1000 },
        load,
        openNone,
      ),
    ).rejects.toMatchObject({
      code: 'out_of_memory',
      message: expect.stringContaining('weights 500 bytes, KV cache 400 bytes, scratch 101 bytes'),
      details: { name: 'big', weightBytes: 500, kvBytes: 400, scratchBytes: 101, totalBytes: 1001 },
    });
    expect(runtimes).toEqual([]);
    await expect(
      loadModel(await ggufFile({ ...llama, ...letterVocabulary }), 'm', { memoryLimitBytes: 1001 }, load, openNone),
    ).resolves.toBeDefined();
  });
});
