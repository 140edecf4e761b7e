import { generate, metrics, post, user } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server?.stop();
});

const request = { temperature: 0, max_tokens: 24 };

describe('sessions of the running server', () => {
  it('compute only what is new, and answer as if all had been sent', async () => {
    const first = await generate(server.url, { ...request, session_id: 'chat', messages: user('What is 12 + 7?') });
    expect(first.text).toBe('12 + 7 = 19.');
    const next = await generate(server.url, { ...request, session_id: 'chat', messages: user('What is 20 + 5?') });
    const alone = await generate(server.url, {
      ...request,
      cache_prompt: false,
      messages: [...user('What is 12 + 7?'), { role: 'assistant', content: first.text }, ...user('What is 20 + 5?')],
    });
    expect([next.text, next.usage.prompt_tokens]).toEqual([alone.text, alone.usage.prompt_tokens]);
    expect(next.usage.cached_tokens).toBeGreaterThan(first.usage.prompt_tokens);
    expect((await metrics(server.url)).get('starling_sessions')).toBe(1);
    expect(
      (await metrics(server.url)).get('starling_cache_hit_tokens_total{model="starling-demo-q8_0"}'),
    ).toBeGreaterThanOrEqual(next.usage.cached_tokens);
  });

  it('end when they are closed', async () => {
    await generate(server.url, { ...request, session_id: 'brief', prompt: 'Once' });
    const close = () => post(`${server.url}/v1/session/close`, { session_id: 'brief' });
    expect([(await close()).status, (await close()).status]).toEqual([200, 404]);
  });
});
