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

const question = [{ role: 'user' as const, content: 'What is the capital of France?' }];
const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', enum: ['Paris', 'Rome'] },
        days: { type: 'integer', minimum: 1, maximum: 3 },
      },
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
};

async function rawChunks(body: object): Promise<Record<string, unknown>[]> {
  const response = await post(`${server.url}/v1/chat/completions`, {
    messages: question,
    temperature: 0,
    max_tokens: 30,
    ...body,
    stream: true,
  });
  const events = (await response.text()).split('\n\n').filter((event) => event !== '');
  expect(events.at(-1)).toBe('data: [DONE]');
  return events.slice(0, -1).map((event) => JSON.parse(event.replace(/^data: /, '')) as Record<string, unknown>);
}

describe('the openai client, on chats', () => {
  it('gets an answer', async () => {
    const answer = await client.chat.completions.create({ model: 'gpt-4o', messages: question, temperature: 0 });
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'gpt-4o',
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: 'The capital of France is Paris.', refusal: null },
          logprobs: null,
        },
      ],
    });
    expect(answer.usage).toMatchObject({
      prompt_tokens: expect.any(Number),
      completion_tokens: expect.any(Number),
      prompt_tokens_details: { cached_tokens: expect.any(Number) },
    });
    expect(answer.usage?.total_tokens).toBe(
      (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
    );
    expect(answer.id).toMatch(/^chatcmpl-/);
  });

  it('has the last message gone on with, tools told to a model whose template has none, and documents refused that it would not show', async () => {
    const begun = [...question, { role: 'assistant' as const, content: 'The capital of France' }];
    const ask = async (more: object): Promise<OpenAI.ChatCompletion> =>
      (await (
        await post(`${server.url}/v1/chat/completions`, {
          messages: begun,
          temperature: 0,
          max_tokens: 20,
          continue_final_message: true,
          add_generation_prompt: false,
          ...more,
        })
      ).json()) as OpenAI.ChatCompletion;
    expect((await ask({})).choices[0].message.content).toBe(' is Paris.');
    const { prompt } = (await (
      await post(`${server.url}/apply-template`, { messages: question, tools: [weather] })
    ).json()) as { prompt: string };
    expect(prompt).toContain('"name": "get_weather"');
    const called = await ask({
      messages: begun,
      tools: [weather],
      tool_choice: 'required',
      parallel_tool_calls: false,
      max_tokens: 200,
    });
    expect(called.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, tool_calls: [{ function: { name: 'get_weather' } }] },
    });
    expect(await ask({ documents: [{ text: 'x' }] })).toMatchObject({ error: { param: 'documents' } });
    expect(await ask({ messages: question })).toMatchObject({ error: { param: 'messages' } });
  });

  it('gets the same answer streamed, of several choices, with log-probabilities for each token', async () => {
    const body = {
      model: 'm',
      messages: question,
      temperature: 0.9,
      seed: 3,
      n: 2,
      logprobs: true,
      top_logprobs: 2,
      max_tokens: 12,
    };
    const whole = await client.chat.completions.create(body);
    const streamed = await client.chat.completions.stream({ ...body, stream: true }).finalChatCompletion();
    for (const index of [0, 1]) {
      expect(streamed.choices[index].message.content).toBe(whole.choices[index].message.content);
      expect(streamed.choices[index].finish_reason).toBe(whole.choices[index].finish_reason);
      expect(streamed.choices[index].logprobs?.content).toEqual(whole.choices[index].logprobs?.content);
      expect(
        whole.choices[index].logprobs?.content?.every(
          ({ top_logprobs: top, bytes }) => top.length === 2 && Array.isArray(bytes),
        ),
      ).toBe(true);
    }
  });

  it('gets one id, one time and one model on all chunks, the role first, and figures only where asked', async () => {
    const plain = await rawChunks({});
    expect(new Set(plain.map(({ id }) => id)).size).toBe(1);
    expect(new Set(plain.map(({ created }) => created)).size).toBe(1);
    expect(plain[0]).toMatchObject({
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta: { role: 'assistant', content: null }, finish_reason: null }],
    });
    expect(plain.at(-1)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }] });
    expect(plain.some((one) => 'usage' in one)).toBe(false);
    const asked = await rawChunks({ stream_options: { include_usage: true } });
    expect(asked.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
    expect(asked.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  it('gets calls of tools whose arguments are valid, whole and streamed alike', async () => {
    const body = {
      model: 'm',
      messages: question,
      temperature: 1,
      seed: 5,
      tools: [weather],
      tool_choice: 'required' as const,
      parallel_tool_calls: false,
    };
    const whole = await client.chat.completions.create(body);
    const [choice] = whole.choices;
    expect(choice.finish_reason).toBe('tool_calls');
    expect(choice.message.content).toBeNull();
    const [call] = choice.message.tool_calls ?? [];
    expect(call).toMatchObject({
      type: 'function',
      id: expect.stringMatching(/.+/),
      function: { name: 'get_weather' },
    });
    const values = JSON.parse(call.type === 'function' ? call.function.arguments : '') as {
      city: string;
      days: number;
    };
    expect(['Paris', 'Rome']).toContain(values.city);
    expect([1, 2, 3]).toContain(values.days);
    const streamed = await client.chat.completions.stream({ ...body, stream: true }).finalChatCompletion();
    const [again] = streamed.choices[0].message.tool_calls ?? [];
    expect(again).toMatchObject({
      type: 'function',
      function: call.type === 'function' ? { name: 'get_weather', arguments: call.function.arguments } : {},
    });
    expect(streamed.choices[0].finish_reason).toBe('tool_calls');
  });

  it('gets deltas of a call without id, type or name after the first', async () => {
    const chunks = await rawChunks({
      max_tokens: 200,
      parallel_tool_calls: false,
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
    });
    const calls = chunks.flatMap(({ choices }) =>
      (choices as { delta: { tool_calls?: Record<string, unknown>[] } }[]).flatMap(
        ({ delta }) => delta.tool_calls ?? [],
      ),
    );
    expect(calls[0]).toMatchObject({
      index: 0,
      id: expect.any(String),
      type: 'function',
      function: { name: 'get_weather', arguments: '' },
    });
    expect(calls.length).toBeGreaterThan(1);
    for (const call of calls.slice(1)) expect(Object.keys(call).sort()).toEqual(['function', 'index']);
  });

  it('goes on after the results of tools', async () => {
    const answer = await client.chat.completions.create({
      model: 'm',
      max_tokens: 10,
      tools: [weather],
      messages: [
        ...question,
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: 'call_1',
              type: 'function',
              function: { name: 'get_weather', arguments: '{"city":"Paris","days":1}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
      ],
    });
    expect(typeof answer.choices[0].message.content).toBe('string');
  });

  it('gets JSON by a schema', async () => {
    const answer = await client.chat.completions.create({
      model: 'm',
      messages: question,
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'city',
          strict: true,
          schema: {
            type: 'object',
            properties: { city: { type: 'string', maxLength: 20 } },
            required: ['city'],
            additionalProperties: false,
          },
        },
      },
    });
    expect(JSON.parse(answer.choices[0].message.content ?? '')).toEqual({ city: expect.any(String) });
  });

  it('may send instructions anywhere, in any role', async () => {
    const answer = await client.chat.completions.create({
      model: 'm',
      max_tokens: 5,
      messages: [
        { role: 'developer', content: 'Be brief.' },
        { role: 'system', content: [{ type: 'text', text: 'Be kind.' }] },
        ...question,
        { role: 'system', content: 'Now.' },
      ],
    });
    expect(answer.choices).toHaveLength(1);
  });

  it.each([
    [{ messages: [] }, 'messages'],
    [{ messages: question, audio: { voice: 'x', format: 'wav' } }, 'audio'],
    [{ messages: question, tool_choice: 'required' }, 'tool_choice'],
    [
      { messages: question, tools: [weather], tool_choice: { type: 'function', function: { name: 'nope' } } },
      'tool_choice',
    ],
    [{ messages: question, top_logprobs: 3 }, 'top_logprobs'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
      'messages[0].content[0].type',
    ],
    [{ messages: question, max_tokens: 'many' }, 'max_tokens'],
  ])('is refused with the field: %j', async (body, param) => {
    const response = await post(`${server.url}/v1/chat/completions`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', code: 'invalid_request', param, message: expect.any(String) },
    });
  });

  it('learns what is served', async () => {
    const { data } = await client.models.list();
    expect(data).toMatchObject([
      { id: 'starling-demo-q8_0', object: 'model', created: expect.any(Number), owned_by: 'starling' },
    ]);
    expect(await client.models.retrieve(data[0].id)).toMatchObject({ id: data[0].id });
    await expect(client.models.retrieve('nope')).rejects.toMatchObject({ status: 404 });
  });

  it('is told of an error in the words of its own API', async () => {
    const tooLong = client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'word '.repeat(3000) }],
    });
    await expect(tooLong).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      type: 'invalid_request_error',
    });
  });

  it('ends an answer when the client goes', async () => {
    const stream = await client.chat.completions.create({
      model: 'm',
      messages: question,
      stream: true,
      max_tokens: 400,
    });
    for await (const part of stream) {
      expect(part.choices).toHaveLength(1);
      break;
    }
    const health = await fetch(`${server.url}/ready`);
    expect(health.status).toBe(200);
  });
});
