import { AIMessage, HumanMessage, ToolMessage, type AIMessageChunk, type ToolCall } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOllama, OllamaEmbeddings } from '@langchain/ollama';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { until } from '../../../tools/jest/until.js';
import { metrics } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer(['--ctx-size', '1024']);
});
afterAll(async () => {
  await server?.stop();
});

const model = 'starling-demo-q8_0';
const openai = (more: object = {}) =>
  new ChatOpenAI({
    model,
    temperature: 0,
    maxTokens: 30,
    maxRetries: 0,
    apiKey: 'none',
    configuration: { baseURL: `${server.url}/v1` },
    ...more,
  });
const ollama = (more: object = {}) =>
  new ChatOllama({ model, temperature: 0, numPredict: 30, maxRetries: 0, baseUrl: server.url, ...more });
const question = 'What is the capital of France?';
const answer = 'The capital of France is Paris.';

const weather = tool(({ city }) => `sunny in ${city}`, {
  name: 'get_weather',
  description: 'The weather of a city',
  schema: z.object({ city: z.enum(['Paris', 'Rome']) }),
});
const time = tool(() => 'noon', {
  name: 'get_time',
  description: 'The time in a zone',
  schema: z.object({ zone: z.enum(['CET', 'UTC']) }),
});

const resultOf = async (called: typeof weather | typeof time, call: ToolCall): Promise<ToolMessage> =>
  (await (called as typeof weather).invoke({ ...call, type: 'tool_call' })) as ToolMessage;

describe.each<[string, (more?: object) => ChatOpenAI | ChatOllama]>([
  ['ChatOpenAI', openai],
  ['ChatOpenAI over responses', (more) => openai({ useResponsesApi: true, ...more })],
  ['ChatOllama', ollama],
])('LangChain’s %s', (_, chat) => {
  it('gets an answer, whole and streamed, with its figures', async () => {
    const whole = await chat().invoke(question);
    expect(whole.text).toBe(answer);
    expect(whole.usage_metadata).toMatchObject({
      input_tokens: expect.any(Number),
      output_tokens: expect.any(Number),
      total_tokens: expect.any(Number),
    });
    const parts: AIMessageChunk[] = [];
    for await (const part of await chat().stream(question)) parts.push(part);
    expect(parts.map(({ text }) => text).join('')).toBe(answer);
    expect(parts.length).toBeGreaterThan(3);
    const streamed = parts.reduce((all, part) => all.concat(part));
    expect(streamed.usage_metadata).toMatchObject({ total_tokens: whole.usage_metadata?.total_tokens });
  });

  it('gets an object by a schema', async () => {
    const schema = z.object({ city: z.enum(['Paris', 'Rome']), capital: z.boolean() });
    const found = await chat({ temperature: 1 })
      .withStructuredOutput(schema, { method: 'jsonSchema' })
      .invoke(question);
    expect(found).toEqual({ city: expect.stringMatching(/^(Paris|Rome)$/), capital: expect.any(Boolean) });
  });

  it('sends the results of two calls back and gets an answer', async () => {
    const calls = [
      { id: 'call_1', name: 'get_weather', args: { city: 'Paris' } },
      { id: 'call_2', name: 'get_time', args: { zone: 'CET' } },
    ];
    const results = [await resultOf(weather, calls[0]), await resultOf(time, calls[1])];
    const said = await chat()
      .bindTools([weather, time])
      .invoke([new HumanMessage(question), new AIMessage({ content: '', tool_calls: calls }), ...results]);
    expect(said.text.length).toBeGreaterThan(0);
    expect(said.tool_calls).toEqual([]);
  });

  it('ends an answer that is not wanted any more', async () => {
    const leaving = new AbortController();
    const read = async () => {
      for await (const _part of await chat({ maxTokens: 400, numPredict: 400 }).stream(
        'Tell me a long story about a fox.',
        { signal: leaving.signal },
      ))
        leaving.abort();
    };
    await expect(read()).rejects.toThrow(/abort/i);
    await until(async () => (await metrics(server.url)).get('starling_running_sequences') === 0);
  });

  it('is told of an error', async () => {
    await expect(chat().invoke('word '.repeat(6000))).rejects.toThrow(/tokens/);
  });
});

describe('LangChain’s ChatOpenAI', () => {
  it.each([false, true])(
    'calls the tools that it must call, one after the other (over responses: %s)',
    async (useResponsesApi) => {
      const messages: (HumanMessage | AIMessage | ToolMessage)[] = [new HumanMessage(question)];
      for (const one of [weather, time]) {
        const { name } = one;
        const bound = openai({ useResponsesApi, maxTokens: 120, temperature: 1 }).bindTools([weather, time], {
          tool_choice: { type: 'function', function: { name } },
          parallel_tool_calls: false,
        });
        const said = await bound.invoke(messages);
        expect(said.tool_calls).toMatchObject([{ name, id: expect.any(String), args: expect.any(Object) }]);
        messages.push(said, await resultOf(one, said.tool_calls![0]));
      }
      expect(messages.flatMap((message) => (message instanceof ToolMessage ? [message.content] : []))).toEqual([
        expect.stringMatching(/^sunny in (Paris|Rome)$/),
        'noon',
      ]);
      const last = await openai({ useResponsesApi }).invoke(messages);
      expect(last.text.length).toBeGreaterThan(0);
    },
  );
});

describe('LangChain’s embeddings', () => {
  it('are the same from both APIs', async () => {
    const one = await new OpenAIEmbeddings({
      model,
      apiKey: 'none',
      configuration: { baseURL: `${server.url}/v1` },
    }).embedDocuments(['one', 'two']);
    const other = await new OllamaEmbeddings({ model, baseUrl: server.url }).embedDocuments(['one', 'two']);
    expect(one).toHaveLength(2);
    expect(Math.hypot(...one[0])).toBeCloseTo(1, 4);
    one[1].forEach((value, i) => expect(value).toBeCloseTo(other[1][i], 5));
  });
});
