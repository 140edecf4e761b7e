import { createApp } from './app.js';
import { fakeModel, fakeParts, keysOf } from './fake-parts.test-support.js';

const json = (body: unknown, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

async function errorOf(response: Response): Promise<Record<string, string>> {
  const body = (await response.json()) as { error: Record<string, string> };
  expect(Object.keys(body)).toEqual(['error']);
  expect(body.error.request_id).toBe(response.headers.get('x-request-id'));
  return body.error;
}

describe('request ids', () => {
  it('are the client’s own where they are sane, else new ones', async () => {
    const app = createApp(fakeParts().parts);
    const idFor = async (sent?: string) =>
      (await app.request('/health', sent === undefined ? {} : { headers: { 'x-request-id': sent } })).headers.get(
        'x-request-id',
      );
    expect(await idFor('trace/42:a=b')).toBe('trace/42:a=b');
    expect(await idFor()).toMatch(/^[0-9a-f-]{36}$/);
    for (const insane of ['a b', '<script>', 'x'.repeat(200), '"'])
      expect(await idFor(insane)).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('what no route takes', () => {
  it('answers 404 in the one shape', async () => {
    const response = await createApp(fakeParts().parts).request('/nowhere');
    expect(response.status).toBe(404);
    expect(await errorOf(response)).toMatchObject({
      code: 'not_found',
      type: 'invalid_request_error',
      message: expect.stringContaining('/nowhere'),
    });
  });

  it('answers 405 with Allow where the path takes another method', async () => {
    const app = createApp(fakeParts().parts);
    const response = await app.request('/v1/generate', { method: 'GET' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST, OPTIONS');
    expect((await errorOf(response)).code).toBe('method_not_allowed');
    expect((await app.request('/health', { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });
});

describe('OPTIONS and HEAD', () => {
  const app = createApp(fakeParts({ keys: keysOf('user', 'k') }).parts);

  it.each([
    ['/v1/generate', 'POST, OPTIONS'],
    ['/v1/models', 'GET, HEAD, OPTIONS'],
    ['/v1/responses/resp_1', 'GET, DELETE, HEAD, OPTIONS'],
    ['/', 'GET, HEAD, OPTIONS'],
  ])('OPTIONS of %s tells what it takes, to all', async (path, allow) => {
    const response = await app.request(path, { method: 'OPTIONS' });
    expect([response.status, response.headers.get('allow'), await response.text()]).toEqual([204, allow, '']);
  });

  it('OPTIONS of what is not there is 404', async () => {
    expect((await app.request('/nowhere', { method: 'OPTIONS' })).status).toBe(404);
  });

  it('HEAD has the status and the headers of GET, and no body', async () => {
    for (const path of ['/', '/health', '/v1/models', '/nowhere']) {
      const init = { headers: { 'x-api-key': 'k' } };
      const [get, head] = [await app.request(path, init), await app.request(path, { ...init, method: 'HEAD' })];
      expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([
        get.status,
        get.headers.get('content-type'),
        '',
      ]);
    }
    expect((await app.request('/v1/generate', { method: 'HEAD', headers: { 'x-api-key': 'k' } })).status).toBe(405);
  });
});

describe('bodies', () => {
  const post = (init: RequestInit) => createApp(fakeParts().parts).request('/v1/tokenize', init);

  it.each([
    ['{"text": ', 400, 'invalid_json'],
    ['', 400, 'invalid_json'],
    ['[1]', 400, 'invalid_request'],
    ['"text"', 400, 'invalid_request'],
  ])('refuses %j with %d %s', async (body, status, code) => {
    const response = await post(json(body));
    expect(response.status).toBe(status);
    expect((await errorOf(response)).code).toBe(code);
  });

  it('refuses bytes that are not UTF-8', async () => {
    const response = await post({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Uint8Array.of(0x7b, 0xff, 0x7d),
    });
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_json', message: expect.stringContaining('UTF-8') });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1'])(
    'refuses content-type %s with 415',
    async (type) => {
      const response = await post(json({ text: 'a' }, { 'content-type': type }));
      expect(response.status).toBe(415);
      expect((await errorOf(response)).code).toBe('unsupported_media_type');
    },
  );

  it('refuses a compressed body with 415', async () => {
    expect((await post(json({ text: 'a' }, { 'content-encoding': 'gzip' }))).status).toBe(415);
  });

  it('takes JSON types with a charset or a suffix', async () => {
    for (const type of ['application/json; charset=UTF-8', 'Application/JSON', 'application/vnd.x+json']) {
      expect((await post(json({ text: 'a' }, { 'content-type': type }))).status).toBe(200);
    }
  });

  it('refuses what is larger than the limit, told or found out', async () => {
    const told = await post(json({ text: 'x'.repeat(20_000) }, { 'content-length': '20011' }));
    expect(told.status).toBe(413);
    expect(await errorOf(told)).toMatchObject({ code: 'request_too_large', message: expect.stringContaining('10000') });
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(4096)) });
    const found = await post({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    } as RequestInit);
    expect(found.status).toBe(413);
  });
});

describe('API keys', () => {
  const app = createApp(fakeParts({ keys: keysOf('user', 'first-key', 'second-key') }).parts);
  const status = async (path: string, headers: Record<string, string>) => (await app.request(path, { headers })).status;

  it('are asked for on the API and the metrics, not on the page and the probes', async () => {
    expect(await status('/v1/models', {})).toBe(401);
    expect(await status('/metrics', {})).toBe(401);
    for (const open of ['/', '/health', '/ready']) expect(await status(open, {})).toBe(200);
  });

  it('pass as bearer token or X-Api-Key, whole and exact', async () => {
    expect(await status('/v1/models', { authorization: 'Bearer first-key' })).toBe(200);
    expect(await status('/v1/models', { 'x-api-key': 'second-key' })).toBe(200);
    for (const wrong of ['first-ke', 'first-keyy', 'FIRST-KEY', ''])
      expect(await status('/v1/models', { 'x-api-key': wrong })).toBe(401);
  });

  it('answer 401 in the one shape, with the scheme', async () => {
    const response = await app.request('/v1/generate', json({ prompt: 'a' }));
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await errorOf(response)).toMatchObject({ code: 'unauthorized', type: 'authentication_error' });
  });
});

describe('a server that is going to stop', () => {
  it('refuses new work with 503 and Retry-After, lives and is not ready', async () => {
    const app = createApp(fakeParts({ isAccepting: () => false, isStopping: () => true }).parts);
    const response = await app.request('/v1/generate', json({ prompt: 'a' }));
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect((await errorOf(response)).code).toBe('shutting_down');
    expect((await app.request('/health')).status).toBe(200);
    expect((await app.request('/ready')).status).toBe(503);
  });
});

describe('readiness', () => {
  it('tells its checks', async () => {
    const response = await createApp(fakeParts().parts).request('/ready');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: 'ready',
      checks: { model: { ok: true }, queue: { ok: true }, accepting: { ok: true } },
    });
  });

  it('is false without a model and while no queue takes requests', async () => {
    const statusWith = async (served: ReturnType<typeof fakeModel>[]) =>
      (await createApp(fakeParts({ served }).parts).request('/ready')).status;
    expect(await statusWith([])).toBe(503);
    expect(await statusWith([fakeModel({ queued: 8 })])).toBe(503);
    expect(await statusWith([fakeModel({ queued: 8 }), fakeModel({ name: 'other' })])).toBe(200);
  });

  it.each([
    ['loading', 200],
    ['draining', 200],
    ['sleeping', 200],
    ['unloaded', 200],
    ['failed', 503],
  ] as const)(
    'where models are loaded on demand and one is %s is answered %d: who asks meanwhile waits',
    async (state, status) => {
      const { parts } = fakeParts();
      const entries = parts.models.list().map(({ model: _, ...entry }) => ({ ...entry, state }));
      const presence = { ...parts.presence, hold: () => Promise.reject(new TypeError('not asked')) };
      expect(
        (await createApp({ ...parts, models: { ...parts.models, list: () => entries }, presence }).request('/ready'))
          .status,
      ).toBe(status);
    },
  );
});

describe('faults of ours', () => {
  it('tell the client nothing but the request id, and the log everything', async () => {
    const { parts, recorded } = fakeParts({
      served: [fakeModel({ refuse: () => new TypeError('secret path /etc/x') })],
    });
    const response = await createApp(parts).request('/v1/generate', json({ prompt: 'a' }));
    expect(response.status).toBe(500);
    const error = await errorOf(response);
    expect(error.code).toBe('internal');
    expect(JSON.stringify(error)).not.toContain('secret');
    expect(recorded.log).toContainEqual(
      expect.objectContaining({
        level: 'error',
        facts: expect.objectContaining({ err: expect.any(TypeError), request_id: error.request_id }),
      }),
    );
  });
});

describe('observation', () => {
  it('counts each request once, by the route’s path and its status', async () => {
    const { parts, recorded } = fakeParts();
    const app = createApp(parts);
    await app.request('/v1/tokenize', json({ text: 'a' }));
    await app.request('/v1/tokenize', json({}));
    await app.request('/some/path/of/a/client');
    expect(recorded.requests.map(({ route, status }) => [route, status])).toEqual([
      ['/v1/tokenize', 200],
      ['/v1/tokenize', 400],
      ['none', 404],
    ]);
  });
});

describe('the list of models', () => {
  it('tells what each model is and holds', async () => {
    const response = await createApp(fakeParts().parts).request('/v1/models');
    expect(await response.json()).toMatchObject({
      object: 'list',
      data: [
        expect.objectContaining({
          id: 'fake',
          object: 'model',
          created: 1_700_000_000,
          state: 'ready',
          file: '/models/fake.gguf',
          architecture: 'llama',
          quantization: 'Q8_0',
          context_length: 64,
          weights_bytes: 1000,
          scratch_bytes: 300,
          total_bytes: 5396,
          kv_bytes_in_use: 1024,
        }),
      ],
      models: [{ name: 'fake', details: { family: 'llama' } }],
    });
  });
});

describe('the chat page', () => {
  it('may talk to nobody else, and is not sent again unchanged', async () => {
    const app = createApp(fakeParts().parts);
    const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    const response = await app.request('/', { headers: browser });
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(
      (await app.request('/', { headers: { ...browser, 'if-none-match': response.headers.get('etag') ?? '' } })).status,
    ).toBe(304);
  });

  it('is for browsers: Ollama’s clients find what they look for', async () => {
    const app = createApp(fakeParts().parts);
    for (const headers of [
      new Headers(),
      new Headers({ accept: '*/*' }),
      new Headers({ accept: 'application/json' }),
    ]) {
      const response = await app.request('/', { headers });
      expect([response.status, response.headers.get('vary'), await response.text()]).toEqual([
        200,
        'accept',
        'Ollama is running',
      ]);
    }
    expect((await app.request('/', { method: 'HEAD' })).status).toBe(200);
  });
});
