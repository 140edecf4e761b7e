import { createApp } from '../app.js';
import { fakeModel, fakeParts } from '../fake-parts.test-support.js';
import { givenKey } from './given-keys.js';
import { KeyRing } from './key-ring.js';
import { mayUseModel, type Principal } from './principal.js';

const messages = [{ role: 'user', content: 'Hi' }];

function setUp(of: Partial<Principal> = {}) {
  const { digest, principal } = givenKey('secret', 'user', 'alice');
  const models = [fakeModel({ name: 'a' }), fakeModel({ name: 'b' })];
  const released: (number | undefined)[] = [];
  const letGo: string[] = [];
  const presence = {
    ...fakeParts().parts.presence,
    hold: (name: string) => Promise.resolve({ name, release: (ms?: number) => void released.push(ms) }),
    letGo: (name: string) => void letGo.push(name),
  };
  const { parts } = fakeParts({
    served: models,
    presence,
    keys: new KeyRing([() => [{ digest, principal: { ...principal, ...of } }]]),
  });
  const app = createApp(parts);
  const post = (path: string, body: object) =>
    app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'secret' },
      body: JSON.stringify(body),
    });
  const get = async (path: string) =>
    (await (await app.request(path, { headers: { 'x-api-key': 'secret' } })).json()) as Record<string, never>;
  return { models, post, get, released, letGo };
}

describe('a caller', () => {
  it('has its weight and its tenant in what the scheduler shares out', async () => {
    const { models, post } = setUp({ weight: 2.5, tenant: 't', maxPriority: 3 });
    await post('/v1/generate', { prompt: 'a', priority: 3 });
    expect(models[0].requests[0]).toMatchObject({ weight: 2.5, tenant: 't', priority: 3, maxPriority: 3 });
  });

  it.each([
    [0, 1, 403],
    [0, 0, 200],
    [0, -5, 200],
    [5, 5, 200],
    [5, 6, 403],
    [-1, -1, 200],
  ])('of highest priority %d that asks for %d is answered %d', async (maxPriority, priority, status) => {
    const { models, post } = setUp({ maxPriority });
    const response = await post('/v1/generate', { prompt: 'a', priority });
    expect(response.status).toBe(status);
    if (status === 403) {
      expect(await response.json()).toMatchObject({
        error: { code: 'forbidden', param: 'priority', message: expect.stringContaining(`${maxPriority}`) },
      });
      expect(models[0].requests).toEqual([]);
    }
  });

  it('runs at its highest priority where that is below the usual and it asks for none', async () => {
    const { models, post } = setUp({ maxPriority: -4 });
    expect((await post('/v1/generate', { prompt: 'a' })).status).toBe(200);
    expect(models[0].requests[0].maxPriority).toBe(-4);
  });
});

describe('how long a model stays', () => {
  const wish = { messages, keep_alive: 1, stream: false, model: 'a' };
  const farewell = { messages: [], keep_alive: 0, model: 'a' };

  it('is not for users to say: what others have in it would be gone with it', async () => {
    const { post, released, letGo } = setUp();
    const answer = await post('/api/chat', wish);
    expect(answer.status).toBe(200);
    await answer.text();
    const refused = await post('/api/chat', farewell);
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('may not unload models')]);
    expect([released, letGo]).toEqual([[undefined], []]);
  });

  it('is for administrators to say', async () => {
    const { post, released, letGo } = setUp({ role: 'admin' });
    await (await post('/api/chat', wish)).text();
    expect((await post('/api/chat', farewell)).status).toBe(200);
    expect([released, letGo]).toEqual([[1000], ['a']]);
  });
});

describe('the models of a caller', () => {
  it('are the only ones that a refusal names', async () => {
    const { post } = setUp({ models: ['b'] });
    const response = await post('/v1/generate', { prompt: 'a', model: 'zz' });
    expect([response.status, await response.json()]).toEqual([
      404,
      { error: expect.objectContaining({ message: 'there is no model zz for the key "alice"; ready: b' }) },
    ]);
  });

  const CALLS: readonly (readonly [path: string, body: object])[] = [
    ['/v1/generate', { prompt: 'a' }],
    ['/v1/tokenize', { text: 'a' }],
    ['/v1/chat/completions', { messages }],
    ['/v1/completions', { prompt: 'a' }],
    ['/v1/embeddings', { input: 'a' }],
    ['/v1/messages', { messages, max_tokens: 3 }],
    ['/v1/messages/count_tokens', { messages }],
    ['/api/chat', { messages, stream: false }],
    ['/api/show', {}],
    ['/completion', { prompt: 'a' }],
    ['/apply-template', { messages }],
  ];

  it.each(CALLS)('are those allowed alone, on %s', async (path, body) => {
    const { post } = setUp({ models: ['b'] });
    expect((await post(path, { ...body, model: 'b' })).status).toBe(200);
    expect((await post(path, { ...body, model: 'a' })).status).toBe(403);
  });

  it.each(CALLS)('are asked in order where none is named, on %s', async (path, body) => {
    expect((await setUp({ models: ['b'] }).post(path, body)).status).toBe(200);
    expect((await setUp({ models: ['c'] }).post(path, body)).status).toBe(403);
  });

  it('are all that it sees', async () => {
    const { get } = setUp({ models: ['b'] });
    expect(await get('/v1/models')).toMatchObject({ data: [{ id: 'b' }] });
    expect((await get('/api/tags')) as object).toMatchObject({ models: [{ name: 'b' }] });
    expect(await get('/props')).toMatchObject({ model_alias: 'b' });
  });

  it.each([
    [undefined, 'a', true],
    [['a'], 'a', true],
    [['a'], 'ab', false],
    [['a*'], 'ab', true],
    [['a*'], 'ba', false],
    [['*'], 'x', true],
    [[], 'a', false],
  ])('%j allow %s: %s', (models, name, isAllowed) => {
    expect(mayUseModel({ models } as Principal, name)).toBe(isAllowed);
  });
});

describe('what is not for everybody', () => {
  const path = '/models/a.gguf';

  it.each(['/v1/models', '/api/tags', '/api/ps', '/props', '/slots', '/v1/models'])(
    'is not in %s for users: paths, digests, memory',
    async (route) => {
      const text = JSON.stringify(await setUp().get(route));
      for (const secret of [path, 'kv_bytes', 'weights_bytes']) expect(text).not.toContain(secret);
      expect(text).not.toMatch(/[0-9a-f]{64}/);
    },
  );

  it('is in the list of models for administrators', async () => {
    expect(JSON.stringify(await setUp({ role: 'admin' }).get('/v1/models'))).toContain(path);
  });
});
