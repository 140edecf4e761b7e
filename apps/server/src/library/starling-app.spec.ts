import type { GenerateRequest, LanguageModel } from '@starling/engine';
import { scriptedModel } from '@starling/engine/testing';
import { Hono } from 'hono';
import OpenAI from 'openai';
import { createStarlingApp, serveApp, type ServedApp } from '../index.js';

const json = (body: unknown, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});
const hello = { model: 'scripted', messages: [{ role: 'user' as const, content: 'Hi' }] };

describe('the server as part of another program', () => {
  const asked: GenerateRequest[] = [];
  let model: LanguageModel;

  beforeAll(() => {
    model = scriptedModel({ script: () => 'Hello there!', onRequest: (request) => void asked.push(request) });
  });
  afterAll(() => model.close());

  it.each([
    ['under a path', '/llm', (app: Hono) => new Hono().route('/llm', app)],
    ['under a path with parameters', '/teams/7/llm', (app: Hono) => new Hono().route('/teams/:team/llm', app)],
    ['by its fetch', '/llm', (app: Hono) => new Hono().mount('/llm', app.fetch)],
    ['by itself', '', (app: Hono) => app],
    [
      'below a path that its host leaves on requests',
      '/llm',
      (_: Hono) => createStarlingApp({ models: [model], basePath: '/llm' }),
    ],
  ])('answers all its routes %s, and errors in the shape of each API', async (_, base, mount) => {
    const host = mount(createStarlingApp({ models: [model] }));
    const chat = await host.request(`${base}/v1/chat/completions`, json(hello));
    expect([chat.status, await chat.json()]).toMatchObject([
      200,
      { choices: [{ message: { content: 'Hello there!' } }] },
    ]);
    const native = await host.request(`${base}/v1/generate`, json({ prompt: 'Hi', colour: 'red' }));
    expect([native.status, await native.json()]).toMatchObject([
      400,
      { error: { code: 'invalid_request', param: 'colour' } },
    ]);
    const anthropic = await host.request(`${base}/v1/messages`, json({}));
    expect([anthropic.status, await anthropic.json()]).toMatchObject([
      400,
      { type: 'error', error: { type: 'invalid_request_error' } },
    ]);
    const nowhere = await host.request(`${base}/v1/nowhere?a=b`);
    expect([nowhere.status, await nowhere.json()]).toMatchObject([
      404,
      { error: { message: expect.stringContaining('/v1/nowhere') } },
    ]);
    expect((await host.request(`${base}/ready`)).status).toBe(200);
  });

  it('answers nothing beside the path that it lies below', async () => {
    const app = createStarlingApp({ models: [model], basePath: '/llm' });
    expect((await app.request('/v1/models')).status).toBe(404);
    expect((await app.request('/llmx/v1/models')).status).toBe(404);
  });

  it('leaves models and files to its host', async () => {
    const app = createStarlingApp({ models: [model], authenticate: () => ({ name: 'root', role: 'admin' }) });
    for (const [path, body] of [
      ['/v1/models/load', { model: 'x.gguf' }],
      ['/v1/models/unload', { name: 'scripted' }],
      ['/api/pull', { model: 'x' }],
    ] as const) {
      const response = await app.request(path, json(body));
      expect({ path, status: response.status }).toEqual({ path, status: 501 });
    }
    expect(await (await app.request('/metrics')).text()).toContain('starling_requests_total');
    expect(
      (await createStarlingApp({ models: [model] }).request('/v1/models/load', json({ model: 'x.gguf' }))).status,
    ).toBe(403);
  });

  it('is called by whom its host says, who sees no more than their own', async () => {
    const host = new Hono<{ Variables: { user: string } }>();
    host.use(async (c, next) => {
      c.set('user', c.req.header('x-user') ?? '');
      await next();
    });
    host.route(
      '/llm',
      createStarlingApp({
        models: [model],
        authenticate: (c) =>
          c.get('user') === ''
            ? undefined
            : { name: c.get('user') as string, models: c.get('user') === 'eve' ? ['other'] : undefined, weight: 2 },
      }),
    );
    asked.length = 0;
    expect((await host.request('/llm/v1/chat/completions', json(hello, { 'x-user': 'ann' }))).status).toBe(200);
    expect(asked).toMatchObject([{ tenant: 'ann', weight: 2, maxPriority: 0 }]);
    expect((await host.request('/llm/v1/chat/completions', json(hello, { 'x-user': 'eve' }))).status).toBe(403);
    const nobody = await host.request('/llm/v1/chat/completions', json(hello));
    expect([nobody.status, await nobody.json()]).toMatchObject([401, { error: { code: 'invalid_api_key' } }]);
  });

  it('serves OpenAI’s client over HTTP, under a path, as a stream too; who leaves ends the answer', async () => {
    const endless = scriptedModel({ name: 'endless', script: () => 'word '.repeat(5000) });
    const served: ServedApp = await serveApp(new Hono().route('/llm', createStarlingApp({ models: [model, endless] })));
    const client = new OpenAI({ baseURL: `${served.url}/llm/v1`, apiKey: 'none' });
    let text = '';
    for await (const { choices } of await client.chat.completions.create({ ...hello, stream: true }))
      text += choices[0]?.delta.content ?? '';
    expect(text).toBe('Hello there!');
    const ended = new Promise((resolve) =>
      endless.on((event) => event.kind === 'request_ended' && resolve(event.outcome)),
    );
    for await (const { choices } of await client.chat.completions.create({ ...hello, model: 'endless', stream: true }))
      if (choices[0]?.delta.content) break;
    expect(await ended).toEqual({ kind: 'finished', finishReason: 'cancelled' });
    await served.close();
    await endless.close();
  });

  it('wants models, each with a name of its own', () => {
    expect(() => createStarlingApp({ models: [] })).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    expect(() => createStarlingApp({ models: [model, model] })).toThrow(/two have one name/);
  });
});
