import OpenAI from 'openai';
import { post } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
let client: OpenAI;
beforeAll(async () => {
  server = await startServer();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(async () => {
  await server?.stop();
});

describe('the openai client, on completions', () => {
  it('continues a text, and 16 tokens of it where nothing else is said', async () => {
    const answer = await client.completions.create({ model: 'm', prompt: 'Once upon a time', temperature: 0 });
    expect(answer).toMatchObject({
      object: 'text_completion',
      choices: [{ index: 0, text: expect.any(String), logprobs: null }],
    });
    expect(answer.usage?.completion_tokens).toBeLessThanOrEqual(16);
  });

  it('gives the same streamed', async () => {
    const body = {
      model: 'm',
      prompt: ['Once upon a time', 'The sun'],
      temperature: 0.8,
      seed: 4,
      n: 2,
      max_tokens: 8,
    };
    const whole = await client.completions.create(body);
    const texts = ['', '', '', ''];
    const ends: string[] = [];
    for await (const part of await client.completions.create({ ...body, stream: true })) {
      const [choice] = part.choices;
      texts[choice.index] += choice.text;
      if ((choice.finish_reason as string | null) !== null) ends[choice.index] = choice.finish_reason;
    }
    expect(texts).toEqual(whole.choices.map(({ text }) => text));
    expect(ends).toEqual(whole.choices.map(({ finish_reason: reason }) => reason));
    expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  });

  it('scores a prompt as evaluation harnesses do: echo, one token, greedy, prompts as ids', async () => {
    const { tokens: first } = (await (
      await post(`${server.url}/v1/tokenize`, { text: 'The capital of France is Paris.' })
    ).json()) as { tokens: number[] };
    const { tokens: second } = (await (await post(`${server.url}/v1/tokenize`, { text: 'Once upon' })).json()) as {
      tokens: number[];
    };
    const answer = await client.completions.create({
      model: 'm',
      prompt: [first, second],
      max_tokens: 1,
      temperature: 0,
      logprobs: 1,
      echo: true,
      seed: 1234,
    });
    for (const [i, ids] of [first, second].entries()) {
      const { logprobs, text } = answer.choices[i];
      expect(logprobs?.tokens).toHaveLength(ids.length + 1);
      expect(logprobs?.tokens?.slice(0, -1).join('')).toBe(i === 0 ? 'The capital of France is Paris.' : 'Once upon');
      expect(text.startsWith(i === 0 ? 'The capital of France is Paris.' : 'Once upon')).toBe(true);
      expect(logprobs?.token_logprobs?.[0]).toBeNull();
      expect(logprobs?.top_logprobs?.[0]).toBeNull();
      expect(logprobs?.text_offset).toHaveLength(ids.length + 1);
      for (let at = 1; at <= ids.length; at++) {
        const top = Math.max(...Object.values(logprobs?.top_logprobs?.[at] ?? {}));
        expect(logprobs?.token_logprobs?.[at]).toBeLessThanOrEqual(top);
        if (logprobs?.tokens?.[at] === Object.keys(logprobs?.top_logprobs?.[at] ?? {})[0])
          expect(logprobs?.token_logprobs?.[at]).toBe(top);
      }
    }
  });

  it.each([0, 2])('names the token itself beside the %d most likely ones', async (count) => {
    const {
      choices: [{ logprobs }],
    } = await client.completions.create({
      model: 'm',
      prompt: 'Qx zebra',
      max_tokens: 4,
      temperature: 2,
      seed: 3,
      logprobs: count,
      echo: true,
    });
    for (const [i, token] of (logprobs?.tokens ?? []).entries()) {
      const top = logprobs?.top_logprobs?.[i];
      if (i === 0) continue;
      expect(top?.[token]).toBeGreaterThanOrEqual(logprobs?.token_logprobs?.[i] ?? NaN);
      expect(Object.keys(top ?? {}).length).toBeLessThanOrEqual(count + 1);
    }
    expect(logprobs?.tokens?.length).toBeGreaterThan(4);
  });

  it('scores a prompt and generates nothing', async () => {
    const answer = await client.completions.create({
      model: 'm',
      prompt: 'Once upon',
      max_tokens: 0,
      logprobs: 0,
      echo: true,
    });
    expect(answer.choices[0]).toMatchObject({ text: 'Once upon', finish_reason: 'length' });
  });

  it.each([0, 3])('tells of an echoed prompt the same streamed, before %d tokens', async (limit) => {
    const body = { model: 'm', prompt: 'Once upon', max_tokens: limit, temperature: 0, logprobs: 1, echo: true };
    const {
      choices: [whole],
    } = await client.completions.create(body);
    const lists: Record<string, unknown[]> = {};
    for await (const {
      choices: [{ logprobs }],
    } of await client.completions.create({ ...body, stream: true })) {
      for (const [name, list] of Object.entries(logprobs ?? {}) as [string, unknown[]][])
        (lists[name] ??= []).push(...list);
    }
    expect(lists).toEqual(whole.logprobs);
    expect(lists.tokens.length).toBeGreaterThan(limit + 1);
  });

  it.each([
    [{ prompt: 'a', suffix: 'b' }, 'suffix'],
    [{ prompt: 'a', best_of: 3 }, 'best_of'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: [1, 999_999] }, 'prompt[1]'],
    [{ prompt: [[999_999]] }, 'prompt[0][0]'],
    [{ prompt: ['a', [1, 2, 999_999]] }, 'prompt[1][2]'],
  ])('is refused with the field: %j', async (body, param) => {
    const response = await post(`${server.url}/v1/completions`, body);
    expect(response.status).toBe(400);
    expect((await response.json()) as object).toMatchObject({ error: { param, code: 'invalid_request' } });
  });
});

describe('the openai client, on embeddings', () => {
  it('gets vectors of length 1, the same as numbers and as base64', async () => {
    const input = ['The sun is warm.', 'Rain falls.'];
    const numbers = await client.embeddings.create({ model: 'm', input, encoding_format: 'float' });
    // Without a format the client asks for base64 and takes it apart.
    const packed = await client.embeddings.create({ model: 'm', input });
    expect(numbers.data.map(({ index }) => index)).toEqual([0, 1]);
    for (const [i, { embedding }] of numbers.data.entries()) {
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 4);
      expect(Array.from(packed.data[i].embedding)).toEqual(embedding);
    }
    expect(numbers.usage.prompt_tokens).toBeGreaterThan(5);
  });

  it.each([
    [[1, 999_999], 'input[1]'],
    [[[1, 999_999]], 'input[0][1]'],
    [['a', [999_999]], 'input[1][0]'],
  ])('is refused with the place of an unknown id: %j', async (input, param) => {
    await expect(client.embeddings.create({ model: 'm', input: input as number[] })).rejects.toMatchObject({
      status: 400,
      param,
    });
  });

  it('is refused for dimensions that cannot be had', async () => {
    await expect(client.embeddings.create({ model: 'm', input: 'a', dimensions: 3 })).rejects.toMatchObject({
      status: 400,
      param: 'dimensions',
    });
  });
});
