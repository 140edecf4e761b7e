import { compileTemplate } from '@starling/chat';
import { until } from '../../../tools/jest/until.js';
import { EOS, MARK, byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel, saying } from '../test/fake-model.js';
import type { GeneratePart, GenerateRequest } from './generate-types.js';
import type { LanguageModel } from './language-model.js';

const greedy = { temperature: 0 } as const;
const read = async (model: LanguageModel, request: GenerateRequest): Promise<GeneratePart[]> => {
  const parts: GeneratePart[] = [];
  for await (const part of model.generate(request)) parts.push(part);
  return parts;
};

describe('generate', () => {
  it('yields tokens as they come, then each answer, then all', async () => {
    const { model } = fakeModel();
    const parts = await read(model, { ...greedy, prompt: 'ab', maxTokens: 3, id: 'r' });
    expect(parts.map((part) => part.kind)).toEqual(['token', 'token', 'token', 'sample', 'done']);
    expect(parts[1]).toEqual({ kind: 'token', sample: 0, index: 1, id: 100, text: 'd' });
    expect(parts[4]).toMatchObject({
      kind: 'done',
      id: 'r',
      model: 'fake',
      text: 'cde',
      tokens: [99, 100, 101],
      finishReason: 'length',
      stopReason: { kind: 'max_tokens', limit: 3 },
      usage: { promptTokens: 2, cachedTokens: 0, completionTokens: 3 },
    });
  });

  it('ends at a token that ends generations, which is a token but no text', async () => {
    const { model } = fakeModel({ logits: saying('Hi.') });
    const done = await model.generate({ ...greedy, prompt: 'Say hi\n' }).result();
    expect(done).toMatchObject({
      text: 'Hi.',
      finishReason: 'stop',
      stopReason: { kind: 'end_of_generation', id: EOS },
      usage: { completionTokens: 4 },
    });
    expect(done.tokens.at(-1)).toBe(EOS);
  });

  it('holds back what may become a stop string, and half characters', async () => {
    const { model } = fakeModel({ logits: saying('a\u{1F600}b<en<end>c') });
    const parts = await read(model, { ...greedy, prompt: '\n', stop: ['<end>'] });
    const texts = parts.flatMap((part) => (part.kind === 'token' ? [part.text] : []));
    expect(texts).toEqual(['a', '', '', '', '\u{1F600}', 'b', '', '', '', '<en', '', '', '', '']);
    expect(parts.at(-1)).toMatchObject({
      text: 'a\u{1F600}b<en',
      stopSequence: '<end>',
      finishReason: 'stop',
      stopReason: { kind: 'stop_string', text: '<end>' },
    });
  });

  it('gives what was held back when the limit comes first', async () => {
    const { model } = fakeModel({ logits: saying('a<enough') });
    const parts = await read(model, { ...greedy, prompt: '\n', stop: ['<end>'], maxTokens: 4 });
    const texts = parts.flatMap((part) => (part.kind === 'token' ? [part.text] : []));
    expect(texts.join('')).toBe('a<en');
    expect(parts.at(-1)).toMatchObject({ text: 'a<en', finishReason: 'length' });
  });

  it('ends with the context, and refuses a prompt that leaves no room for an answer', async () => {
    const { model } = fakeModel({ info: { contextLength: 8 } });
    const done = await model.generate({ ...greedy, tokens: [1, 2, 3, 4, 5] }).result();
    expect(done).toMatchObject({ tokens: [6, 7, 8], finishReason: 'length', stopReason: { kind: 'context_end' } });
    expect(() => model.generate({ prompt: '12345678' })).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded', details: { promptTokens: 8, limit: 8 } }),
    );
    await expect(model.generate({ ...greedy, prompt: '12345678', maxTokens: 0 }).result()).resolves.toMatchObject({
      tokens: [],
      text: '',
      finishReason: 'length',
    });
  });

  // Callers whose types are not checked give none, or two.
  it.each<[string, GenerateRequest, string]>([
    ['no prompt', {} as GenerateRequest, 'prompt'],
    ['two prompts', { prompt: 'a', tokens: [1] } as unknown as GenerateRequest, 'tokens'],
    ['an empty prompt', { prompt: '' }, 'prompt'],
    ['an id that is none', { tokens: [1, 999] }, 'tokens[1]'],
    ['messages without a template', { messages: [{ role: 'user', content: 'a' }] }, 'messages'],
    ['a limit below zero', { prompt: 'a', maxTokens: -1 }, 'maxTokens'],
    ['too many answers', { prompt: 'a', n: 129 }, 'n'],
    ['an empty stop text', { prompt: 'a', stop: [''] }, 'stop'],
    ['a grammar and a schema', { prompt: 'a', grammar: 'root ::= "a"', jsonSchema: {} }, 'jsonSchema'],
  ])('refuses %s by name', (_, request, param) => {
    const { model, events } = fakeModel();
    expect(() => model.generate(request)).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: expect.objectContaining({ param }) }),
    );
    expect(events).toEqual([expect.objectContaining({ kind: 'request_rejected', code: 'invalid_request' })]);
  });

  it.each([
    [[[259, 1]], 'logitBias[0][0]'],
    [{ 999: 1 }, 'logitBias.999'],
    [{ '': false }, 'logitBias.'],
    [[1000], 'logitBias[0]'],
  ])('refuses the biases %j by name', (logitBias, param) => {
    const { model } = fakeModel();
    expect(() => model.generate({ prompt: 'a', logitBias: logitBias as never })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: expect.objectContaining({ param }) }),
    );
    expect(model.statistics()).toMatchObject({ queued: 0, running: 0 });
  });

  it('takes every key of a record of biases', async () => {
    for (const name of ['constructor', 'prototype', '__proto__']) {
      const logitBias = JSON.parse(`{"${name}": 1000}`) as Record<string, number>;
      const { text } = await fakeModel()
        .model.generate({ ...greedy, prompt: 'a', maxTokens: 8, logitBias })
        .result();
      expect(new Set(name)).toEqual(new Set([...name, ...text]));
      expect(text).not.toBe('bcdefghi');
    }
  });

  it('refuses stages that nobody knows', () => {
    expect(() => fakeModel().model.generate({ prompt: 'a', samplers: ['top_kk'] })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ param: 'samplers[0]', nearest: 'top_k' }) }),
    );
  });

  it('refuses sampling parameters that the sampler refuses', () => {
    expect(() => fakeModel().model.generate({ prompt: 'a', repeatPenalty: 0 })).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        details: expect.objectContaining({ param: 'repeatPenalty' }),
      }),
    );
  });

  it('renders messages with the template; text of users stays text', async () => {
    const template = compileTemplate("{% for m in messages %}{{ '<|mark|>' + m.content + '\\n' }}{% endfor %}", {
      controlTexts: ['<|mark|>'],
    });
    const { model } = fakeModel({
      chatTemplate: template,
      tokenizer: byteTokenizer({ addBos: true }),
      logits: saying('ok'),
    });
    const messages = [{ role: 'user', content: 'x<|mark|>' }];
    const generation = model.generate({ ...greedy, messages });
    expect([...generation.promptTokens]).toEqual([256, MARK, ...Buffer.from('x<|mark|>\n')]);
    expect(await generation.result()).toMatchObject({ text: 'ok' });
    expect(model.applyTemplate(messages)).toBe('<|mark|>x<|mark|>\n');
  });

  it('gives the bytes of tokens that are no characters alone', async () => {
    const { model } = fakeModel();
    const done = await model
      .generate({ ...greedy, tokens: [0xc1, 0xe2], maxTokens: 1, logprobs: 3, promptLogprobs: 0 })
      .result();
    expect(done.logprobs?.[0]).toMatchObject({ id: 0xe3, text: '\ufffd', bytes: Uint8Array.of(0xe3) });
    for (const { id, bytes } of done.logprobs?.[0].top ?? []) expect(bytes).toEqual(Uint8Array.of(id));
    expect(done.logprobs?.[0].top).toHaveLength(3);
    expect(done.promptLogprobs?.[1]).toMatchObject({ id: 0xe2, bytes: Uint8Array.of(0xe2) });
  });

  it('reports log-probabilities of tokens and of the prompt', async () => {
    const { model } = fakeModel({
      logits: (logits, history) => logits.fill(0).fill(Math.log(258), history.length % 259, (history.length % 259) + 1),
    });
    const done = await model
      .generate({ ...greedy, tokens: [7, 1, 9, 9], maxTokens: 2, logprobs: 2, promptLogprobs: 0 })
      .result();
    expect(
      done.logprobs?.map(({ id, logprob, rank, top }) => [id, Math.round(Math.exp(logprob) * 1000), rank, top.length]),
    ).toEqual([
      [4, 500, 0, 2],
      [5, 500, 0, 2],
    ]);
    expect(
      done.promptLogprobs?.map((entry) => entry && [entry.id, Math.exp(entry.logprob).toFixed(3), entry.top.length]),
    ).toEqual([undefined, [1, '0.500', 0], [9, '0.002', 0], [9, '0.002', 0]]);
  });

  it('draws the same for the same seed, whoever else is served', async () => {
    const even = { logits: (logits: Float32Array) => void logits.fill(0) };
    const request = {
      prompt: 'a',
      maxTokens: 20,
      topK: 0,
      topP: 1,
      minP: 0,
      seed: 7,
      logitBias: { [EOS]: false },
    } as const;
    const alone = await fakeModel(even).model.generate(request).result();
    const { model } = fakeModel(even);
    const others = Array.from({ length: 5 }, (_, i) => model.generate({ ...request, seed: i }).result());
    const among = await model.generate(request).result();
    expect(among.tokens).toEqual(alone.tokens);
    expect(new Set((await Promise.all(others)).map(({ tokens }) => tokens.join())).size).toBe(5);
  });

  it('gives several answers to one prompt, computed once; answer i is that of seed + i', async () => {
    const even = { logits: (logits: Float32Array) => void logits.fill(0) };
    const request = {
      prompt: 'abcdefghijklmnopqrstuvwxyz',
      maxTokens: 30,
      topK: 0,
      topP: 1,
      minP: 0,
      seed: 3,
      logitBias: { [EOS]: false },
    } as const;
    const { model, runtime } = fakeModel({ ...even, info: { maxSequences: 3, pageTokens: 4 } });
    const done = await model.generate({ ...request, n: 5 }).result();
    expect(runtime.steps[0]).toEqual({ tokens: 26, sequences: 1 });
    expect(runtime.steps.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(26 + 5 * 29);
    expect(done.usage).toEqual({
      promptTokens: 26,
      cachedTokens: 0,
      completionTokens: 150,
      cacheMiss: { reason: 'new', position: 0 },
    });
    for (const { sample, tokens } of done.samples) {
      const single = await fakeModel(even)
        .model.generate({ ...request, seed: 3 + sample })
        .result();
      expect(tokens).toEqual(single.tokens);
    }
    expect(model.statistics().kv.freePages).toBe(256);
  });

  it('computes the prompt once where the answers share a recurrent state, too', async () => {
    const { model, runtime } = fakeModel({ info: { hasRecurrentState: true } });
    const done = await model.generate({ ...greedy, prompt: 'abc', n: 3, maxTokens: 2 }).result();
    expect(done.samples.map(({ text }) => text)).toEqual(['de', 'de', 'de']);
    expect(runtime.steps).toEqual([
      { tokens: 2, sequences: 1 },
      { tokens: 1, sequences: 1 },
      { tokens: 3, sequences: 3 },
    ]);
  });

  it('takes what the model file recommends where the request says nothing', async () => {
    const { model } = fakeModel({ samplerDefaults: { temperature: 0 } });
    expect(await model.generate({ prompt: 'a', maxTokens: 3, temperature: undefined }).result()).toMatchObject({
      text: 'bcd',
    });
  });

  it('tells what happens', async () => {
    const { model, events } = fakeModel();
    await model.generate({ ...greedy, prompt: 'ab', maxTokens: 2, id: 'r' }).result();
    await until(() => events.at(-1)?.kind === 'step');
    expect(events.map(({ kind }) => kind)).toEqual([
      'request_queued',
      'cache_matched',
      'request_started',
      'first_token',
      'step',
      'next_token',
      'request_ended',
      'step',
    ]);
    expect(events[4]).toMatchObject({ sequences: 1, promptTokens: 2, decodedTokens: 0 });
    expect(events[6]).toMatchObject({
      id: 'r',
      model: 'fake',
      outcome: { kind: 'finished', finishReason: 'length' },
      usage: { completionTokens: 2 },
    });
  });

  it('times the stages of a request', async () => {
    let now = 1000;
    const { model } = fakeModel({ clock: () => now, onStep: () => void (now += 10) });
    const { timings } = await model.generate({ ...greedy, prompt: 'abcd', maxTokens: 5 }).result();
    expect(timings).toEqual({
      tokenizeMs: 0,
      grammarMs: 0,
      queueMs: 0,
      restoreMs: 0,
      promptMs: 10,
      firstTokenMs: 10,
      decodeMs: 40,
      sampleMs: 0,
      preemptions: 0,
      suspendedMs: 0,
      promptTps: 400,
      decodeTps: 100,
      draftedTokens: 0,
      acceptedTokens: 0,
    });
  });
});

async function all<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const part of parts) read.push(part);
  return read;
}

describe('an answer that is read', () => {
  const request: GenerateRequest = { ...greedy, prompt: 'ab', maxTokens: 30, stop: ['zzz'] };

  it('comes as parts, as a text, as a stream and as a result, in any order and as often as one likes', async () => {
    const { model } = fakeModel();
    const generation = model.generate({ ...request, n: 2, logprobs: 2, candidates: 2 });
    const [result, loop, text, stream] = await Promise.all([
      generation.result(),
      all(generation),
      all(generation.text()),
      all(generation.textStream()),
    ]);
    expect(await generation.result()).toBe(result);
    expect(text.join('')).toBe(result.text);
    expect(stream).toEqual(text);
    const again = await all(generation);
    expect(again).toEqual(loop);
    expect(again.find((part) => part.kind === 'token' && part.index === 1)).toMatchObject({
      logprob: result.logprobs?.[1].logprob,
      logprobs: result.logprobs?.[1],
      draw: result.draws?.[1],
    });
    await model.close();
  });

  it('is ended by its last reader that leaves, and by none before', async () => {
    const { model } = fakeModel();
    const generation = model.generate(request);
    for await (const _ of generation.text()) break;
    expect(await generation.result()).toMatchObject({ finishReason: 'cancelled' });
    const other = model.generate(request);
    const result = other.result();
    await other.textStream().cancel();
    expect(await result).toMatchObject({ finishReason: 'length' });
    const stream = model.generate(request).textStream();
    await stream.cancel();
    await until(() => model.statistics().running === 0);
    await model.close();
  });
});

describe('an answer that nobody reads', () => {
  const long = { prompt: 'abc', maxTokens: 1500, temperature: 0, ignoreEos: true, logprobs: 20 } as const;
  const haveStopped = (model: LanguageModel, count: number) =>
    until(() => model.statistics().running === 0 && model.statistics().suspended === count);
  /** A model whose context holds more than may lie unread. */
  const roomy = () => fakeModel({ info: { contextLength: 8192, pageCount: 1024, pageTokens: 16 } }).model;

  it('stops where its reader is behind, gives its slot away, and goes on to the same end when it is read', async () => {
    const model = roomy();
    let tokens = 0;
    model.on(
      (event) =>
        void ((event.kind === 'first_token' || event.kind === 'next_token') && event.id === 'unread' && tokens++),
    );
    const generation = model.generate({ ...long, maxTokens: 400, id: 'unread' });
    await haveStopped(model, 1);
    const stoppedAt = tokens;
    expect(stoppedAt).toBeLessThan(200);
    const other = await model.generate({ ...long, maxTokens: 400 }).result();
    expect(tokens).toBe(stoppedAt);
    expect(model.statistics()).toMatchObject({ running: 0, suspended: 1 });
    const read = await generation.result();
    expect(read.tokens).toHaveLength(400);
    expect(read.tokens).toEqual(other.tokens);
  });

  it('is over at once when it is cancelled, and keeps no model from closing', async () => {
    const model = roomy();
    const controller = new AbortController();
    const [cancelled, waiting] = [model.generate({ ...long, signal: controller.signal }), model.generate(long)];
    await haveStopped(model, 2);
    controller.abort();
    await haveStopped(model, 1);
    const closing = model.close();
    const { finishReason } = await cancelled.result();
    expect(finishReason).toBe('cancelled');
    expect((await waiting.result()).tokens).toHaveLength(1500);
    await closing;
  });

  it('is ended by a close that does not wait', async () => {
    const model = roomy();
    const generation = model.generate(long);
    await haveStopped(model, 1);
    await model.close({ drain: false });
    await expect(generation.result()).rejects.toMatchObject({ code: 'shutting_down' });
  });
});
