import { generate, post, stream, user, type Event, type GenerateAnswer } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server?.stop();
});

const ask = (body: object) => generate(server.url, { temperature: 0, max_tokens: 40, ...body });

async function gather(body: object): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of stream(server.url, { temperature: 0, max_tokens: 40, ...body })) events.push(event);
  return events;
}

describe('POST /v1/generate', () => {
  it('answers with every field', async () => {
    const answer = await ask({ messages: user('What is 12 + 7?') });
    expect(answer).toMatchObject({
      id: expect.any(String),
      model: 'starling-demo-q8_0',
      text: expect.stringContaining('19'),
      finish_reason: 'stop',
    });
    expect(answer.usage.completion_tokens).toBe(answer.tokens.length);
    expect(answer.usage.prompt_tokens).toBeGreaterThan(5);
    expect(Object.keys(answer.timings).sort()).toEqual([
      'accepted_tokens',
      'decode_ms',
      'decode_tps',
      'drafted_tokens',
      'first_token_ms',
      'grammar_ms',
      'preemptions',
      'prompt_ms',
      'prompt_tps',
      'queue_ms',
      'restore_ms',
      'sample_ms',
      'suspended_ms',
      'tokenize_ms',
    ]);
  });

  it('streams the same tokens and the same text', async () => {
    for (const body of [
      { messages: user('Tell me a story about a fox.') },
      { prompt: 'Größe, 数, 🦊: ' },
      { prompt: 'a b c', temperature: 1.2, seed: 7, ignore_eos: true },
    ]) {
      const whole = await ask(body);
      const events = await gather(body);
      const tokens = events.filter(({ event }) => event === 'token').map(({ data }) => data);
      expect(tokens.map(({ id }) => id)).toEqual(whole.tokens);
      expect(tokens.map(({ index }) => index)).toEqual(whole.tokens.map((_, i) => i));
      expect(tokens.map(({ text }) => text).join('')).toBe(whole.text);
      const done = events.at(-1)!;
      expect(done.event).toBe('done');
      expect(done.data).toMatchObject({
        tokens: whole.tokens,
        finish_reason: whole.finish_reason,
        usage: { completion_tokens: whole.tokens.length },
      });
      expect(done.data).not.toHaveProperty('text');
    }
  });

  it('ends a stream with all that its whole answer has, log-probabilities too', async () => {
    const body = {
      prompt: 'Once upon',
      temperature: 0,
      max_tokens: 60,
      logprobs: 30,
      prompt_logprobs: 3,
      ignore_eos: true,
      cache_prompt: false,
    };
    const {
      text: _text,
      id: _id,
      timings: _timings,
      ...whole
    } = (await ask(body)) as GenerateAnswer & Record<string, unknown>;
    expect(whole.logprobs).toHaveLength(60);
    expect((await gather(body)).at(-1)).toMatchObject({ event: 'done', data: whole });
  });

  it('draws the same tokens for the same seed, and others for another', async () => {
    const body = { prompt: 'Once', temperature: 1.5, top_k: 0, top_p: 1, min_p: 0, ignore_eos: true };
    const [a, b, c] = await Promise.all([
      ask({ ...body, seed: 1 }),
      ask({ ...body, seed: 1 }),
      ask({ ...body, seed: 2 }),
    ]);
    expect(b.tokens).toEqual(a.tokens);
    expect(c.tokens).not.toEqual(a.tokens);
  });

  it('ends at max_tokens, at a stop string and at the end of the context', async () => {
    expect(await ask({ messages: user('Tell me a story about a fox.'), max_tokens: 5 })).toMatchObject({
      finish_reason: 'length',
      usage: { completion_tokens: 5 },
    });
    const whole = await ask({ messages: user('What is 12 + 7?') });
    const stopped = await ask({ messages: user('What is 12 + 7?'), stop: ['zzz', '19'] });
    expect(stopped).toMatchObject({
      finish_reason: 'stop',
      stop_sequence: '19',
      text: whole.text.slice(0, whole.text.indexOf('19')),
    });
    const full = await generate(server.url, { prompt: 'a', ignore_eos: true, seed: 3 });
    expect(full.finish_reason).toBe('length');
    expect(full.usage.prompt_tokens + full.usage.completion_tokens).toBeGreaterThanOrEqual(511);
  });

  it('keeps an answer to a grammar and to a schema', async () => {
    expect((await ask({ messages: user('Is the sky blue?'), grammar: 'root ::= "yes" | "no"' })).text).toMatch(
      /^(yes|no)$/,
    );
    const integer = { type: 'integer' };
    const schema = {
      type: 'object',
      properties: { a: integer, b: integer, sum: integer },
      required: ['a', 'b', 'sum'],
      additionalProperties: false,
    };
    const { text } = await ask({
      messages: user('Answer in JSON: what is 6 + 42?'),
      json_schema: schema,
      max_tokens: 200,
    });
    expect(JSON.parse(text)).toEqual({ a: 6, b: 42, sum: 48 });
  });

  it('has the bytes of tokens that are no text alone', async () => {
    const { tokens } = (await (await post(`${server.url}/v1/tokenize`, { text: '\u{1f9ff}' })).json()) as {
      tokens: number[];
    };
    const first = tokens.at(-4)!;
    const { logprobs } = await ask({ prompt: 'a', max_tokens: 1, logprobs: 0, logit_bias: { [first]: 1000 } });
    expect(logprobs).toEqual([expect.objectContaining({ id: first, text: '\ufffd', bytes: [0xf0] })]);
  });

  it('reports log-probabilities where asked', async () => {
    const { logprobs, tokens } = await ask({ messages: user('What is 12 + 7?'), logprobs: 3 });
    expect(logprobs?.map(({ id }) => id)).toEqual(tokens);
    for (const { logprob, top } of logprobs!) {
      expect(top).toHaveLength(3);
      expect(top[0].logprob).toBeCloseTo(logprob, 5);
      expect(logprob).toBeLessThanOrEqual(0);
    }
    const events = await gather({ messages: user('What is 12 + 7?'), logprobs: 0 });
    expect(events[0].data.logprob).toEqual(expect.any(Number));
  });

  it('serves two clients at once, each as if it were alone', async () => {
    const questions = [
      'What is 12 + 7?',
      'What is the capital of France?',
      'Spell the word river.',
      'Tell me a story about a fox.',
    ];
    const alone: GenerateAnswer[] = [];
    for (const question of questions) alone.push(await ask({ messages: user(question) }));
    const together = await Promise.all(questions.map((question) => ask({ messages: user(question) })));
    expect(together.map(({ tokens }) => tokens)).toEqual(alone.map(({ tokens }) => tokens));
  });
});

describe('a bad request', () => {
  const refusal = async (path: string, body: unknown, init: RequestInit = {}) => {
    const response = await post(`${server.url}${path}`, body, init);
    const { error } = (await response.json()) as Required<Pick<GenerateAnswer, 'error'>>;
    expect(error.request_id).toBe(response.headers.get('x-request-id'));
    expect(error.message).not.toMatch(/\bat .*:\d+:\d+/);
    return { status: response.status, code: error.code, param: error.param, message: error.message };
  };

  it.each([
    ['{"prompt": ', { status: 400, code: 'invalid_json' }],
    [{}, { status: 400, code: 'invalid_request', param: 'prompt' }],
    [{ prompt: 7 }, { status: 400, param: 'prompt' }],
    [
      { prompt: 'a', temperature: -1 },
      { status: 400, param: 'temperature' },
    ],
    [
      { prompt: 'a', nonsense: 1 },
      { status: 400, param: 'nonsense' },
    ],
    [{ prompt: [1, 2, 99999] }, { status: 400, param: 'prompt[2]' }],
    [
      { prompt: 'a', model: 'other' },
      { status: 404, code: 'model_not_loaded', param: 'model' },
    ],
    [
      { prompt: 'a', grammar: 'root ::= (' },
      { status: 400, param: 'grammar' },
    ],
    [
      { prompt: 'a', json_schema: { type: 'nonsense' } },
      { status: 400, param: 'json_schema' },
    ],
    [{ messages: [] }, { status: 400, param: 'messages' }],
  ])('%j is refused with %j', async (body, expected) => {
    expect(await refusal('/v1/generate', body)).toMatchObject(expected);
  });

  it('longer than the context is refused with the field and the limit, as one body and as a stream', async () => {
    for (const stream of [false, true]) {
      const prompt = await refusal('/v1/generate', { prompt: 'word '.repeat(2000), stream });
      expect(prompt).toMatchObject({
        status: 400,
        code: 'context_length_exceeded',
        param: 'prompt',
        message: expect.stringContaining('512'),
      });
      expect(await refusal('/v1/generate', { messages: user('word '.repeat(2000)), stream })).toMatchObject({
        param: 'messages',
      });
    }
  });

  it('of the wrong kind, size, path or method gets its own status', async () => {
    expect(await refusal('/v1/generate', '{}', { headers: { 'content-type': 'text/plain' } })).toMatchObject({
      status: 415,
    });
    expect(await refusal('/v1/generate', { prompt: 'x'.repeat(9 << 20) })).toMatchObject({ status: 413 });
    expect(await refusal('/v1/nowhere', {})).toMatchObject({ status: 404 });
    expect(await refusal('/health', {})).toMatchObject({ status: 405 });
  });
});

describe('tokens', () => {
  it('come back as the text they were made of', async () => {
    const text = 'Grüße, 世界! 🦊 <|im_end|>';
    const tokenized = (await (
      await post(`${server.url}/v1/tokenize`, { text, with_offsets: true, with_pieces: true })
    ).json()) as { tokens: number[]; count: number; offsets: [number, number][] };
    expect(tokenized.count).toBe(tokenized.tokens.length);
    expect(tokenized.offsets.at(-1)![1]).toBe(Buffer.byteLength(text));
    expect(await (await post(`${server.url}/v1/detokenize`, { tokens: tokenized.tokens })).json()).toEqual({ text });
  });
});
