import { createApp } from '../app.js';
import { fakeParts } from '../fake-parts.test-support.js';

const post = (app: ReturnType<typeof createApp>, body: string) =>
  app.request('/v1/generate', { method: 'POST', headers: { 'content-type': 'application/json' }, body });

describe('the line of a request', () => {
  it('says who asked what, what it cost and where the time went, and nothing of what was asked', async () => {
    const { parts, recorded } = fakeParts();
    await post(createApp(parts), JSON.stringify({ prompt: 'a private matter' }));
    const [line] = recorded.log.filter(({ text }) => text === 'request');
    expect(line.facts).toMatchObject({
      method: 'POST',
      path: '/v1/generate',
      status: 200,
      key: expect.any(String),
      tenant: expect.any(String),
      model: 'fake',
      queue_ms: 1,
      prompt_ms: 2,
      decode_ms: 4,
      preemptions: 1,
      suspended_ms: 1.5,
    });
    expect(JSON.stringify(recorded.log)).not.toContain('private');
  });

  it('is left out where refusals come in a flood, which the next one tells; requests are counted all the same', async () => {
    let now = 0;
    const { parts, recorded } = fakeParts({ clock: () => now });
    const app = createApp(parts);
    for (let i = 0; i < 50; i++) await post(app, '{"prompt": 1}');
    expect(recorded.requests).toHaveLength(50);
    expect(recorded.log).toHaveLength(10);
    now = 60_000;
    await post(app, '{"prompt": 1}');
    await post(app, '{"prompt": "good"}');
    expect(recorded.log.at(-2)?.facts).toMatchObject({ error: 'invalid_request', status: 400, skipped: 40 });
    expect(recorded.log.at(-1)?.facts).toMatchObject({ status: 200 });
  });
});
