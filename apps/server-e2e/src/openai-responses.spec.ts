import OpenAI from 'openai';
import { post } from './support/client.js';
import { readEvents, responseSchema, type OpenResponse } from './support/open-responses.js';
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

const question = 'What is the capital of France?';
const weather = {
  type: 'function' as const,
  name: 'get_weather',
  description: 'The weather of a city',
  strict: true,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', enum: ['Paris', 'Rome'] } },
    required: ['city'],
    additionalProperties: false,
  },
};
/** The fields that each response has, whatever their values. */
const FIELDS =
  'id object created_at completed_at status incomplete_details model previous_response_id instructions output error tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs temperature reasoning user usage max_output_tokens max_tool_calls store background service_tier metadata safety_identifier prompt_cache_key'.split(
    ' ',
  );

describe('the openai client, on responses', () => {
  it('gets an answer with every field', async () => {
    const response = await client.responses.create({
      model: 'm',
      input: question,
      instructions: 'Be brief.',
      temperature: 0,
      metadata: { a: 'b' },
    });
    expect(response.output_text).toContain('Paris');
    expect(
      Object.keys(response)
        .filter((name) => FIELDS.includes(name))
        .sort(),
    ).toEqual([...FIELDS].sort());
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'm',
      instructions: 'Be brief.',
      metadata: { a: 'b' },
      error: null,
      incomplete_details: null,
      output: [
        {
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', annotations: [] }],
        },
      ],
    });
    const { usage } = response;
    expect(usage?.total_tokens).toBe(usage!.input_tokens + usage!.output_tokens);
  });

  it('gets the same answer streamed, its events numbered and in order', async () => {
    const body = { model: 'm', input: question, temperature: 0 };
    const whole = await client.responses.create(body);
    const types: string[] = [];
    const numbers: number[] = [];
    const stream = client.responses.stream(body);
    for await (const event of stream) {
      types.push(event.type);
      numbers.push(event.sequence_number);
    }
    expect((await stream.finalResponse()).output_text).toBe(whole.output_text);
    expect(numbers).toEqual(numbers.map((_, i) => i));
    expect(types.slice(0, 4)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
    ]);
    expect(types.slice(-4)).toEqual([
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const text = await (await post(`${server.url}/v1/responses`, { ...body, stream: true })).text();
    const events = text.split('\n\n').filter((event) => event !== '' && !event.startsWith(':'));
    expect(events.at(-1)).toBe('data: [DONE]');
    for (const event of events.slice(0, -1)) expect(event).toMatch(/^event: (\S+)\ndata: {"type":"\1"/);
  });

  it('goes on from a stored response, whose prompt is there already', async () => {
    const first = await client.responses.create({ model: 'm', input: question, temperature: 0 });
    const next = await client.responses.create({
      model: 'm',
      input: 'And of Italy?',
      previous_response_id: first.id,
      temperature: 0,
      max_output_tokens: 20,
    });
    const told = await client.responses.create({
      model: 'm',
      input: [
        { role: 'user', content: question },
        { role: 'assistant', content: first.output_text },
        { role: 'user', content: 'And of Italy?' },
      ],
      temperature: 0,
      max_output_tokens: 20,
    });
    expect(next.output_text).toBe(told.output_text);
    expect(next.previous_response_id).toBe(first.id);
    expect(next.usage?.input_tokens).toBe(told.usage?.input_tokens);
    expect(next.usage!.input_tokens_details.cached_tokens).toBeGreaterThan(first.usage!.input_tokens - 2);
    const items = await client.responses.inputItems.list(next.id, { order: 'asc', limit: 2 });
    expect(items.data).toMatchObject([
      { role: 'user', content: [{ text: question }] },
      { type: 'message', role: 'assistant' },
    ]);
    expect(items.has_more).toBe(true);
  });

  it('reads, forgets and misses stored responses', async () => {
    const { id } = await client.responses.create({ model: 'm', input: question, max_output_tokens: 2 });
    expect(await client.responses.retrieve(id)).toMatchObject({
      id,
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
    await client.responses.delete(id);
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
    const { id: unstored } = await client.responses.create({
      model: 'm',
      input: question,
      max_output_tokens: 2,
      store: false,
    });
    await expect(
      client.responses.create({ model: 'm', input: 'x', previous_response_id: unstored }),
    ).rejects.toMatchObject({ status: 404, param: 'previous_response_id' });
  });

  it('gets a call of a function, streamed and whole, and goes on with its output', async () => {
    const body = {
      model: 'm',
      input: question,
      tools: [weather, { type: 'web_search' as const }],
      tool_choice: { type: 'function' as const, name: 'get_weather' },
      parallel_tool_calls: false,
    };
    for (const response of [await client.responses.create(body), await client.responses.stream(body).finalResponse()]) {
      const [item] = response.output;
      if (item.type !== 'function_call') throw new TypeError(`not a call: ${item.type}`);
      expect(item).toMatchObject({ name: 'get_weather', status: 'completed', call_id: expect.stringMatching(/.+/) });
      expect(['Paris', 'Rome']).toContain((JSON.parse(item.arguments) as { city: string }).city);
      const next = await client.responses.create({
        model: 'm',
        previous_response_id: response.id,
        input: [{ type: 'function_call_output', call_id: item.call_id, output: 'sunny' }],
        tools: [weather],
        max_output_tokens: 4,
      });
      expect(next.status).toBe('incomplete');
    }
  });

  it('tries a server out with instructions alone', async () => {
    const response = await client.responses.create({
      model: 'm',
      instructions: 'Be brief.',
      input: [],
      max_output_tokens: 1,
    });
    expect(response).toMatchObject({ status: 'incomplete', usage: { output_tokens: 1 } });
  });

  it('gets JSON by a schema', async () => {
    const schema = {
      type: 'object',
      properties: { sum: { type: 'integer' } },
      required: ['sum'],
      additionalProperties: false,
    };
    const response = await client.responses.create({
      model: 'm',
      input: 'Answer in JSON: what is 6 + 42?',
      text: { format: { type: 'json_schema', name: 'sum', schema } },
      max_output_tokens: 100,
    });
    expect(JSON.parse(response.output_text)).toEqual({ sum: expect.any(Number) });
  });

  it('is told at once, and stopped while it is under way', async () => {
    const stream = await client.responses.create({
      model: 'm',
      input: 'Tell me a story.',
      stream: true,
      ignore_eos: true,
    } as OpenAI.Responses.ResponseCreateParamsStreaming);
    let last: OpenAI.Responses.ResponseStreamEvent | undefined;
    for await (const event of stream) {
      if (event.type === 'response.created')
        expect((await post(`${server.url}/v1/responses/${event.response.id}/cancel`, {})).status).toBe(200);
      last = event;
    }
    expect(last).toMatchObject({ type: 'response.incomplete', response: { status: 'cancelled' } });
  });

  it.each([
    [{ background: true }, 'background'],
    [{ conversation: 'c' }, 'conversation'],
    [{ truncation: 'auto' }, 'truncation'],
    [{ input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] }, 'input[0].content[0].type'],
    [{ input: [{ type: 'compaction', id: 'x', encrypted_content: 'x' }] }, 'input[0].type'],
    [{ input: [] }, 'input'],
    [{ tool_choice: 'required' }, 'tool_choice'],
  ])('%j is refused by name', async (more, param) => {
    const response = await post(`${server.url}/v1/responses`, { model: 'm', input: 'x', ...more });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  });
});

describe('what Open Responses demands', () => {
  const user = (content: unknown) => ({ type: 'message', role: 'user', content });
  const called = { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' };
  const format = {
    type: 'json_schema',
    name: 'city',
    schema: {
      type: 'object',
      properties: { city: { enum: ['Paris', 'Rome'] } },
      required: ['city'],
      additionalProperties: false,
    },
  };

  async function ask(body: object): Promise<readonly OpenResponse[]> {
    const whole = responseSchema.parse(
      await (await post(`${server.url}/v1/responses`, { model: 'm', ...body })).json(),
    );
    const { types, last } = readEvents(
      await (await post(`${server.url}/v1/responses`, { model: 'm', ...body, stream: true })).text(),
    );
    expect(types.slice(0, 2)).toEqual(['response.created', 'response.in_progress']);
    expect(types.at(-1)).toBe('response.completed');
    return [whole, last!];
  }

  it.each([
    ['a message', { input: [user('Say hello in three words.')] }],
    ['a text alone', { input: 'Count from 1 to 5.' }],
    ['parts of a message', { input: [user([{ type: 'input_text', text: 'Say hello.' }])] }],
    [
      'instructions and a system message',
      {
        instructions: 'Be brief.',
        input: [{ type: 'message', role: 'system', content: 'You are a pirate.' }, user('Say hello.')],
      },
    ],
    [
      'several turns',
      {
        input: [
          user('My name is Alice.'),
          {
            type: 'message',
            role: 'assistant',
            content: [{ type: 'output_text', text: 'Hello Alice!', annotations: [] }],
          },
          user('What is my name?'),
        ],
      },
    ],
    [
      'the output of a call',
      {
        input: [user(question), called, { type: 'function_call_output', call_id: 'call_1', output: 'sunny' }],
        tools: [weather],
      },
    ],
    [
      'reasoning of an earlier turn',
      {
        input: [
          user('Hi'),
          { type: 'reasoning', summary: [{ type: 'summary_text', text: 'A greeting.' }] },
          { type: 'message', role: 'assistant', content: 'Hello.' },
          user('Say hello.'),
        ],
        reasoning: { effort: 'low', summary: 'auto' },
      },
    ],
    [
      'all fields',
      {
        input: 'Say hello.',
        metadata: { a: 'b' },
        top_logprobs: 2,
        include: ['message.output_text.logprobs'],
        truncation: 'disabled',
        max_output_tokens: 400,
        max_tool_calls: 2,
        safety_identifier: 's',
        prompt_cache_key: 'k',
        service_tier: 'auto',
        store: false,
        text: { verbosity: 'low' },
        stream_options: { include_obfuscation: false },
      },
    ],
    ['a format of the answer', { input: question, text: { format } }],
  ])('holds for %s, whole and streamed', async (_, body) => {
    for (const response of await ask({ temperature: 0, ...body })) {
      expect(response.status).toBe('completed');
      expect(response.output.map((one) => one.type)).toEqual(['message']);
    }
  });

  it.each([
    ['any', 'required'],
    ['one that is named', { type: 'function', name: 'get_weather' }],
    [
      'one of those allowed',
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'get_weather' }] },
    ],
  ])('holds for calls of tools: %s', async (_, choice) => {
    for (const response of await ask({
      input: question,
      tools: [weather],
      tool_choice: choice,
      parallel_tool_calls: false,
    })) {
      expect(response.output).toMatchObject([{ type: 'function_call', name: 'get_weather', status: 'completed' }]);
    }
  });

  it('holds for an answer that goes on from a stored one', async () => {
    const [first] = await ask({ input: 'My name is Alice.', temperature: 0 });
    for (const response of await ask({ previous_response_id: first.id, input: 'What is my name?', temperature: 0 }))
      expect(response).toMatchObject({ status: 'completed', previous_response_id: first.id });
  });
});
