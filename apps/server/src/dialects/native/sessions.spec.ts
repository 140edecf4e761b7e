import { createLanguageModel } from '@starling/engine';
import { FakeModelRuntime } from '@starling/transformer/testing';
import { createApp } from '../../app.js';
import { byteTokenizer, fakeParts, keysOf } from '../../fake-parts.test-support.js';
import type { AppParts } from '../../parts.js';
import { servedModel } from '../../models/served-model.js';

type Body = Record<string, unknown> & {
  readonly error?: { readonly code: string; readonly param?: string };
  readonly data?: readonly Record<string, unknown>[];
};

/** The app around a model that counts on, and a client for each key. */
function setUp(overrides: Partial<AppParts> = {}) {
  const time = { now: 1_700_000_000_000 };
  const model = createLanguageModel({
    name: 'counter',
    runtime: new FakeModelRuntime(),
    tokenizer: byteTokenizer,
    wallClock: () => time.now,
    sessionLimit: 4,
  });
  const { parts } = fakeParts({ served: [servedModel(model, { defaults: {}, aliases: [], tags: [] })], ...overrides });
  const app = createApp(parts);
  const send = async (path: string, body?: object, key?: string): Promise<{ status: number; body: Body }> => {
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    };
    const response = await app.request(
      path,
      body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) },
    );
    return { status: response.status, body: (await response.json()) as Body };
  };
  const generate = (body: object, key?: string) =>
    send('/v1/generate', { temperature: 0, max_tokens: 3, ...body }, key);
  return { send, generate, time, model };
}

describe('sessions over HTTP', () => {
  it('are named in answers, and gone on from', async () => {
    const { generate } = setUp();
    const first = await generate({ prompt: [10, 11] });
    expect(first.body.session_id).toMatch(/^sess_/);
    const next = await generate({ session_id: first.body.session_id, prompt: [50] });
    expect(next.body).toMatchObject({
      session_id: first.body.session_id,
      tokens: [51, 52, 53],
      usage: { prompt_tokens: 6, cached_tokens: 4 },
    });
    expect((await generate({ session_id: first.body.session_id })).body).toMatchObject({
      tokens: [54, 55, 56],
      usage: { prompt_tokens: 9 },
    });
    expect((await generate({ prompt: 'a', cache_prompt: false })).body).not.toHaveProperty('session_id');
  });

  it('are listed with their times, pinned, given time, and closed', async () => {
    const { send, generate, time } = setUp();
    await generate({ prompt: [10], session_id: 'mine' });
    const listed = {
      session_id: 'mine',
      model: 'counter',
      tokens: 4,
      turns: [4],
      pinned: false,
      in_use: false,
      saved: false,
      created_at: 1_700_000_000,
      used_at: 1_700_000_000,
      expires_at: 1_700_003_600,
    };
    expect((await send('/v1/sessions')).body).toEqual({ object: 'list', data: [listed] });
    expect((await send('/v1/session/update', { session_id: 'mine', ttl_seconds: 5 })).body).toMatchObject({
      expires_at: 1_700_000_005,
    });
    expect((await send('/v1/session/update', { session_id: 'mine', pinned: true })).body).toMatchObject({
      pinned: true,
      expires_at: null,
    });
    time.now += 1e9;
    expect((await send('/v1/sessions?model=counter')).body.data).toHaveLength(1);
    expect((await send('/v1/session/close', { session_id: 'mine' })).body).toEqual({
      session_id: 'mine',
      closed: true,
    });
    expect((await send('/v1/session/close', { session_id: 'mine' })).status).toBe(404);
    expect((await send('/v1/sessions')).body.data).toEqual([]);
  });

  it('are forked and rewound to a position', async () => {
    const { send, generate } = setUp();
    await generate({ prompt: [10, 11], session_id: 'a' });
    expect((await send('/v1/session/fork', { session_id: 'a', new_session_id: 'b', position: 3 })).body).toMatchObject({
      session_id: 'b',
      tokens: 3,
    });
    expect(await send('/v1/session/fork', { session_id: 'a', new_session_id: 'b' })).toMatchObject({
      status: 409,
      body: { error: { code: 'conflict', param: 'new_session_id' } },
    });
    expect((await send('/v1/session/rewind', { session_id: 'a', position: 1 })).body).toMatchObject({ tokens: 1 });
    expect(await send('/v1/session/rewind', { session_id: 'a', position: 2 })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request', param: 'position' } },
    });
    expect((await generate({ session_id: 'b', prompt: [99] })).body).toMatchObject({
      tokens: [100, 101, 102],
      usage: { prompt_tokens: 4, cached_tokens: 3 },
    });
  });

  it('of another key do not exist', async () => {
    const { send, generate } = setUp({ keys: keysOf('user', 'one', 'two') });
    const id = (await generate({ prompt: [10] }, 'one')).body.session_id as string;
    await generate({ prompt: [10], session_id: 'named' }, 'one');
    for (const session of [id, 'named']) {
      expect((await send('/v1/session/close', { session_id: session }, 'two')).status).toBe(404);
      expect((await send('/v1/session/fork', { session_id: session }, 'two')).status).toBe(404);
      expect((await send('/v1/session/rewind', { session_id: session, position: 0 }, 'two')).status).toBe(404);
      expect((await send('/v1/session/update', { session_id: session, pinned: true }, 'two')).status).toBe(404);
    }
    expect((await generate({ prompt: [1], session_id: id }, 'two')).status).toBe(404);
    expect((await generate({ prompt: [10], session_id: 'named' }, 'two')).body).toMatchObject({
      usage: { prompt_tokens: 1, cached_tokens: 0 },
    });
    expect((await send('/v1/sessions', undefined, 'two')).body.data).toHaveLength(1);
    expect((await send('/v1/sessions', undefined, 'one')).body.data).toHaveLength(2);
  });

  it.each([
    ['/v1/generate', { session_id: '', prompt: 'a' }, 'session_id'],
    ['/v1/generate', { session_id: 'with space', prompt: 'a' }, 'session_id'],
    ['/v1/generate', { session_id: 'new' }, 'prompt'],
    ['/v1/generate', { session_id: 'new', prompt: 'a', cache_prompt: false }, 'cache_prompt'],
    ['/v1/session/close', {}, 'session_id'],
    ['/v1/session/close', { session_id: 'a', extra: 1 }, 'extra'],
    ['/v1/session/fork', { session_id: 'a', position: -1 }, 'position'],
    ['/v1/session/update', { session_id: 'a', ttl_seconds: 0 }, 'ttl_seconds'],
    ['/v1/session/update', { session_id: 'a', ttl_seconds: 1e308 }, 'ttl_seconds'],
  ])('refuse %s %j, naming %s', async (path, body, param) => {
    const { send } = setUp();
    const answer = await send(path, body);
    expect([answer.status, answer.body.error?.param]).toEqual([400, param]);
  });

  it('are limited for each key: 429 when none can go', async () => {
    const { send, generate } = setUp();
    for (const session of ['a', 'b', 'c', 'd', 'e']) await generate({ prompt: [1], session_id: session });
    const names = async () => (await send('/v1/sessions')).body.data?.map(({ session_id: id }) => id);
    expect(await names()).toEqual(['b', 'c', 'd', 'e']);
    for (const session of ['b', 'c', 'd', 'e']) await send('/v1/session/update', { session_id: session, pinned: true });
    expect(await generate({ prompt: [1], session_id: 'f' })).toMatchObject({
      status: 429,
      body: { error: { code: 'rate_limited' } },
    });
  });
});
