import { StarlingError } from '@starling/core';
import { until } from '../../../../../tools/jest/until.js';
import { createApp } from '../../app.js';
import { fakeModel, fakeParts, type FakeModelOptions } from '../../fake-parts.test-support.js';
import { readEvents, type ServerEvent } from '../../web/event-stream.js';

function setUp(options: FakeModelOptions = {}) {
  const model = fakeModel(options);
  const { parts, recorded } = fakeParts({ served: [model] });
  const app = createApp(parts);
  const post = async (body: unknown, init: RequestInit = {}): Promise<Response> =>
    app.request('/v1/generate', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...init,
    });
  return { model, recorded, post };
}

async function eventsOf(response: Response): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of readEvents(response.body!)) events.push(event);
  return events;
}

async function paramOf(response: Response): Promise<string | undefined> {
  const { error } = (await response.json()) as { error: { param?: string } };
  expect(response.status).toBe(400);
  return error.param;
}

describe('an answer as one body', () => {
  it('has every field of the API', async () => {
    const { post } = setUp();
    const response = await post({ prompt: 'hi' });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      id: expect.any(String),
      model: 'fake',
      text: 'Hello!',
      tokens: [0, 1, 2],
      finish_reason: 'stop',
      usage: { prompt_tokens: 3, cached_tokens: 0, completion_tokens: 3 },
      timings: {
        tokenize_ms: 0.5,
        grammar_ms: 0.25,
        queue_ms: 1,
        restore_ms: 0.75,
        prompt_ms: 2,
        first_token_ms: 3.25,
        decode_ms: 4,
        sample_ms: 0.125,
        suspended_ms: 1.5,
        preemptions: 1,
        prompt_tps: 1500,
        decode_tps: 345.679,
        drafted_tokens: 8,
        accepted_tokens: 6,
      },
    });
  });

  it('hands every parameter to the engine under its name', async () => {
    const { post, model } = setUp();
    const sampling = {
      seed: 7,
      temperature: 0.5,
      top_k: 3,
      top_p: 0.9,
      min_p: 0.1,
      typical_p: 0.8,
      top_n_sigma: 2,
      xtc_probability: 0.1,
      xtc_threshold: 0.2,
      repeat_penalty: 1.1,
      repeat_last_n: 32,
      presence_penalty: 0.3,
      frequency_penalty: -0.3,
      dry_multiplier: 0.8,
      dry_base: 1.75,
      dry_allowed_length: 3,
      dry_penalty_last_n: 64,
      dry_sequence_breakers: ['x'],
      mirostat: 2,
      mirostat_tau: 4,
      mirostat_eta: 0.2,
      dynatemp_range: 0.5,
      dynatemp_exponent: 1.2,
      min_keep: 2,
      logit_bias: [
        [5, -1],
        ['a', false],
      ],
      ignore_eos: true,
      samplers: ['top_k'],
    };
    await post({
      prompt: [1, 2],
      max_tokens: 2,
      stop: 'END',
      logprobs: 3,
      prompt_logprobs: true,
      json_schema: { type: 'object' },
      priority: 2,
      deadline_ms: 500,
      ...sampling,
    });
    const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    expect(model.requests[0]).toMatchObject({
      ...Object.fromEntries(Object.entries(sampling).map(([name, value]) => [camel(name), value])),
      tokens: [1, 2],
      maxTokens: 2,
      stop: ['END'],
      logprobs: 3,
      promptLogprobs: 0,
      jsonSchema: { type: 'object' },
      priority: 2,
      deadlineMs: 500,
    });
  });

  it('hands on a window of -1, all tokens', async () => {
    const { post, model } = setUp();
    await post({ prompt: 'a', repeat_last_n: -1, dry_penalty_last_n: -1 });
    expect(model.requests[0]).toMatchObject({ repeatLastN: -1, dryPenaltyLastN: -1 });
  });

  it('leaves what the client did not send to the engine’s defaults', async () => {
    const { post, model } = setUp();
    await post({ messages: [{ role: 'user', content: 'hi' }] });
    const given = Object.entries(model.requests[0]).filter(([, value]) => value !== undefined);
    expect(given.map(([name]) => name).sort()).toEqual([
      'id',
      'maxPriority',
      'messages',
      'opensSession',
      'signal',
      'tenant',
      'weight',
    ]);
  });
});

describe('a field that is null', () => {
  it('says the same as one that is left out', async () => {
    const { model, post } = setUp();
    await post({
      prompt: 'a',
      temperature: null,
      stop: null,
      samplers: null,
      logprobs: null,
      max_tokens: null,
      grammar: null,
      json_schema: { type: 'object' },
    });
    const given = Object.entries(model.requests[0]).filter(([, value]) => value !== undefined);
    expect(given.map(([name]) => name).sort()).toEqual([
      'id',
      'jsonSchema',
      'maxPriority',
      'opensSession',
      'prompt',
      'signal',
      'tenant',
      'weight',
    ]);
  });
});

describe('a bad request', () => {
  it.each([
    [{}, 'prompt'],
    [{ prompt: 5 }, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: [1, -2] }, 'prompt[1]'],
    [{ prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, 'messages'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: 'x', extra: 1 }] }, 'messages[0].extra'],
    [{ prompt: 'a', bogus: 1 }, 'bogus'],
    [{ prompt: 'a', session_id: 5 }, 'session_id'],
    [{ prompt: 'a', temperature: 'hot' }, 'temperature'],
    [{ prompt: 'a', temperature: -1 }, 'temperature'],
    [{ prompt: 'a', top_p: 1.5 }, 'top_p'],
    [{ prompt: 'a', max_tokens: 1.5 }, 'max_tokens'],
    [{ prompt: 'a', max_tokens: -1 }, 'max_tokens'],
    [{ prompt: 'a', repeat_penalty: 0 }, 'repeat_penalty'],
    [{ prompt: 'a', stop: ['', 'x'] }, 'stop[0]'],
    [{ prompt: 'a', samplers: ['magic'] }, 'samplers[0]'],
    [{ prompt: 'a', logit_bias: [[1]] }, 'logit_bias[0][1]'],
    [{ prompt: 'a', logit_bias: [[1, 2, 3]] }, 'logit_bias[0][2]'],
    [{ prompt: 'a', stream: 'yes' }, 'stream'],
    [{ prompt: 'a', grammar: 'root ::= "a"', json_schema: {} }, 'json_schema'],
    [{ prompt: 'a', json_schema: [] }, 'json_schema'],
    [{ prompt: 'a', deadline_ms: 0 }, 'deadline_ms'],
  ])('%j is refused, naming %s', async (body, param) => {
    expect(await paramOf(await setUp().post(body))).toBe(param);
  });

  it('does not carry a long value back', async () => {
    const response = await setUp().post({ prompt: 'a', temperature: 'x'.repeat(5000) });
    expect((await response.text()).length).toBeLessThan(400);
  });

  it('names the field in our words where the engine refuses it in its own', async () => {
    const refuse = (param: string) => () => new StarlingError('invalid_argument', 'no', { details: { param } });
    expect(await paramOf(await setUp({ refuse: refuse('repeatLastN') }).post({ prompt: 'a' }))).toBe('repeat_last_n');
    expect(await paramOf(await setUp({ refuse: refuse('logitBias[1][0]') }).post({ prompt: 'a' }))).toBe(
      'logit_bias[1][0]',
    );
    expect(await paramOf(await setUp({ refuse: refuse('logitBias.(*') }).post({ prompt: 'a' }))).toBe('logit_bias.(*');
    expect(await paramOf(await setUp({ refuse: refuse('maxTokens') }).post({ prompt: 'a' }))).toBe('max_tokens');
  });

  it('longer than the context names the prompt, or the messages', async () => {
    const refuse = () =>
      new StarlingError('context_length_exceeded', 'a prompt of 99 tokens does not fit the context of 64', {
        details: { limit: 64 },
      });
    const response = await setUp({ refuse }).post({ messages: [{ role: 'user', content: 'x' }], stream: true });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'context_length_exceeded', param: 'messages', message: expect.stringContaining('64') },
    });
  });

  it('finds the queue full as 429 with Retry-After', async () => {
    const refuse = () => new StarlingError('queue_full', 'the queue is full', { details: { retryAfterMs: 2500 } });
    const response = await setUp({ refuse }).post({ prompt: 'a' });
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('3');
  });
});

describe('a stream', () => {
  it('has a token event a token and then one done event without the text', async () => {
    const { post } = setUp();
    const response = await post({ prompt: 'hi', stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = await eventsOf(response);
    expect(events.map(({ event }) => event)).toEqual(['token', 'token', 'token', 'done']);
    expect(JSON.parse(events[1].data)).toEqual({ index: 1, id: 1, text: 'lo' });
    const done = JSON.parse(events[3].data) as Record<string, unknown>;
    expect(done).toMatchObject({
      model: 'fake',
      tokens: [0, 1, 2],
      finish_reason: 'stop',
      usage: { completion_tokens: 3 },
    });
    expect(done).not.toHaveProperty('text');
  });

  it('tells a failure after its beginning as its last event', async () => {
    const beforeToken = (index: number) =>
      index < 2 ? Promise.resolve() : Promise.reject(new StarlingError('worker_failed', 'a worker died'));
    const response = await setUp({ beforeToken }).post({ prompt: 'hi', stream: true });
    const events = await eventsOf(response);
    expect(events.map(({ event }) => event)).toEqual(['token', 'token', 'error']);
    expect(JSON.parse(events[2].data)).toEqual({
      error: {
        code: 'worker_failed',
        type: 'server_error',
        message: 'a worker died',
        request_id: response.headers.get('x-request-id'),
      },
    });
  });

  it('cancels its request when the reader goes away, and is counted then', async () => {
    let asked = -1;
    const { post, model, recorded } = setUp({
      beforeToken: (index) => ((asked = index), index === 0 ? Promise.resolve() : new Promise(() => undefined)),
    });
    const response = await post({ prompt: 'hi', stream: true });
    const reader = response.body!.getReader();
    await reader.read();
    await until(() => asked === 1);
    expect(recorded.requests).toEqual([]);
    await reader.cancel();
    await until(() => recorded.requests.length > 0);
    expect(model.ended).toEqual(['cancelled']);
    expect(recorded.requests).toEqual([expect.objectContaining({ route: '/v1/generate', status: 200 })]);
  });

  it('cancels when the connection is lost before anything was read', async () => {
    const connection = new AbortController();
    const { post, model } = setUp({ beforeToken: () => new Promise(() => undefined) });
    const answer = post({ prompt: 'hi' }, { signal: connection.signal });
    await until(() => model.requests.length > 0);
    connection.abort();
    await answer;
    expect(model.ended).toEqual(['cancelled']);
  });
});
