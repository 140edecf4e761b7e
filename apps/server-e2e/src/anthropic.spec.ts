import Anthropic from '@anthropic-ai/sdk';
import { post } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
let client: Anthropic;
beforeAll(async () => {
  server = await startServer();
  client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
});
afterAll(async () => {
  await server?.stop();
});

/** The client's types have no word for it any more; its servers take it. */
const greedy: object = { temperature: 0 };
const question = [{ role: 'user' as const, content: 'What is the capital of France?' }];
const tool = {
  name: 'get_weather',
  description: 'The weather of a city',
  input_schema: {
    type: 'object' as const,
    properties: { city: { type: 'string', enum: ['Paris', 'Rome'] } },
    required: ['city'],
    additionalProperties: false,
  },
};

describe('the Anthropic client', () => {
  it('gets an answer', async () => {
    const message = await client.messages.create({
      model: 'claude-sonnet-5',
      max_tokens: 40,
      ...greedy,
      messages: question,
    });
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-5',
      content: [{ type: 'text', text: 'The capital of France is Paris.' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: {
        input_tokens: expect.any(Number),
        output_tokens: expect.any(Number),
        cache_read_input_tokens: expect.any(Number),
      },
    });
  });

  it('gets the same streamed, with figures', async () => {
    const body = {
      model: 'm',
      max_tokens: 12,
      ...greedy,
      messages: question,
      system: [{ type: 'text' as const, text: 'Be brief.' }],
    };
    const whole = await client.messages.create(body);
    const streamed = await client.messages.stream(body).finalMessage();
    expect(streamed.content).toEqual(whole.content);
    expect(streamed.stop_reason).toBe(whole.stop_reason);
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
  });

  it('sends events in the order of the API, on the path with ?beta=true too', async () => {
    const response = await post(`${server.url}/v1/messages?beta=true`, {
      model: 'm',
      max_tokens: 20,
      messages: question,
      stream: true,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const events = (await response.text()).split('\n\n').filter((one) => one !== '' && !one.startsWith(':'));
    const names = events.map((one) => /^event: (\w+)\ndata: /.exec(one)?.[1]);
    expect(names.slice(0, 3)).toEqual(['message_start', 'ping', 'content_block_start']);
    expect(names.slice(-3)).toEqual(['content_block_stop', 'message_delta', 'message_stop']);
    expect(new Set(names.slice(3, -3))).toEqual(new Set(['content_block_delta']));
    for (const [i, one] of events.entries())
      expect(JSON.parse(one.slice(one.indexOf('data: ') + 6))).toMatchObject({ type: names[i] });
  });

  it('gets a call of a tool, whole and streamed, and goes on with its result', async () => {
    const body = {
      model: 'm',
      max_tokens: 200,
      messages: question,
      tools: [tool],
      tool_choice: { type: 'tool' as const, name: 'get_weather', disable_parallel_tool_use: true },
    };
    for (const message of [await client.messages.create(body), await client.messages.stream(body).finalMessage()]) {
      expect(message.stop_reason).toBe('tool_use');
      const [block] = message.content;
      expect(block).toMatchObject({
        type: 'tool_use',
        id: expect.stringMatching(/.+/),
        name: 'get_weather',
        input: { city: expect.stringMatching(/^(Paris|Rome)$/) },
      });
      const next = await client.messages.create({
        model: 'm',
        max_tokens: 8,
        tools: [tool],
        messages: [
          ...question,
          { role: 'assistant', content: message.content },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: block.type === 'tool_use' ? block.id : '', content: 'sunny' },
            ],
          },
        ],
      });
      expect(next.stop_reason).toBe('max_tokens');
    }
  });

  it('goes on from what servers of others searched and read', async () => {
    const searched = [
      { type: 'server_tool_use', id: 'a', name: 'web_search', input: { query: 'x' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'a',
        content: [{ type: 'web_search_result', title: 'T', url: 'http://a', encrypted_content: 'x' }],
      },
      { type: 'text', text: 'Found.' },
    ];
    const body = {
      model: 'm',
      max_tokens: 1,
      messages: [
        ...question,
        { role: 'assistant', content: searched },
        {
          role: 'user',
          content: [
            { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Words' } },
            { type: 'text', text: 'And?' },
          ],
        },
      ],
    };
    expect(await client.messages.create(body as Anthropic.MessageCreateParamsNonStreaming)).toMatchObject({
      stop_reason: 'max_tokens',
    });
  });

  it('goes on with what the assistant began to say', async () => {
    const message = await client.messages.create({
      model: 'm',
      max_tokens: 20,
      ...greedy,
      messages: [...question, { role: 'assistant', content: 'The capital of France is' }],
    });
    expect(message.content).toEqual([{ type: 'text', text: ' Paris.' }]);
  });

  it('ends at a stop sequence, which it names', async () => {
    const message = await client.messages.create({
      model: 'm',
      max_tokens: 40,
      ...greedy,
      messages: question,
      stop_sequences: ['Paris'],
    });
    expect(message).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'Paris' });
  });

  it('counts tokens: as many as the answer says that its input had', async () => {
    const body = { model: 'm', messages: question, system: 'Be brief.' };
    const { input_tokens: counted } = await client.messages.countTokens(body);
    const { usage } = await client.messages.create({ ...body, max_tokens: 1 });
    expect(usage.input_tokens + (usage.cache_read_input_tokens ?? 0)).toBe(counted);
  });

  it('keeps the prompt the same when only the line of attribution changes', async () => {
    const count = (cch: string) =>
      client.messages.countTokens({
        model: 'm',
        messages: question,
        system: [
          { type: 'text', text: `x-anthropic-billing-header: cc_version=1; cc_entrypoint=cli; cch=${cch};` },
          { type: 'text', text: 'Be brief.' },
        ],
      });
    const plain = await client.messages.countTokens({ model: 'm', messages: question, system: 'Be brief.' });
    expect(await count('a1b2c')).toEqual(plain);
    expect(await count('much longer than that')).toEqual(plain);
  });

  it('takes instructions inside of the conversation and tools that it cannot run', async () => {
    const response = await post(`${server.url}/v1/messages`, {
      model: 'm',
      max_tokens: 4,
      messages: [...question, { role: 'system', content: 'Available agents: none' }],
      tools: [{ type: 'web_search_20260209', name: 'web_search' }, tool],
      metadata: { user_id: 'x' },
      betas: ['unknown'],
    });
    expect(response.status).toBe(200);
  });

  it('learns what is served', async () => {
    const { data } = await client.models.list();
    expect(data).toMatchObject([
      {
        id: 'starling-demo-q8_0',
        type: 'model',
        display_name: 'starling-demo-q8_0',
        created_at: expect.stringMatching(/^\d{4}-/),
      },
    ]);
    expect(await client.models.retrieve(data[0].id)).toMatchObject({ id: data[0].id });
  });

  it('is told of errors in the words of its own API', async () => {
    await expect(client.messages.create({ model: 'm', max_tokens: 0, messages: question })).rejects.toMatchObject({
      status: 400,
      error: { type: 'error', error: { type: 'invalid_request_error' } },
    });
    const wrong = await post(`${server.url}/v1/messages`, '{');
    expect(await wrong.json()).toEqual({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.any(String) },
      request_id: expect.any(String),
    });
  });
});
