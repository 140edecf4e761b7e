import { createApp } from '../app.js';
import { DIALECTS } from '../dialects/all.js';
import { fakeParts } from '../fake-parts.test-support.js';
import { givenKey, givenKeys } from './given-keys.js';
import { KeyRing } from './key-ring.js';
import { ROLES, type Role } from './principal.js';

/** Who may use what, written out: routes that are added are added here too. */
const OPEN = ['GET /', 'GET /docs', 'GET /openapi.json', 'GET /health', 'GET /v1/health', 'GET /ready'];
const BY_ROLES: readonly (readonly [roles: readonly Role[], routes: readonly string[]])[] = [
  [
    ['user', 'admin'],
    [
      'POST /v1/generate',
      'POST /v1/tokenize',
      'POST /v1/detokenize',
      'GET /v1/models',
      'GET /v1/models/:id',
      'GET /v1/models/:id/file',
      'GET /v1/sessions',
      'POST /v1/session/close',
      'POST /v1/session/fork',
      'POST /v1/session/rewind',
      'POST /v1/session/update',
      'POST /v1/session/save',
      'POST /v1/session/open',
      'POST /v1/chat/completions',
      'POST /chat/completions',
      'POST /v1/completions',
      'POST /v1/embeddings',
      'POST /v1/responses',
      'POST /responses',
      'GET /v1/responses/:id',
      'DELETE /v1/responses/:id',
      'POST /v1/responses/:id/cancel',
      'POST /v1/responses/input_tokens',
      'GET /v1/responses/:id/input_items',
      'POST /v1/messages',
      'POST /v1/messages/count_tokens',
      'GET /api/version',
      'GET /v1/api/version',
      'GET /api/tags',
      'GET /api/ps',
      'POST /api/show',
      'POST /api/embed',
      'POST /api/embeddings',
      'POST /api/chat',
      'POST /api/generate',
      'POST /completion',
      'POST /completions',
      'POST /tokenize',
      'POST /detokenize',
      'POST /apply-template',
      'GET /tokenizer_info',
      'GET /props',
      'GET /slots',
      'POST /slots/:id',
      'GET /lora-adapters',
      'GET /models',
      'POST /infill',
      'POST /embedding',
      'POST /embeddings',
      'POST /rerank',
      'POST /reranking',
      'POST /v1/rerank',
      'POST /v1/reranking',
      'POST /predict',
      'POST /chat/completions/input_tokens',
      'POST /v1/chat/completions/input_tokens',
    ],
  ],
  [
    ['admin'],
    [
      'POST /lora-adapters',
      'POST /v1/models/load',
      'POST /v1/models/unload',
      'POST /v1/models/reload',
      'POST /props',
      'POST /models/load',
      'POST /models/unload',
      'POST /api/pull',
      'DELETE /api/delete',
    ],
  ],
  [
    ['metrics', 'admin'],
    ['GET /metrics', 'GET /v1/status'],
  ],
];
const routes = BY_ROLES.flatMap(([roles, names]) => names.map((name) => [name, roles] as const));

const known = ROLES.map((role) => givenKey(`${role}-key`, role, role));
const app = createApp(fakeParts({ keys: new KeyRing([() => known]) }).parts);

async function statusOf(route: string, headers: Record<string, string>): Promise<number> {
  const [method, path] = route.split(' ');
  const response = await app.request(path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(method === 'POST' && { body: '{}' }),
  });
  if (response.status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer');
  return response.status;
}

/** How a caller shows who it is, and its role; no role: nobody that is known. */
const CALLERS: readonly (readonly [name: string, headers: Record<string, string>, role: Role | undefined])[] = [
  ['nobody', {}, undefined],
  ['a stranger', { authorization: 'Bearer wrong-key' }, undefined],
  ['a stranger with another scheme', { authorization: 'Basic user-key' }, undefined],
  ...ROLES.flatMap((role) => [
    [`${role}, by bearer token`, { authorization: `Bearer ${role}-key` }, role] as const,
    [`${role}, by x-api-key`, { 'x-api-key': `${role}-key` }, role] as const,
  ]),
];

describe('the routes', () => {
  it('all stand in the table of this test', () => {
    const served = DIALECTS.flatMap(({ endpoints }) =>
      endpoints.flatMap(({ method, paths }) => paths.map((path) => `${method} ${path}`)),
    );
    expect(routes.map(([route]) => route).sort()).toEqual(served.sort());
  });

  it.each(OPEN)('%s is open to all', async (route) => {
    for (const [, headers] of CALLERS) expect(await statusOf(route, headers)).toBe(200);
  });

  describe.each(routes)('%s', (route, roles) => {
    it.each(CALLERS)('for %s', async (_, headers, role) => {
      const status = await statusOf(route, headers);
      if (role === undefined) expect(status).toBe(401);
      else if (!roles.includes(role)) expect(status).toBe(403);
      else expect([200, 400, 404, 501]).toContain(status);
    });
  });

  it('are not told to those who have no key: a path that is none asks for one too', async () => {
    expect(await statusOf('GET /nowhere', {})).toBe(401);
    expect(await statusOf('GET /nowhere', { 'x-api-key': 'user-key' })).toBe(404);
  });
});

describe('the figures', () => {
  const statusWith = async (given: Partial<Parameters<typeof givenKeys>[0]>) => {
    const keys = givenKeys({ apiKeys: ['u'], adminApiKeys: [], metricsApiKeys: [], ...given });
    const one = createApp(fakeParts({ keys: new KeyRing([() => keys]) }).parts);
    return (await one.request('/metrics', { headers: { authorization: 'Bearer u' } })).status;
  };

  it('are read with the key that there is, and with no user’s where another is meant for it', async () => {
    expect(await statusWith({})).toBe(200);
    expect(await statusWith({ apiKeys: ['u', 'v'] })).toBe(200);
    for (const others of [{ adminApiKeys: ['a'] }, { metricsApiKeys: ['m'] }, { apiKeysFile: 'keys.json' }])
      expect(await statusWith(others)).toBe(403);
  });

  it('ask for a key like all else', async () => {
    const one = createApp(
      fakeParts({ keys: new KeyRing([() => givenKeys({ apiKeys: ['u'], adminApiKeys: [], metricsApiKeys: [] })]) })
        .parts,
    );
    expect((await one.request('/metrics')).status).toBe(401);
  });
});

describe('a model that could not be loaded', () => {
  it('is told to those who run the server, and to no client of Ollama, which would ask it', async () => {
    const { parts } = fakeParts({ keys: new KeyRing([() => known]) });
    const { models } = parts;
    const one = createApp({
      ...parts,
      models: {
        pick: (name) => models.pick(name),
        resolve: (name?: string) => name,
        list: () => [...models.list(), { name: 'mistyped', state: 'failed', source: '/m/mistyped.gguf' }],
      },
    });
    const namesFor = async (role: Role, path: string): Promise<string[]> => {
      const { models: listed } = (await (
        await one.request(path, { headers: { 'x-api-key': `${role}-key` } })
      ).json()) as { models: { name: string }[] };
      return listed.map(({ name }) => name);
    };
    for (const path of ['/v1/models', '/models']) {
      expect(await namesFor('user', path)).toEqual(['fake']);
      expect(await namesFor('admin', path)).toEqual(['fake', 'mistyped']);
    }
    for (const role of ['user', 'admin'] as const) expect(await namesFor(role, '/api/tags')).toEqual(['fake']);
    expect(await namesFor('metrics', '/v1/status')).toEqual(['fake', 'mistyped']);
  });
});

it('figures are told without a key where the operator says so, and nothing else', async () => {
  const { parts } = fakeParts({ keys: new KeyRing([() => known]) });
  const open = createApp({ ...parts, features: { ...parts.features, openMetrics: true } });
  const get = async (path: string, key?: string) =>
    (await open.request(path, { headers: key === undefined ? {} : { 'x-api-key': key } })).status;
  expect([
    await get('/metrics'),
    await get('/metrics', 'metrics-key'),
    await get('/metrics', 'no-key-at-all'),
    await get('/v1/status'),
    await get('/v1/models'),
  ]).toEqual([200, 200, 401, 401, 401]);
});
