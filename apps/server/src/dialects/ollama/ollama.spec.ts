import type { Generation, TokenLogprobs } from '@starling/engine';
import { createApp } from '../../app.js';
import { byteTokenizer, fakeModel, fakeParts } from '../../fake-parts.test-support.js';
import type { ServedModel } from '../../parts.js';
import { truncated, truncatedTokens } from './truncation.js';

const messages = [{ role: 'user', content: 'Hi' }];

function setUp(own: Partial<ServedModel> = {}) {
  const model = { ...fakeModel(), ...own };
  const app = createApp(fakeParts({ served: [model] }).parts);
  const post = (path: string, body: object) =>
    app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const tags = async () => (await (await app.request('/api/tags')).json()) as object;
  return {
    model,
    post,
    tags,
    ask: async (path: string, body: object) =>
      (await (await post(path, { stream: false, ...body })).json()) as Record<string, unknown>,
  };
}

/** A model whose tokens have probabilities; the second shows no text of its own. */
function withLogprobs(): Partial<ServedModel> {
  const { generate } = fakeModel({ answer: ['Hel', '', 'lo'] });
  const entryOf = (id: number): TokenLogprobs => ({
    id,
    text: `t${id}`,
    bytes: Uint8Array.of(id),
    logprob: -id,
    rank: 0,
    top: [{ id, text: `t${id}`, bytes: Uint8Array.of(id), logprob: -Infinity }],
  });
  return {
    async generate(request): Promise<Generation> {
      const generation = await generate(request);
      async function* parts() {
        for await (const part of generation)
          yield part.kind === 'token' && request.logprobs !== undefined
            ? { ...part, logprobs: entryOf(part.id) }
            : part;
      }
      return { ...generation, [Symbol.asyncIterator]: parts };
    },
  };
}

describe('an empty request', () => {
  it.each([
    [0, 'unload'],
    ['0', 'unload'],
    ['0s', 'unload'],
    ['0h0m0.0s', 'unload'],
    [undefined, 'load'],
    [5, 'load'],
    ['10m', 'load'],
    [-1, 'load'],
  ])('with keep_alive %j ends by %s', async (keepAlive, reason) => {
    const { ask, model } = setUp();
    for (const [path, body] of [
      ['/api/chat', { messages: [] }],
      ['/api/generate', { prompt: '' }],
    ] as const)
      expect(await ask(path, { ...body, keep_alive: keepAlive })).toMatchObject({ done: true, done_reason: reason });
    expect(model.requests).toEqual([]);
  });
});

describe('how long it took', () => {
  /** An app whose clock the test turns: a model that has to be loaded takes so long. */
  function timed(loadMs: number) {
    let now = 1000;
    const { parts } = fakeParts({
      served: [fakeModel({ beforeToken: () => Promise.resolve(void (now += 10)) })],
      clock: () => now,
      presence: {
        ...fakeParts().parts.presence,
        hold: () => Promise.resolve(void (now += loadMs)).then(() => ({ release: () => undefined })),
      },
    });
    const app = createApp(parts);
    return async (path: string, body: object) => {
      const text = await (
        await app.request(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).text();
      return JSON.parse(text.trim().split('\n').at(-1)!) as object;
    };
  }

  it.each([[700], [0]])('tells the time that loading took: %d ms', async (loadMs) => {
    const ask = timed(loadMs);
    const load = loadMs * 1e6;
    for (const stream of [true, false])
      expect(await ask('/api/chat', { messages, stream })).toMatchObject({
        load_duration: load,
        total_duration: load + 30e6,
        eval_duration: 4e6,
      });
    expect(await ask('/api/generate', { prompt: 'Hi', stream: false })).toMatchObject({
      load_duration: load,
      total_duration: load + 30e6,
    });
    expect(await ask('/api/embed', { input: 'a' })).toMatchObject({ load_duration: load, total_duration: load });
  });
});

describe('vectors of nothing', () => {
  it.each([
    ['/api/embed', { input: [] }, { embeddings: [] }],
    ['/api/embed', { input: '' }, { embeddings: [] }],
    ['/api/embed', {}, { embeddings: [] }],
    ['/api/embeddings', { prompt: '' }, { embedding: [] }],
  ])('are none: %s %j', async (path, body, answer) => {
    expect(await setUp().ask(path, body)).toMatchObject(answer);
  });
});

describe('how a model shall think', () => {
  it.each(['xx', 'none', 5, []])('is not %j', async (think) => {
    const { post, model } = setUp();
    const response = await post('/api/chat', { messages, think });
    expect([response.status, await response.json()]).toEqual([400, { error: expect.stringContaining('"think"') }]);
    expect(model.requests).toEqual([]);
  });
});

describe('what is told of a model', () => {
  it('is its template, and how it chooses tokens', async () => {
    const { ask } = setUp({ chatTemplate: '{{ messages }}', samplerDefaults: { temperature: 0.6, topK: 20 } });
    expect(await ask('/api/show', { model: 'fake:latest' })).toMatchObject({
      template: '{{ messages }}',
      parameters: `${'temperature'.padEnd(30)} 0.6\n${'top_k'.padEnd(30)} 20`,
      modelfile:
        'FROM /models/fake.gguf\nTEMPLATE """{{ messages }}"""\nPARAMETER temperature 0.6\nPARAMETER top_k 20\n',
      modified_at: '2023-11-14T22:13:20.000Z',
    });
  });

  it('is nothing of one that is not there, also where one alone is served', async () => {
    const { post } = setUp();
    const response = await post('/api/show', { model: 'other' });
    expect([response.status, await response.json()]).toEqual([404, { error: expect.stringContaining('other') }]);
  });
});

describe('log-probabilities', () => {
  const written = (id: number) => ({
    token: `t${id}`,
    logprob: expect.anything() as unknown,
    bytes: [id],
    top_logprobs: [{ token: `t${id}`, logprob: -9999, bytes: [id] }],
  });

  it.each([
    ['/api/chat', { messages }],
    ['/api/generate', { prompt: 'Hi' }],
    ['/api/generate', { prompt: 'Hi', raw: true }],
  ])('of %s %j come whole, and with their lines', async (path, body) => {
    const { ask, post, model } = setUp(withLogprobs());
    expect((await ask(path, { ...body, logprobs: true, top_logprobs: 1 })).logprobs).toEqual([0, 1, 2].map(written));
    const lines = (await (await post(path, { ...body, logprobs: true })).text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { logprobs?: unknown[]; done: boolean });
    expect(lines.flatMap((line) => line.logprobs ?? [])).toEqual([0, 1, 2].map(written));
    expect(lines.at(-1)).not.toHaveProperty('logprobs');
    expect(await ask(path, body)).not.toHaveProperty('logprobs');
    expect(model.defaults).toEqual({});
  });

  it('of alternatives need those of the tokens', async () => {
    const { post } = setUp();
    expect((await post('/api/chat', { messages, top_logprobs: 2 })).status).toBe(400);
  });
});

describe('what does not fit the context', () => {
  /** Each message is as many tokens as it has characters. */
  const model = (sequenceLimit: number): ServedModel => {
    const base = fakeModel();
    return {
      ...base,
      info: { ...base.info, sequenceLimit, causal: true },
      countTokens: ({ messages: all = [] }) =>
        Promise.resolve(all.reduce((sum, { content }) => sum + (content?.length ?? 0), 0)),
    };
  };
  const said = (role: string, length: number) => ({ role, content: role[0].repeat(length) });
  const lengths = async (sequenceLimit: number, ...all: { role: string; content: string }[]) =>
    (await truncated({ messages: all }, model(sequenceLimit))).messages.map(
      ({ role, content }) => `${role} ${content?.length}`,
    );

  it('loses its oldest messages, but the system’s and the last one', async () => {
    const all = [said('system', 10), said('user', 30), said('assistant', 30), said('user', 20)];
    expect(await lengths(100, ...all)).toEqual(['system 10', 'user 30', 'assistant 30', 'user 20']);
    expect(await lengths(90, ...all)).toEqual(['system 10', 'assistant 30', 'user 20']);
    expect(await lengths(60, ...all)).toEqual(['system 10', 'user 20']);
    expect(await lengths(5, ...all)).toEqual(['system 10', 'user 20']);
  });

  it('stays whole where the request says so', async () => {
    const long = Array.from({ length: 9 }, () => ({ role: 'user', content: 'x'.repeat(20) }));
    const { post, model: served } = setUp(model(64));
    await post('/api/chat', { messages: long });
    await post('/api/chat', { messages: long, truncate: false });
    expect(served.requests.map(({ messages: all = [] }) => all.length)).toEqual([3, 9]);
  });

  it('is cut in texts for vectors', async () => {
    expect(await truncatedTokens('abcdef', model(4))).toEqual([0, 97, 98, 102]);
    expect([...Uint32Array.from(await truncatedTokens('abc', model(4)))]).toEqual([0, 97, 98, 99]);
  });

  it('is not moved on under an answer', async () => {
    const { post } = setUp();
    expect((await post('/api/chat', { messages, shift: true })).status).toBe(400);
    expect((await post('/api/chat', { messages, shift: false, stream: false })).status).toBe(200);
  });
});

const withInsert = (): Partial<ServedModel> => ({
  tokenizer: {
    ...byteTokenizer,
    special: { ...byteTokenizer.special, fimPrefix: 201, fimSuffix: 202, fimMiddle: 203 },
  },
});

describe('what stands behind a place that is filled in', () => {
  it('is told to models that know such places', async () => {
    const { post, model } = setUp(withInsert());
    expect((await post('/api/generate', { prompt: 'a', suffix: 'b', stream: false })).status).toBe(200);
    expect((await post('/v1/completions', { prompt: 'a', suffix: 'b' })).status).toBe(200);
    expect(model.requests.map(({ tokens }) => tokens)).toEqual([
      [0, 201, 97, 202, 98, 203],
      [0, 201, 97, 202, 98, 203],
    ]);
    for (const body of [{ prompt: 'a', echo: true }, { prompt: [97] }])
      expect((await post('/v1/completions', { ...body, suffix: 'b' })).status).toBe(400);
  });

  it('is refused for others', async () => {
    const { post } = setUp();
    for (const path of ['/api/generate', '/v1/completions'])
      expect((await post(path, { prompt: 'a', suffix: 'b', stream: false })).status).toBe(400);
  });
});

describe('what a model can do', () => {
  const chat = fakeModel();
  const infoOf = (own: object) => ({ ...chat.info, hasLogits: true, ...own });
  it.each<[string, Partial<ServedModel>, string[]]>([
    ['any that answers', { info: infoOf({}) }, ['completion', 'tools']],
    [
      'one that reasons',
      { info: infoOf({}), answerParser: { ...chat.answerParser, readsReasoning: true } },
      ['completion', 'tools', 'thinking'],
    ],
    ['one for code', { info: infoOf({}), ...withInsert() }, ['completion', 'tools', 'insert']],
    [
      'one for vectors that has a vocabulary to answer with',
      { info: infoOf({ pooling: 'last' }) },
      ['completion', 'tools', 'embedding'],
    ],
    ['one for vectors', { info: infoOf({ hasLogits: false }) }, ['embedding']],
    ['one for scores', { info: infoOf({ hasLogits: false, pooling: 'rank' }) }, []],
  ])('is told of %s', async (_, own, capabilities) => {
    const { ask, tags } = setUp(own);
    expect(await ask('/api/show', { model: 'fake' })).toMatchObject({ capabilities });
    expect(await tags()).toMatchObject({ models: [{ capabilities }] });
  });
});

describe('bodies as `curl -d` sends them', () => {
  const send = (path: string, headers: Record<string, string>) =>
    createApp(fakeParts().parts).request(path, {
      method: 'POST',
      headers,
      body: new TextEncoder().encode(JSON.stringify({ messages, stream: false })),
    });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it('are taken without a type, but from no page and on no other route', async () => {
    expect((await send('/api/chat', form)).status).toBe(200);
    expect((await send('/api/chat', {})).status).toBe(200);
    expect((await send('/api/chat', { ...form, origin: 'http://localhost' })).status).toBe(415);
    expect((await send('/api/chat', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await send('/v1/chat/completions', form)).status).toBe(415);
  });
});
