import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { startTestServer } from './index.js';

const ask = (content: string) => [{ role: 'user' as const, content }];
const tools = [
  {
    type: 'function' as const,
    function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];

describe('a test server with a script', () => {
  it('gives OpenAI’s client its answers in their order: texts, calls of tools, errors', async () => {
    const server = await startTestServer({
      script: [
        'Hello!',
        { reasoning: 'Look outside.', toolCalls: [{ name: 'weather', arguments: { city: 'Oslo' } }] },
        { error: 'queue_full' },
      ],
    });
    const client = new OpenAI({ baseURL: server.baseUrl, apiKey: 'none', maxRetries: 0 });
    const { model } = server;
    expect((await client.chat.completions.create({ model, messages: ask('Hi') })).choices[0].message.content).toBe(
      'Hello!',
    );
    const { choices } = await client.chat.completions.create({ model, tools, messages: ask('Weather in Oslo?') });
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Oslo"}' } }] },
    });
    await expect(client.chat.completions.create({ model, messages: ask('Hi') })).rejects.toMatchObject({ status: 429 });
    await expect(client.chat.completions.create({ model, messages: ask('Hi') })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('the script is over'),
    });
    expect(server.requests.map(({ messages }) => messages?.at(-1)?.content)).toEqual([
      'Hi',
      'Weather in Oslo?',
      'Hi',
      'Hi',
    ]);
    await server.stop();
    await expect(fetch(server.url)).rejects.toThrow();
    await server.stop();
  });

  it('answers by what it was asked, and speaks the other APIs', async () => {
    const server = await startTestServer({
      model: 'echo',
      script: ({ messages }) => `You said: ${String(messages?.at(-1)?.content)}`,
    });
    const client = new Anthropic({ baseURL: server.url, apiKey: 'none' });
    const message = await client.messages.create({ model: 'echo', max_tokens: 100, messages: ask('Good morning') });
    expect(message).toMatchObject({
      model: 'echo',
      content: [{ type: 'text', text: 'You said: Good morning' }],
      stop_reason: 'end_turn',
    });
    await server.stop();
  });
});

describe('a test server without a script', () => {
  it('has the demo model answer, the same each time', async () => {
    const server = await startTestServer();
    const client = new OpenAI({ baseURL: server.baseUrl, apiKey: 'none' });
    const answer = async () =>
      (await client.chat.completions.create({ model: server.model, messages: ask('What is 12 + 7?'), max_tokens: 16 }))
        .choices[0].message.content;
    const first = await answer();
    expect(first).not.toBe('');
    expect(await answer()).toBe(first);
    await server.stop();
  });
});
