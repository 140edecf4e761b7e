import { createApp } from './app.js';
import { fakeModel, fakeParts, keysOf } from './fake-parts.test-support.js';

const messages = [{ role: 'user', content: 'Hi' }];

/** Every route that computes an answer, with the least that it takes. */
const ROUTES: readonly (readonly [path: string, body: object])[] = [
  ['/v1/generate', { prompt: 'Hi' }],
  ['/v1/chat/completions', { messages }],
  ['/chat/completions', { messages }],
  ['/v1/completions', { prompt: 'Hi' }],
  ['/v1/messages', { messages, max_tokens: 4 }],
  ['/api/chat', { messages, stream: false }],
  ['/api/generate', { prompt: 'Hi', stream: false }],
  ['/api/generate', { prompt: 'Hi', raw: true, stream: false }],
  ['/completion', { prompt: 'Hi' }],
];

describe('the tenant of a request', () => {
  it.each(ROUTES)(
    'is its API key on %s, so that prompts of one key are not seen by another: %j',
    async (path, body) => {
      const model = fakeModel();
      const { parts } = fakeParts({ served: [model], keys: keysOf('user', 'first', 'second') });
      const app = createApp(parts);
      for (const key of ['first', 'second', 'first']) {
        const response = await app.request(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
          body: JSON.stringify(body),
        });
        expect(response.status).toBe(200);
      }
      const [a, b, again] = model.requests.map(({ tenant }) => tenant);
      expect(typeof a).toBe('string');
      expect(a).not.toBe('first');
      expect(b).not.toBe(a);
      expect(again).toBe(a);
    },
  );
});
