import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, Output, embedMany, generateText, stepCountIs, streamText, tool, type LanguageModel } from 'ai';
import { z } from 'zod';
import { until } from '../../../tools/jest/until.js';
import { metrics } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

let server: RunningServer;
beforeAll(async () => {
  // Anthropic's API has no seeds: that it says so is not news.
  globalThis.AI_SDK_LOG_WARNINGS = false;
  server = await startServer(['--ctx-size', '1024']);
});
afterAll(async () => {
  await server?.stop();
});

const openai = () =>
  createOpenAICompatible({
    name: 'starling',
    baseURL: `${server.url}/v1`,
    supportsStructuredOutputs: true,
    includeUsage: true,
  });
const anthropic = () => createAnthropic({ baseURL: `${server.url}/v1`, apiKey: 'none' });
const prompt = 'What is the capital of France?';
const answer = 'The capital of France is Paris.';

/** Tools that tell what they were called with. */
function toolsOf(called: unknown[]) {
  const note = (given: unknown) => {
    called.push(given);
    return Promise.resolve({ seen: called.length });
  };
  return {
    get_weather: tool({
      description: 'The weather of a city',
      inputSchema: z.object({ city: z.enum(['Paris', 'Rome']), days: z.number().int().min(1).max(3) }),
      execute: note,
    }),
    get_time: tool({
      description: 'The time in a zone',
      inputSchema: z.object({ zone: z.enum(['CET', 'UTC']) }),
      execute: note,
    }),
  };
}

/** The model is too small to choose: the first step must call one tool, the second the other, the third none. */
const prepareStep = ({ stepNumber }: { stepNumber: number }) => ({
  toolChoice:
    (
      [
        { type: 'tool', toolName: 'get_weather' },
        { type: 'tool', toolName: 'get_time' },
      ] as const
    ).at(stepNumber) ?? ('none' as const),
});

describe.each<[string, () => LanguageModel]>([
  ['OpenAI-compatible', () => openai()('starling-demo-q8_0')],
  ['Anthropic', () => anthropic()('claude-sonnet-4-5')],
])('the AI SDK with its %s provider', (_, model) => {
  it('gets an answer, whole and streamed, with its figures', async () => {
    const whole = await generateText({ model: model(), prompt, temperature: 0, maxOutputTokens: 30 });
    expect(whole).toMatchObject({
      text: answer,
      finishReason: 'stop',
      usage: { inputTokens: expect.any(Number), outputTokens: expect.any(Number) },
    });
    const streamed = streamText({ model: model(), prompt, temperature: 0, maxOutputTokens: 30 });
    const parts: string[] = [];
    for await (const part of streamed.textStream) parts.push(part);
    expect(parts.join('')).toBe(answer);
    expect(parts.length).toBeGreaterThan(2);
    expect(await streamed.finishReason).toBe('stop');
    expect(await streamed.usage).toMatchObject({
      inputTokens: whole.usage.inputTokens,
      outputTokens: whole.usage.outputTokens,
    });
    expect((await generateText({ model: model(), prompt, temperature: 0, maxOutputTokens: 2 })).finishReason).toBe(
      'length',
    );
  });

  it.each(['whole', 'streamed'])('calls two tools, sends their results back and gets an answer: %s', async (kind) => {
    const called: unknown[] = [];
    const request = {
      model: model(),
      prompt,
      tools: toolsOf(called),
      stopWhen: stepCountIs(3),
      prepareStep,
      temperature: 0,
      maxOutputTokens: 300,
    };
    const steps = kind === 'whole' ? (await generateText(request)).steps : await streamText(request).steps;
    expect(steps).toHaveLength(3);
    // A step may call its tool several times.
    expect(steps.map(({ toolCalls }) => [...new Set(toolCalls.map(({ toolName }) => toolName))])).toEqual([
      ['get_weather'],
      ['get_time'],
      [],
    ]);
    expect(steps.map(({ finishReason }) => finishReason)).toEqual([
      'tool-calls',
      'tool-calls',
      expect.stringMatching(/^(stop|length)$/),
    ]);
    expect(called[0]).toEqual({ city: expect.stringMatching(/^(Paris|Rome)$/), days: expect.any(Number) });
    expect(called.at(-1)).toEqual({ zone: expect.stringMatching(/^(CET|UTC)$/) });
    expect(steps.flatMap(({ toolResults }) => toolResults)).toHaveLength(called.length);
    expect(steps[2].text.length).toBeGreaterThan(0);
  });

  it('gets an object by a schema, whole and streamed', async () => {
    const output = Output.object({ schema: z.object({ city: z.enum(['Paris', 'Rome']), isCapital: z.boolean() }) });
    const request = { model: model(), prompt, output, temperature: 1, seed: 2, maxOutputTokens: 100 };
    const expected = { city: expect.stringMatching(/^(Paris|Rome)$/), isCapital: expect.any(Boolean) };
    expect((await generateText(request)).output).toEqual(expected);
    expect(await streamText(request).output).toEqual(expected);
  });

  it('is told of an error with its status and its words', async () => {
    const failed = await generateText({ model: model(), prompt: 'word '.repeat(3000), maxRetries: 0 }).catch(
      (error: unknown) => error,
    );
    expect(
      APICallError.isInstance(failed) && {
        status: failed.statusCode,
        message: failed.message,
        retry: failed.isRetryable,
      },
    ).toMatchObject({ status: 400, message: expect.stringMatching(/context|tokens/), retry: false });
    const streamed: unknown[] = [];
    for await (const part of streamText({
      model: model(),
      prompt: 'word '.repeat(3000),
      maxRetries: 0,
      onError: () => undefined,
    }).fullStream)
      if (part.type === 'error') streamed.push(part.error);
    expect(streamed.map((error) => APICallError.isInstance(error) && error.statusCode)).toEqual([400]);
  });

  it('ends an answer that is not wanted any more', async () => {
    const leaving = new AbortController();
    const { textStream } = streamText({
      model: model(),
      prompt: 'Tell me a long story about a fox.',
      maxOutputTokens: 400,
      abortSignal: leaving.signal,
      onError: () => undefined,
      onAbort: () => undefined,
    });
    for await (const _ of textStream) {
      leaving.abort();
      break;
    }
    await until(async () => (await metrics(server.url)).get('starling_running_sequences') === 0);
  });
});

describe('the AI SDK', () => {
  it('embeds', async () => {
    const { embeddings, usage } = await embedMany({
      model: openai().textEmbeddingModel('starling-demo-q8_0'),
      values: ['one', 'two'],
    });
    expect(embeddings).toHaveLength(2);
    expect(Math.hypot(...embeddings[0])).toBeCloseTo(1, 4);
    expect(usage.tokens).toBeGreaterThan(1);
  });
});
