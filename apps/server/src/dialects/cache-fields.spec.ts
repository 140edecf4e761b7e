import { createApp } from '../app.js';
import { fakeModel, fakeParts } from '../fake-parts.test-support.js';

const messages = [{ role: 'user', content: 'Hi' }];

/** Routes that generate, with the least that each takes. */
const ROUTES: readonly (readonly [path: string, body: object])[] = [
  ['/v1/generate', { prompt: 'a' }],
  ['/completion', { prompt: 'a' }],
  ['/v1/completions', { prompt: 'a' }],
  ['/v1/chat/completions', { messages }],
  ['/v1/responses', { input: 'a' }],
  ['/v1/messages', { messages, max_tokens: 8 }],
  ['/api/chat', { messages }],
  ['/api/generate', { prompt: 'a' }],
  ['/api/generate', { prompt: 'a', raw: true }],
];

async function asked(path: string, body: object) {
  const model = fakeModel();
  const response = await createApp(fakeParts({ served: [model] }).parts).request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { request: model.requests.at(0), status: response.status, text: await response.text() };
}

describe('what is kept of a prompt, and who shares it', () => {
  it.each(ROUTES)('is said in the same fields on %s %j', async (path, body) => {
    expect((await asked(path, { ...body, cache_salt: 'mine', cache_prompt: false })).request).toMatchObject({
      cacheSalt: 'mine',
      cachePrompt: false,
    });
  });
});

describe('fields of the native API alone', () => {
  const foreign = ROUTES.filter(([path]) => path.startsWith('/v1/') && path !== '/v1/generate');
  it.each(foreign)(
    'are refused on %s where they would decide who comes first, and left to balancers where they name a session',
    async (path, body) => {
      const { request, status, text } = await asked(path, { ...body, priority: 3 });
      expect([request, status]).toEqual([undefined, 400]);
      expect(text).toContain('priority: only POST /v1/generate has this field');
      expect((await asked(path, { ...body, session_id: 'chat' })).request?.sessionId).toBeUndefined();
    },
  );
});
