import { StarlingError } from '@starling/core';
import type { GeneratePart, Generation } from '@starling/engine';
import { createApp } from '../../app.js';
import { byteTokenizer, fakeModel, fakeParts, keysOf, type FakeModelOptions } from '../../fake-parts.test-support.js';
import type { AppParts, ServedModel } from '../../parts.js';
import { infillTokens } from '../infill-tokens.js';
import { withinTime } from './time-limits.js';

type Body = Record<string, never> & {
  readonly error?: { readonly code: number; readonly type: string; readonly message: string; readonly param?: string };
};

function setUp(
  options: FakeModelOptions & { readonly model?: Partial<ServedModel>; readonly parts?: Partial<AppParts> } = {},
) {
  const model = { ...fakeModel(options), ...options.model };
  const app = createApp(fakeParts({ served: [model], ...options.parts }).parts);
  const post = async (path: string, body: unknown) =>
    app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return {
    app,
    model,
    post,
    ask: async (path: string, body: unknown) => (await (await post(path, body)).json()) as Body,
    get: async (path: string) => (await (await app.request(path)).json()) as Body,
  };
}

describe('a body of /completion', () => {
  it('has the fields that were asked for, by their paths', async () => {
    const { ask } = setUp();
    expect(
      await ask('/completion', {
        prompt: 'hi',
        n_predict: 2,
        response_fields: ['content', 'generation_settings/n_predict', 'no/such/field'],
      }),
    ).toEqual({ content: 'Hello', 'generation_settings/n_predict': 2 });
    expect(Object.keys(await ask('/completion', { prompt: 'hi', response_fields: [] }))).toContain(
      'generation_settings',
    );
  });

  it('tells all parameters as they were taken: a request’s, then the operator’s, then the sampler’s', async () => {
    const tokenizer = { ...byteTokenizer, special: { ...byteTokenizer.special, endOfGeneration: new Set([2, 3]) } };
    const { ask } = setUp({
      model: { tokenizer, samplerDefaults: { temperature: 0.5, seed: 9 }, defaults: { maxTokens: 7 } },
    });
    expect(
      (await ask('/completion', { prompt: 'hi', top_k: 3, logit_bias: { a: -1, 66: false }, ignore_eos: true }))
        .generation_settings,
    ).toMatchObject({
      temperature: 0.5,
      seed: 9,
      top_k: 3,
      top_p: 0.95,
      n_predict: 7,
      adaptive_target: -1,
      logit_bias: [
        { token: 66, bias: null },
        { token: 97, bias: -1 },
        { token: 2, bias: null },
        { token: 3, bias: null },
      ],
    });
    expect(
      (await ask('/completion', { prompt: 'hi', samplers: ['temp', 'typical_p', 'topK'] })).generation_settings,
    ).toMatchObject({ samplers: ['temperature', 'typ_p', 'top_k'] });
    expect((await ask('/completion', { prompt: 'hi', seed: -1, n_predict: -1 })).generation_settings).toMatchObject({
      seed: 2 ** 32 - 1,
      n_predict: -1,
      logit_bias: [],
    });
  });

  it('takes texts in objects, and asks the engine for what was drawn from and for progress', async () => {
    const { post, model } = setUp();
    await post('/completion', {
      prompt: [{ prompt_string: 'a' }, 'b'],
      n_probs: 2,
      post_sampling_probs: true,
      timings_per_token: true,
      n_predict: -1,
      cache_prompt: false,
    });
    expect(model.requests).toMatchObject([
      { prompt: 'a', candidates: 2, progress: true, maxTokens: Infinity, cachePrompt: false },
      { prompt: 'b' },
    ]);
    expect(model.requests[0].logprobs).toBeUndefined();
  });
});

describe('the least indentation of lines', () => {
  it.each([
    [['a(\n', '  b', '\n c', '\n'], 'a(\n  b\n '],
    [['  a\n  b\n', '\n  c'], '  a\n  b\n'],
    [['a\n\t b\n  ', '  c'], 'a\n\t b\n    c'],
  ])('of %j leaves %j, streamed or not', async (answer, left) => {
    const { ask, post } = setUp({ answer });
    const isCut = left !== answer.join('');
    const body = { prompt: 'hi', n_indent: 2 };
    const whole = await ask('/completion', body);
    expect(whole).toMatchObject({ content: left, ...(isCut && { stop_type: 'limit' }) });
    const events = (await (await post('/completion', { ...body, stream: true })).text())
      .split('\n\n')
      .filter((event) => event.startsWith('data: '));
    expect(
      events.map((event) => (JSON.parse(event.slice('data: '.length)) as { content: string }).content).join(''),
    ).toBe(left);
  });
});

describe('time limits', () => {
  const done = {
    kind: 'done',
    stopReason: { kind: 'cancelled' },
    finishReason: 'cancelled',
  } as unknown as GeneratePart;
  function generationOf(texts: readonly string[], { waits = false } = {}) {
    let cancelled = (): void => undefined;
    const cancellation = new Promise<void>((resolve) => (cancelled = resolve));
    let isCancelled = false;
    async function* parts(): AsyncGenerator<GeneratePart> {
      if (waits) await cancellation;
      for (const [index, text] of texts.entries())
        if (!isCancelled) yield { kind: 'token', sample: 0, index, id: index, text };
      yield done;
    }
    return {
      [Symbol.asyncIterator]: parts,
      cancel: () => (cancelled(), void (isCancelled = true)),
    } as unknown as Generation;
  }
  const read = async (parts: AsyncIterable<GeneratePart>) => {
    const all: unknown[] = [];
    for await (const part of parts)
      all.push(part.kind === 'token' ? part.text : part.kind === 'done' ? part.stopReason.kind : part.kind);
    return all;
  };

  it('cut an answer after the line that is written when they have passed', async () => {
    let now = 0;
    const clock = () => (now += 10);
    expect(await read(withinTime(generationOf(['a', 'b\n', 'c', 'd\n', 'e']), { predictMs: 25 }, clock))).toEqual([
      'a',
      'b\n',
      'c',
      'd\n',
      'deadline',
    ]);
    expect(await read(withinTime(generationOf(['a', 'b\n']), { predictMs: 1000 }, clock))).toEqual([
      'a',
      'b\n',
      'cancelled',
    ]);
  });

  it('end a prompt that takes too long', async () => {
    await expect(read(withinTime(generationOf(['a'], { waits: true }), { promptMs: 1 }))).rejects.toMatchObject({
      code: 'deadline_exceeded',
      details: { param: 't_max_prompt_ms' },
    });
  });
});

describe('/infill', () => {
  const special = { ...byteTokenizer.special, fimPrefix: 201, fimSuffix: 202, fimMiddle: 203, fimSeparator: 204 };
  const modelOf = (sequenceLimit: number, own: object = special) => ({
    encode: fakeModel().encode,
    tokenizer: { ...byteTokenizer, special: own as typeof special },
    info: { ...fakeModel().info, sequenceLimit },
    defaults: {},
  });
  const text = (tokens: number[]) => tokens.map((id) => (id > 200 ? `<${id}>` : String.fromCharCode(id))).join('');

  it('writes what is before and behind, and other files first', async () => {
    expect(
      text(await infillTokens({ input_prefix: 'before', input_suffix: 'behind', prompt: 'be' }, modelOf(1000))),
    ).toBe('\0<201>before<202>behind<203>be');
    expect(
      text(
        await infillTokens(
          { input_prefix: 'a', input_suffix: 'b', input_extra: [{ text: 'x', filename: 'f.c' }, { text: 'y' }] },
          modelOf(1000),
        ),
      ),
    ).toBe('\0<204>f.c\nx<204>tmp\ny<204>filename\n<201>a<202>b<203>');
  });

  it('leaves long texts to where they are tokenized beside others, as prompts of texts and ids do', async () => {
    const tokenizer = {
      ...byteTokenizer,
      special,
      encode: (): never => {
        throw new TypeError('on the thread that serves');
      },
    };
    const { ask, post, model } = setUp({
      model: { tokenizer },
      parts: { limits: { maxBodyBytes: 1 << 20, heartbeatMs: 15_000, stallMs: 300_000 } },
    });
    await ask('/infill', {
      input_prefix: 'a',
      input_suffix: 'b',
      input_extra: [{ text: 'x'.repeat(20), filename: 'f.c' }],
    });
    await ask('/v1/completions', { prompt: 'a', suffix: 'b' });
    await ask('/completion', { prompt: [[1, 'ab', 2]] });
    expect(model.requests.map(({ tokens }) => tokens && text(Array.from(tokens)))).toEqual([
      `\0<204>f.c\n${'x'.repeat(20)}<204>filename\n<201>a<202>b<203>`,
      '\0<201>a<202>b<203>',
      '\x01ab\x02',
    ]);
    for (const logit_bias of [[['x'.repeat(1 << 16), 1]], { ['x'.repeat(1 << 16)]: 1 }])
      expect((await post('/completion', { prompt: 'a', logit_bias })).status).toBe(400);
  });

  it('leaves out what is farthest where the context is too short', async () => {
    const tokens = await infillTokens(
      {
        input_prefix: 'a'.repeat(100) + 'P',
        input_suffix: 'S' + 'b'.repeat(100),
        n_predict: 8,
        input_extra: [{ text: 'x'.repeat(50) }],
      },
      modelOf(53),
    );
    expect(tokens).toHaveLength(53 - 8 - 1);
    expect(text(tokens)).toMatch(/^\0<201>a+P<202>Sb+<203>$/);
  });

  it('is refused for a vocabulary that has no tokens for it, and for files without a text', async () => {
    const { post } = setUp();
    expect((await post('/infill', { input_prefix: 'a', input_suffix: 'b' })).status).toBe(501);
    for (const file of [{}, { filename: 'a' }, { filename: 1, text: 'b' }])
      expect((await post('/infill', { input_prefix: 'a', input_suffix: 'b', input_extra: [file] })).status).toBe(400);
  });
});

describe('vectors and ranks', () => {
  it('come as a list for each input', async () => {
    const { ask } = setUp();
    for (const path of ['/embedding', '/embeddings'])
      expect(await ask(path, { content: ['a', 'b'] })).toEqual([
        { index: 0, embedding: [[0, 1]] },
        { index: 1, embedding: [[1, 1]] },
      ]);
    expect((await ask('/embedding', {})).error?.param).toBe('content');
    expect(await ask('/embedding', { content: ['a', 'b'], embd_normalize: 1 })).toEqual([
      { index: 0, embedding: [[0, 1]] },
      { index: 1, embedding: [[0.5, 0.5]] },
    ]);
    expect(await ask('/v1/embeddings', { input: ['a', 'b'], embd_normalize: 0 })).toMatchObject({
      data: [{ embedding: [0, 32760] }, { embedding: [32760, 32760] }],
    });
  });

  it('are scaled as the operator says where a request does not', async () => {
    const { ask } = setUp({ model: { defaults: { embdNormalize: 1 } } });
    expect(await ask('/v1/embeddings', { input: ['a', 'b'] })).toMatchObject({
      data: [{ embedding: [0, 1] }, { embedding: [0.5, 0.5] }],
    });
  });

  it('are not made by a model that gives a score', async () => {
    const { post, ask } = setUp({ model: { defaults: { pooling: 'rank' } } });
    for (const [path, body] of [
      ['/v1/embeddings', { input: 'a' }],
      ['/api/embed', { input: 'a' }],
      ['/api/embeddings', { prompt: 'a' }],
    ] as const)
      expect((await post(path, body)).status).toBe(501);
    expect((await ask('/v1/embeddings', { input: 'a' })).error?.message).toContain('/v1/rerank');
  });

  it('come in the order of the scores, as Jina and as TEI write them', async () => {
    const { ask } = setUp();
    for (const path of ['/rerank', '/v1/reranking']) {
      expect(await ask(path, { query: 'q', documents: ['a', 'bb', 'ccc'], top_n: 2 })).toMatchObject({
        results: [
          { index: 2, relevance_score: 3 },
          { index: 1, relevance_score: 2 },
        ],
        usage: { prompt_tokens: 3 },
      });
    }
    expect(await ask('/rerank', { query: 'q', texts: ['a', 'bb'], return_text: true })).toEqual([
      { index: 1, score: 2, text: 'bb' },
      { index: 0, score: 1, text: 'a' },
    ]);
    const rerank = (): Promise<never> => Promise.reject(new StarlingError('not_supported', 'it ranks nothing'));
    expect((await setUp({ model: { rerank } }).post('/rerank', { query: 'q', documents: ['a'] })).status).toBe(501);
  });
});

describe('what is told of the server', () => {
  it('are the models, as OpenAI’s clients and as llama-server’s read them, under both addresses', async () => {
    const { get } = setUp({ model: { aliases: ['fake', 'other'], tags: ['small'] } });
    for (const path of ['/models', '/v1/models']) {
      expect(await get(path)).toMatchObject({
        object: 'list',
        data: [{ id: 'fake', aliases: ['fake', 'other'], tags: ['small'], meta: { n_vocab: 256, n_ctx: 64 } }],
        models: [{ name: 'fake', model: 'fake', type: 'model' }],
      });
    }
  });

  it('are defaults and closed routes', async () => {
    const features = {
      slots: false,
      props: false,
      metrics: false,
      openMetrics: false,
      browserEngine: false,
      downloads: true,
      predict: false,
      verbose: false,
    };
    const { get, app } = setUp({
      parts: {
        features,
        presence: {
          settled: () => Promise.resolve(),
          isWarm: () => true,
          isSleeping: () => true,
          refresh: () => Promise.resolve(),
          letGo: () => undefined,
        },
      },
    });
    expect(await get('/props')).toMatchObject({
      default_generation_settings: {
        params: { temperature: 0.8, seed: 2 ** 32 - 1, 'speculative.types': 'ngram-simple' },
        n_ctx: 64,
      },
      endpoint_slots: false,
      is_sleeping: true,
    });
    for (const path of ['/slots', '/metrics']) expect((await app.request(path)).status).toBe(501);
  });

  it('is whether slots draft', async () => {
    const info = { ...fakeModel().info, draftTokens: 0 };
    expect(await setUp().get('/slots')).toMatchObject([{ speculative: true }, { speculative: true }]);
    expect(await setUp({ model: { info } }).get('/slots')).toMatchObject([
      { speculative: false },
      { speculative: false },
    ]);
  });

  it('is what runs: that of others for those alone who run the server', async () => {
    const busy = async (role: 'user' | 'admin') => {
      const keys = keysOf(role, 'key');
      const { app } = setUp({
        model: {
          statistics: () => ({
            ...fakeModel().statistics(),
            running: 1,
            tenants: [{ tenant: 'somebody', weight: 1, queued: 0, running: 1, servedMs: 0 }],
          }),
        },
        parts: { keys },
      });
      const slots = (await (await app.request('/slots', { headers: { 'x-api-key': 'key' } })).json()) as {
        is_processing: boolean;
      }[];
      return slots.map((slot) => slot.is_processing);
    };
    expect([await busy('user'), await busy('admin')]).toEqual([
      [false, false],
      [true, false],
    ]);
  });

  it('is why a prompt is too long, in figures', async () => {
    const refuse = () =>
      new StarlingError('context_length_exceeded', 'too long', { details: { promptTokens: 70, limit: 64 } });
    const { ask } = setUp({ refuse });
    const error = {
      code: 400,
      type: 'exceed_context_size_error',
      n_prompt_tokens: 70,
      n_ctx: 64,
      message: expect.stringContaining('exceeds the available context size'),
    };
    expect((await ask('/completion', { prompt: 'a' })).error).toMatchObject(error);
    expect((await ask('/chat/completions', { messages: [{ role: 'user', content: 'a' }] })).error).toMatchObject(error);
  });
});

describe('conversations', () => {
  it('are counted without an answer', async () => {
    const { ask, model } = setUp();
    expect(
      await ask('/chat/completions/input_tokens', {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'user', content: 'b' },
        ],
      }),
    ).toEqual({ input_tokens: 2 });
    expect(model.requests).toEqual([]);
  });

  it('come several at once from Vertex AI', async () => {
    const instance = { '@requestFormat': 'chatCompletions', messages: [{ role: 'user', content: 'a' }] };
    expect(await setUp().ask('/predict', { instances: [instance, instance] })).toMatchObject({
      predictions: [{ choices: [{ message: { content: 'Hello!' } }] }, { choices: [{}] }],
    });
    expect((await setUp().ask('/predict', { instances: [{ messages: [] }] })).error?.param).toBe(
      'instances[0].@requestFormat',
    );
    const features = {
      slots: true,
      props: true,
      metrics: true,
      openMetrics: false,
      browserEngine: false,
      downloads: true,
      predict: false,
      verbose: false,
    };
    expect((await setUp({ parts: { features } }).post('/predict', { instances: [instance] })).status).toBe(501);
  });
});
