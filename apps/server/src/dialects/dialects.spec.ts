import { ERROR_KINDS, StarlingError, type ErrorCode } from '@starling/core';
import { until } from '../../../../tools/jest/until.js';
import { givenKey } from '../access/given-keys.js';
import { KeyRing } from '../access/key-ring.js';
import { createApp } from '../app.js';
import { fakeModel, fakeParts, keysOf } from '../fake-parts.test-support.js';
import { errorReply } from '../serving/error-reply.js';
import { DIALECTS, dialectOf } from './all.js';

const codes = Object.keys(ERROR_KINDS) as ErrorCode[];

/** The text of an error in each API's shape. */
const MESSAGE_OF: Readonly<Record<string, (body: never) => unknown>> = {
  native: ({ error }: { error: { message: string } }) => error.message,
  openai: ({ error }: { error: { message: string } }) => error.message,
  anthropic: ({ type, error }: { type: string; error: { message: string } }) => type === 'error' && error.message,
  ollama: ({ error }: { error: string }) => error,
  'llama-server': ({ error }: { error: { message: string } }) => error.message,
};

describe.each(DIALECTS.map((dialect) => [dialect.name, dialect] as const))('the dialect %s', (name, dialect) => {
  it('has an error status and a word for each code', () => {
    for (const code of codes) {
      const { facts } = errorReply(new StarlingError(code, 'why'), dialect.errors, 'id');
      expect(facts.status).toBeGreaterThanOrEqual(400);
      expect(facts.status).toBeLessThan(600);
      expect(facts.type).toMatch(/^[a-z_]+$/);
    }
  });

  it('tells what may be tried again when', () => {
    for (const code of ['queue_full', 'rate_limited', 'shutting_down', 'kv_exhausted'] as const) {
      expect(
        errorReply(new StarlingError(code, 'why', { details: { retryAfterMs: 2100 } }), dialect.errors, 'id').headers,
      ).toEqual({ 'retry-after': '3' });
    }
    expect(
      errorReply(new StarlingError('out_of_memory', 'why', { details: { passes: false } }), dialect.errors, 'id')
        .headers,
    ).toEqual({});
    expect(
      errorReply(new StarlingError('model_not_loaded', 'why', { details: { state: 'loading' } }), dialect.errors, 'id'),
    ).toMatchObject({ facts: { status: 503 }, headers: { 'retry-after': '1' } });
  });

  it('writes a fault of ours without its cause', () => {
    const { facts, isFault } = errorReply(new TypeError('secret'), dialect.errors, 'id');
    expect(isFault).toBe(true);
    expect(facts.status).toBe(500);
    expect(JSON.stringify(dialect.errorBody(facts))).not.toContain('secret');
  });

  it('takes what a model cannot do for no fault of ours', () => {
    expect(errorReply(new StarlingError('not_supported', 'why'), dialect.errors, 'id').isFault).toBe(false);
  });

  it.each(dialect.endpoints.flatMap((endpoint) => endpoint.paths.map((path) => [endpoint.method, path] as const)))(
    'writes the errors of %s %s in its own shape',
    async (method, path) => {
      const app = createApp(fakeParts({ keys: keysOf('user', 'secret') }).parts);
      expect(dialectOf(path).name).toBe(name);
      const unauthorized = await app.request(path, { method });
      expect(unauthorized.status).toBe(401);
      expect(MESSAGE_OF[name]((await unauthorized.json()) as never)).toContain('API key');
      const wrongMethod = await app.request(path, { method: 'PATCH', headers: { 'x-api-key': 'secret' } });
      expect(wrongMethod.status).toBe(405);
      expect(wrongMethod.headers.get('allow')?.split(', ')).toContain(method);
      expect(MESSAGE_OF[name]((await wrongMethod.json()) as never)).toContain(path);
    },
  );

  it.each(
    dialect.endpoints.flatMap(({ method, body, paths }) =>
      body ? paths.map((path) => [method, path, body.type === 'array' ? '{}' : '[]'] as const) : [],
    ),
  )('refuses bodies of %s %s that are none, in its own shape', async (method, path, ofAnotherKind) => {
    const app = createApp(fakeParts().parts);
    const post = async (body: string, type = 'application/json') => {
      const response = await app.request(path, { method, headers: { 'content-type': type }, body });
      expect(typeof MESSAGE_OF[name]((await response.json()) as never)).toBe('string');
      return response.status;
    };
    expect(await post('{')).toBe(400);
    expect(await post(ofAnotherKind)).toBe(400);
    expect(await post('{"model": 7}')).toBe(400);
    expect(await post('{}', 'text/plain')).toBe(415);
    expect(await post(`{"model": "${'x'.repeat(20_000)}"}`)).toBe(413);
  });
});

const messages = [{ role: 'user', content: 'Hi' }];
const STREAMS: readonly (readonly [path: string, body: object, last: string])[] = [
  ['/v1/generate', { prompt: 'Hi' }, 'event: error\ndata: {"error":'],
  ['/v1/chat/completions', { messages }, 'data: {"error":'],
  ['/v1/completions', { prompt: 'Hi' }, 'data: {"error":'],
  ['/v1/messages', { messages, max_tokens: 4 }, 'event: error\ndata: {"type":"error"'],
  ['/api/chat', { messages }, '{"error":"a worker died"}'],
  ['/api/generate', { prompt: 'Hi' }, '{"error":"a worker died"}'],
  ['/completion', { prompt: 'Hi' }, 'data: {"error":'],
];

describe('a stream', () => {
  const post = (app: ReturnType<typeof createApp>, path: string, body: object) =>
    app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, stream: true }),
    });

  it.each(STREAMS)('of %s ends with an error in its API’s shape where it fails', async (path, body, last) => {
    const beforeToken = (index: number) =>
      index < 2 ? Promise.resolve() : Promise.reject(new StarlingError('worker_failed', 'a worker died'));
    const response = await post(createApp(fakeParts({ served: [fakeModel({ beforeToken })] }).parts), path, body);
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain('Hel');
    expect(
      text
        .trimEnd()
        .split(/\n\n|\n(?={)/)
        .at(-1),
    ).toContain(last);
  });

  it.each(STREAMS)('of %s has no ends of lines within its lines', async (path, body) => {
    const answer = ['one\u2028two', '\u2029three\u0085four'];
    const text = await (await post(createApp(fakeParts({ served: [fakeModel({ answer })] }).parts), path, body)).text();
    expect(text).not.toMatch(/[\u0085\u2028\u2029]/);
    const said = text
      .split('\n')
      .flatMap((line) => /^(?:data: )?({.*)$/.exec(line)?.[1] ?? [])
      .map((line) => JSON.stringify(JSON.parse(line)));
    for (const part of answer) expect(said.some((line) => line.includes(part))).toBe(true);
  });

  it.each(STREAMS)('of %s is counted: prompt, answer and who asked', async (path, body) => {
    const { parts, recorded } = fakeParts({ keys: keysOf('user', 'secret') });
    const response = await createApp(parts).request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'secret' },
      body: JSON.stringify({ ...body, stream: true }),
    });
    await response.text();
    await until(() => recorded.log.some((line) => line.text === 'request'));
    expect(recorded.log).toContainEqual(
      expect.objectContaining({
        text: 'request',
        facts: expect.objectContaining({
          key: 'secret',
          tenant: expect.stringMatching(/^[0-9a-f]{12}$/),
          model: 'fake',
          prompt_tokens: 3,
          cached_tokens: 0,
          completion_tokens: 3,
          finish: expect.any(String),
          queue_ms: 1,
          first_token_ms: 3.3,
        }),
      }),
    );
  });

  it.each(STREAMS.filter(([path]) => !path.startsWith('/api/')))(
    'of %s says at once that it was taken, by an event or a comment, before anything is known',
    async (path, body) => {
      const response = await post(
        createApp(fakeParts({ served: [fakeModel({ beforeToken: () => new Promise(() => undefined) })] }).parts),
        path,
        body,
      );
      const reader = response.body!.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toMatch(
        /^(: ping\n\n|data: .*"role":"assistant"|event: message_start\n)/,
      );
      await reader.cancel();
    },
  );
});

describe('an error about a field', () => {
  const post = async (path: string, body: object) => {
    const response = await createApp(
      fakeParts({
        served: [
          fakeModel({
            refuse: () =>
              new StarlingError('invalid_argument', 'maxTokens: too many', {
                details: { param: 'maxTokens', problem: 'too many' },
              }),
          }),
        ],
      }).parts,
    ).request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    return (await response.json()) as object;
  };

  it.each([
    ['/v1/generate', { prompt: 'Hi' }, 'max_tokens'],
    ['/v1/chat/completions', { messages }, 'max_tokens'],
    ['/completion', { prompt: 'Hi' }, 'n_predict'],
  ])('of %s has the name that the client knows', async (path, body, field) => {
    expect(await post(path, body)).toMatchObject({ error: { param: field, message: `${field}: too many` } });
  });

  it('names what the prompt was made of where that is too long', async () => {
    const refuse = () => new StarlingError('context_length_exceeded', 'too long');
    const app = createApp(fakeParts({ served: [fakeModel({ refuse })] }).parts);
    for (const [path, body, param] of [
      ['/v1/generate', { prompt: 'Hi' }, 'prompt'],
      ['/v1/chat/completions', { messages }, 'messages'],
    ] as const) {
      const response = await app.request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(await response.json()).toMatchObject({ error: { code: 'context_length_exceeded', param } });
    }
  });
});

describe('an error of OpenAI’s routes', () => {
  const ask = async (options: Parameters<typeof fakeParts>[0], headers: Record<string, string> = {}) => {
    const response = await createApp(fakeParts(options).parts).request('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ messages, model: 'nope' }),
    });
    return { status: response.status, ...((await response.json()) as { error: Record<string, unknown> }).error };
  };
  const failing = (code: ErrorCode, details = {}) => ({
    served: [fakeModel({ refuse: () => new StarlingError(code, 'why', { details }) })],
  });
  const limited = (limit: object) => ({
    keys: new KeyRing([
      () => [
        { ...givenKey('k', 'admin', 'k'), principal: { ...givenKey('k', 'admin', 'k').principal, limits: limit } },
      ],
    ]),
  });

  it.each<[Parameters<typeof fakeParts>[0], number, string, string | null, string]>([
    [{ keys: keysOf('user', 'secret') }, 401, 'invalid_api_key', null, 'invalid_request_error'],
    [{ served: [fakeModel(), fakeModel({ name: 'b' })] }, 404, 'model_not_found', 'model', 'invalid_request_error'],
    [failing('context_length_exceeded'), 400, 'context_length_exceeded', 'messages', 'invalid_request_error'],
    [
      failing('invalid_argument', { param: 'maxTokens' }),
      400,
      'invalid_request',
      'max_tokens',
      'invalid_request_error',
    ],
    [failing('queue_full'), 429, 'rate_limit_exceeded', null, 'rate_limit_error'],
    [limited({ requestsPerMinute: 0 }), 429, 'rate_limit_exceeded', null, 'requests'],
    [limited({ tokensPerMinute: 0 }), 429, 'rate_limit_exceeded', null, 'tokens'],
    [failing('kv_exhausted'), 503, 'server_error', null, 'server_error'],
    [failing('internal'), 500, 'server_error', null, 'server_error'],
  ])('has the words that its clients know (%#)', async (options, status, code, param, type) => {
    const error = await ask(options, 'served' in (options ?? {}) ? {} : { 'x-api-key': 'k' });
    expect(error).toEqual({ status, code, param, type, message: expect.any(String), request_id: expect.any(String) });
  });
});

describe('one of the models', () => {
  it('is told by its name, and is one entry of the list', async () => {
    const app = createApp(fakeParts().parts);
    const read = async (path: string) =>
      (await (await app.request(path)).json()) as Record<string, unknown> & { data: unknown[] };
    const list = await read('/v1/models');
    expect(list).toMatchObject({
      object: 'list',
      has_more: false,
      first_id: 'fake',
      last_id: 'fake',
      data: [
        { id: 'fake', object: 'model', type: 'model', display_name: 'fake', created_at: '2023-11-14T22:13:20.000Z' },
      ],
    });
    expect(await read('/v1/models/fake')).toEqual(list.data[0]);
    expect(await read('/v1/models/nope')).toMatchObject({
      error: { code: 'model_not_found', type: 'invalid_request_error', param: 'model' },
    });
  });
});

describe('what Anthropic’s API has and this server has not', () => {
  it.each([
    [{ mcp_servers: [{ type: 'url', url: 'https://a.b', name: 'x' }] }, 'mcp_servers'],
    [{ max_tokens: undefined }, '"max_tokens" is required'],
  ])('is refused by name: %j', async (more, said) => {
    const body = { max_tokens: 4, messages: [{ role: 'user', content: 'Hi' }], ...more };
    const response = await createApp(fakeParts().parts).request('/v1/messages', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toContain(said);
    expect(error.message).not.toContain(': "max_tokens"');
  });
});

describe('what a model may be called', () => {
  it.each([' ', 'a ', 'a\u001b[31mb', 'a\nb', '\0', '\u202ex', '\ud800'])('is not %j', async (name) => {
    const response = await createApp(fakeParts().parts).request('/v1/models/load', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'a.gguf', name }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'invalid_request', param: 'name', message: expect.stringContaining('printable') },
    });
  });
});
