import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { writeScriptedModel } from './support/scripted-model.js';
import { startServer, type RunningServer } from './support/starling-process.js';
import { TOOL_TEMPLATE } from './support/tool-template.js';

const THOUGHT = 'The weather and the time have to be looked up.';
const BEFORE = 'I will look.';
const LAST = 'It is sunny in Paris at noon.';
/** Thinks, says something and calls two tools; with their results at hand it answers. */
const SCRIPTS = {
  '\n': [
    '<think>\n',
    'The weather and the time',
    ' have to be looked up.',
    '\n</think>\n\n',
    'I will',
    ' look.',
    '\n<tool_call>\n{"name": "get_weather',
    '", "arguments": {"city"',
    ': "Paris"}}\n</tool_call>',
    '\n<tool_call>\n{"name": "get_time',
    '", "arguments": {"zone": ',
    '"CET"}}\n</tool_call>\n',
  ],
  '\t': ['It is', ' sunny', ' in Paris', ' at noon.'],
};
const CALLS = [
  { name: 'get_weather', values: { city: 'Paris' }, result: 'sunny' },
  { name: 'get_time', values: { zone: 'CET' }, result: 'noon' },
];
const QUESTION = 'What is it like in Paris now?';

const object = (name: string) => ({
  type: 'object' as const,
  properties: { [name]: { type: 'string' } },
  required: [name],
  additionalProperties: false,
});
const TOOLS = [
  { name: 'get_weather', description: 'The weather of a city', parameters: object('city') },
  { name: 'get_time', description: 'The time in a zone', parameters: object('zone') },
];
const resultOf = (name: string): string => CALLS.find((call) => call.name === name)?.result ?? 'there is no such tool';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-tools-'));
let server: RunningServer;
let openai: OpenAI;
beforeAll(async () => {
  const model = path.join(folder, 'scripted.gguf');
  await writeScriptedModel(model, { scripts: SCRIPTS, template: TOOL_TEMPLATE, contextLength: 4096 });
  server = await startServer(['-m', model, '--log-level', 'silent']);
  openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(async () => {
  await server?.stop();
  fs.rmSync(folder, { recursive: true });
});

const ways = ['whole', 'streamed'] as const;

describe('a model that thinks, calls two tools and answers with their results', () => {
  it.each(ways)('by the openai client, on chats: %s', async (way) => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: QUESTION }];
    const ask = async (): Promise<OpenAI.ChatCompletion> => {
      const body = {
        model: 'm',
        messages,
        tools: TOOLS.map((tool) => ({ type: 'function' as const, function: tool })),
      };
      return way === 'whole'
        ? openai.chat.completions.create(body)
        : openai.chat.completions.stream({ ...body, stream: true }).finalChatCompletion();
    };
    const [{ message, finish_reason: reason }] = (await ask()).choices;
    expect([reason, message.content]).toEqual(['tool_calls', BEFORE]);
    if (way === 'whole') expect(message).toMatchObject({ reasoning_content: THOUGHT, reasoning: THOUGHT });
    const calls = (message.tool_calls ?? []).flatMap((call) => (call.type === 'function' ? [call] : []));
    expect(calls.map(({ function: { name, arguments: text } }) => [name, JSON.parse(text)])).toEqual(
      CALLS.map(({ name, values }) => [name, values]),
    );
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    messages.push(
      message,
      ...calls.map(({ id, function: { name } }) => ({
        role: 'tool' as const,
        tool_call_id: id,
        content: resultOf(name),
      })),
    );
    const [last] = (await ask()).choices;
    expect(last).toMatchObject({ finish_reason: 'stop', message: { content: LAST } });
  });

  it('by the openai client, which runs the tools itself', async () => {
    const called: string[] = [];
    const tools = TOOLS.map(({ name, ...tool }) => ({
      type: 'function' as const,
      function: { ...tool, name, function: (given: string) => (called.push(given), resultOf(name)) },
    }));
    const runner = openai.chat.completions.runTools({
      model: 'm',
      stream: true,
      messages: [{ role: 'user', content: QUESTION }],
      tools,
    });
    expect(await runner.finalContent()).toBe(LAST);
    expect(called.map((text) => JSON.parse(text) as unknown)).toEqual(CALLS.map(({ values }) => values));
  });

  it.each(ways)('by the openai client, on responses: %s', async (way) => {
    const input: OpenAI.Responses.ResponseInputItem[] = [{ role: 'user', content: QUESTION }];
    const tools = TOOLS.map((tool) => ({ type: 'function' as const, strict: true, ...tool }));
    const ask = async (more: object): Promise<OpenAI.Responses.Response> => {
      const body = { model: 'm', tools, ...more };
      return way === 'whole' ? openai.responses.create(body) : openai.responses.stream(body).finalResponse();
    };
    const first = await ask({ input });
    expect(first.output.map(({ type }) => type)).toEqual(['reasoning', 'message', 'function_call', 'function_call']);
    expect(first.output[0]).toMatchObject({ content: [{ type: 'reasoning_text', text: THOUGHT }] });
    expect([first.output_text, first.usage?.output_tokens_details.reasoning_tokens]).toEqual([
      BEFORE,
      expect.any(Number),
    ]);
    const calls = first.output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
    expect(calls.map(({ name, arguments: text }) => [name, JSON.parse(text)])).toEqual(
      CALLS.map(({ name, values }) => [name, values]),
    );
    const outputs = calls.map(({ call_id, name }) => ({
      type: 'function_call_output' as const,
      call_id,
      output: resultOf(name),
    }));
    for (const next of [
      { previous_response_id: first.id, input: outputs },
      { input: [...input, ...first.output, ...outputs] },
    ]) {
      const last = await ask(next);
      expect([last.status, last.output_text]).toEqual(['completed', LAST]);
    }
  });

  it.each(ways)('by the Anthropic client: %s', async (way) => {
    const client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: QUESTION }];
    const ask = async (): Promise<Anthropic.Message> => {
      const body = {
        model: 'claude-opus-4-8',
        max_tokens: 200,
        messages,
        tools: TOOLS.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters })),
      };
      return way === 'whole' ? client.messages.create(body) : client.messages.stream(body).finalMessage();
    };
    const { content, stop_reason: reason } = await ask();
    expect(reason).toBe('tool_use');
    expect(content).toEqual([
      { type: 'thinking', thinking: THOUGHT, signature: expect.any(String) },
      expect.objectContaining({ type: 'text', text: BEFORE }),
      ...CALLS.map(({ name, values }) => expect.objectContaining({ type: 'tool_use', name, input: values }) as unknown),
    ]);
    const results = content.flatMap((block) =>
      block.type === 'tool_use'
        ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: resultOf(block.name) }]
        : [],
    );
    messages.push({ role: 'assistant', content }, { role: 'user', content: results });
    expect(await ask()).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text', text: LAST }] });
  });

  it.each(ways)('by the Ollama client: %s', async (way) => {
    const client = new Ollama({ host: server.url });
    const body = { model: 'm', think: true, tools: TOOLS.map((tool) => ({ type: 'function', function: tool })) };
    const ask = async (messages: Parameters<typeof client.chat>[0]['messages']) => {
      if (way === 'whole') return (await client.chat({ ...body, messages })).message;
      const whole = {
        role: 'assistant',
        content: '',
        thinking: '',
        tool_calls: [] as NonNullable<Awaited<ReturnType<typeof client.chat>>['message']['tool_calls']>,
      };
      for await (const { message } of await client.chat({ ...body, messages, stream: true })) {
        whole.content += message.content;
        whole.thinking += message.thinking ?? '';
        whole.tool_calls.push(...(message.tool_calls ?? []));
      }
      return whole;
    };
    const question = { role: 'user', content: QUESTION };
    const said = await ask([question]);
    expect(said).toMatchObject({
      content: BEFORE,
      thinking: THOUGHT,
      tool_calls: CALLS.map(({ name, values }) => ({ function: { name, arguments: values } })),
    });
    const results = CALLS.map(({ name, result }) => ({ role: 'tool', content: result, tool_name: name }));
    expect((await ask([question, said, ...results])).content).toBe(LAST);
  });
});

describe('what a model must say', () => {
  const city = z.object({ city: z.enum(['Paris', 'Rome']), days: z.number().int().min(1).max(3) });
  const expected = { city: expect.stringMatching(/^(Paris|Rome)$/) as unknown, days: expect.any(Number) as unknown };
  const messages = [{ role: 'user' as const, content: QUESTION }];

  it('is parsed by the openai client', async () => {
    const chat = await openai.chat.completions.parse({
      model: 'm',
      messages,
      response_format: zodResponseFormat(city, 'city'),
    });
    expect(chat.choices[0].message.parsed).toEqual(expected);
    const response = await openai.responses.parse({
      model: 'm',
      input: QUESTION,
      text: { format: zodTextFormat(city, 'city') },
    });
    expect(response.output_parsed).toEqual(expected);
    const cut = openai.chat.completions.parse({
      model: 'm',
      messages,
      response_format: zodResponseFormat(city, 'city'),
      max_tokens: 2,
    });
    await expect(cut).rejects.toThrow(/length/);
  });

  it('is parsed by the Anthropic client', async () => {
    const client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
    const format = { type: 'json_schema' as const, schema: z.toJSONSchema(city) };
    const message = await client.messages.parse({ model: 'm', max_tokens: 200, messages, output_config: { format } });
    expect(message.parsed_output).toEqual(expected);
  });
});
