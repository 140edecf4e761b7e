import { until } from '../../../../tools/jest/until.js';
import { createApp } from '../app.js';
import { givenKey } from '../access/given-keys.js';
import { KeyRing } from '../access/key-ring.js';
import type { CallerLimits } from '../access/principal.js';
import { fakeModel, fakeParts } from '../fake-parts.test-support.js';
import { CallerLimiter, WINDOW_SECONDS } from './caller-limiter.js';
import { MemoryLimitStore } from './memory-limit-store.js';

interface SetUp extends CallerLimits {
  readonly beforeToken?: (index: number) => Promise<void>;
}

/** A part of the minute, at least a second: how much of it has passed is the machine's affair. */
const SECONDS_LEFT = /^([1-9]|[1-5]\d|60)$/;

/** Two keys with the same limits. */
function setUp({ beforeToken, ...limits }: SetUp) {
  const known = ['a', 'b'].map((key) => {
    const { digest, principal } = givenKey(key, 'user', key);
    return { digest, principal: { ...principal, limits } };
  });
  const model = fakeModel({ beforeToken });
  const store = new MemoryLimitStore(WINDOW_SECONDS);
  const app = createApp(
    fakeParts({ served: [model], keys: new KeyRing([() => known]), limiter: new CallerLimiter(() => store) }).parts,
  );
  const post = (body: object = {}, path = '/v1/generate', key = 'a') =>
    app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: JSON.stringify({ prompt: 'a', ...body }),
    });
  const tokensUsed = async () => (await store.read(`tokens:${known[0].principal.tenant}`)).used;
  return { model, app, post, tokensUsed };
}
const statuses = async (responses: readonly (Response | Promise<Response>)[]) =>
  (await Promise.all(responses)).map(({ status }) => status);

describe('requests a minute', () => {
  it('are answered up to the limit of their key, then refused with what to wait for', async () => {
    const { post, model } = setUp({ requestsPerMinute: 3 });
    const answers = [await post(), await post({}, '/v1/completions'), await post()];
    expect(await statuses(answers)).toEqual([200, 200, 200]);
    expect(answers.map(({ headers }) => headers.get('x-ratelimit-remaining-requests'))).toEqual(['2', '1', '0']);
    const refused = await post();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toMatch(SECONDS_LEFT);
    expect(Object.fromEntries([...refused.headers].filter(([name]) => name.startsWith('x-ratelimit')))).toEqual({
      'x-ratelimit-limit-requests': '3',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': `${refused.headers.get('retry-after')}s`,
    });
    expect(await refused.json()).toMatchObject({
      error: {
        code: 'rate_limited',
        type: 'rate_limit_error',
        message: expect.stringContaining('3 requests a minute'),
      },
    });
    expect(model.requests).toHaveLength(3);
    expect((await post({}, '/v1/generate', 'b')).status).toBe(200);
  });

  it('count what is refused for its body, and not what is only looked at', async () => {
    const { post, app } = setUp({ requestsPerMinute: 2 });
    expect((await post({ nonsense: 1 })).status).toBe(400);
    for (let i = 0; i < 5; i++)
      expect((await app.request('/v1/models', { headers: { 'x-api-key': 'a' } })).status).toBe(200);
    expect(await statuses([await post(), await post()])).toEqual([200, 429]);
  });

  it('are told in the words of the API that was called', async () => {
    const { post } = setUp({ requestsPerMinute: 1 });
    await post();
    const messages = [{ role: 'user', content: 'a' }];
    expect(await (await post({ messages, max_tokens: 1 }, '/v1/messages')).json()).toMatchObject({
      type: 'error',
      error: { type: 'rate_limit_error' },
    });
    expect(await (await post({}, '/api/generate')).json()).toEqual({ error: expect.stringContaining('a minute') });
  });
});

describe('tokens a minute', () => {
  it('are those of prompts and answers: once they are used up, the next request waits', async () => {
    // Three of the prompt and three of the answer, each time.
    const { post } = setUp({ tokensPerMinute: 10 });
    const first = await post();
    expect([first.status, first.headers.get('x-ratelimit-remaining-tokens')]).toEqual([200, '10']);
    const second = await post();
    expect([second.status, second.headers.get('x-ratelimit-remaining-tokens')]).toEqual([200, '4']);
    const refused = await post();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-ratelimit-remaining-tokens')).toBe('0');
    expect(refused.headers.get('retry-after')).toMatch(SECONDS_LEFT);
    expect((await post({}, '/v1/generate', 'b')).status).toBe(200);
  });

  it.each([
    ['/v1/completions', {}],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'a' }] }],
    ['/v1/messages', { messages: [{ role: 'user', content: 'a' }], max_tokens: 3 }],
    ['/api/generate', {}],
    ['/completion', {}],
    ['/v1/embeddings', { input: 'a' }],
  ])('are counted on %s, streamed and whole', async (path, body) => {
    for (const stream of [true, false]) {
      const { post, tokensUsed } = setUp({ tokensPerMinute: 1 });
      await (await post({ ...body, stream }, path)).text();
      await until(async () => (await tokensUsed()) > 0);
      expect((await post()).status).toBe(429);
    }
  });

  it('are counted as far as an answer came that its client left', async () => {
    const { post, tokensUsed } = setUp({
      tokensPerMinute: 100,
      beforeToken: (index) => (index === 0 ? Promise.resolve() : new Promise(() => undefined)),
    });
    const reader = (await post({ stream: true })).body!.getReader();
    await reader.read();
    await reader.cancel();
    await until(async () => (await tokensUsed()) > 0);
    // Three of the prompt, one of the answer.
    expect(await tokensUsed()).toBe(4);
  });
});

describe('requests at once', () => {
  it('are as many as the key may have: more are refused until one ends', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { post } = setUp({ concurrency: 2, beforeToken: () => gate });
    const running = [post(), post({ stream: true })];
    const stream = await running[1];
    const refused = await post();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({
      error: { code: 'rate_limited', message: expect.stringContaining('2 requests') },
    });
    const other = post({ stream: true }, '/v1/generate', 'b');
    expect((await other).status).toBe(200);
    open();
    await stream.text();
    expect(await statuses(running)).toEqual([200, 200]);
    await (await other).text();
    expect(await statuses([post(), post()])).toEqual([200, 200]);
  });

  it('end with the client that goes, and with a request that is refused', async () => {
    const { post } = setUp({ concurrency: 1, beforeToken: () => new Promise(() => undefined) });
    const reader = (await post({ stream: true })).body!.getReader();
    expect((await post()).status).toBe(429);
    await reader.cancel();
    expect((await post({ nonsense: 1 })).status).toBe(400);
    expect((await post({ stream: true })).status).toBe(200);
  });

  it('are not counted against the minute where there is no place', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { post } = setUp({ concurrency: 1, requestsPerMinute: 2, beforeToken: () => gate });
    const first = post();
    for (let i = 0; i < 4; i++) expect((await post()).status).toBe(429);
    open();
    expect((await first).status).toBe(200);
    expect(await statuses([await post(), await post()])).toEqual([200, 429]);
  });
});

describe('limits together', () => {
  const which = [undefined, 'below', 'used up'] as const;
  /** Each of the three is absent, has room for one more request, or has none. */
  const COMBINATIONS = which.flatMap((requests) =>
    which.flatMap((tokens) => which.map((concurrency) => [requests, tokens, concurrency] as const)),
  );

  it.each(COMBINATIONS)('requests %s, tokens %s, at once %s', async (requests, tokens, concurrency) => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let holds = false;
    const spent = 6; // of the prompt and the answer
    const { post, model, tokensUsed } = setUp({
      ...(requests && { requestsPerMinute: (requests === 'below' ? 1 : 0) + (concurrency === 'used up' ? 2 : 1) }),
      ...(tokens && { tokensPerMinute: tokens === 'below' ? spent + 1 : spent }),
      ...(concurrency && { concurrency: concurrency === 'below' ? 2 : 1 }),
      beforeToken: () => (holds ? gate : Promise.resolve()),
    });
    // One that is over, and, where places are taken, one that is not: it came while there were tokens.
    holds = concurrency === 'used up';
    const held = holds ? post({ stream: true }) : undefined;
    await held;
    holds = false;
    if (held === undefined) expect((await post()).status).toBe(200);
    else if (tokens === 'used up') {
      open();
      await (await held).text();
      await until(async () => (await tokensUsed()) === spent);
    }
    const before = model.requests.length;
    const placesTaken = held !== undefined && tokens !== 'used up';
    const requestsGone = requests === 'used up' && held === undefined;
    const expected = placesTaken || requestsGone || tokens === 'used up' ? 429 : 200;
    const response = await post();
    expect(response.status).toBe(expected);
    expect(model.requests.length - before).toBe(expected === 200 ? 1 : 0);
    const told = [...response.headers.keys()].filter((name) => name.startsWith('x-ratelimit-limit-'));
    expect(told).toEqual([
      ...(requests ? ['x-ratelimit-limit-requests'] : []),
      ...(tokens ? ['x-ratelimit-limit-tokens'] : []),
    ]);
    expect(response.headers.has('retry-after')).toBe(expected === 429);
    expect((await post({}, '/v1/generate', 'b')).status).toBe(200);
    open();
    await held;
  });
});

describe('a key without limits', () => {
  it('has none, and is told of none', async () => {
    const { post } = setUp({});
    const answers = await Promise.all(Array.from({ length: 20 }, () => post()));
    expect(new Set(await statuses(answers))).toEqual(new Set([200]));
    expect([...answers[0].headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
  });
});
