import type { LanguageModel } from '@starling/engine';
import {
  Output,
  cosineSimilarity,
  embed,
  embedMany,
  generateObject,
  generateText,
  rerank,
  stepCountIs,
  streamObject,
  streamText,
  tool,
} from 'ai';
import { z } from 'zod';
import { closeScripted, loadDemo, saying, weather } from './ai-provider.test-support.js';
import { createStarling } from './index.js';

const prompt = 'What is the capital of France?';

let demo: LanguageModel;
beforeAll(async () => {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  demo = await loadDemo();
});
afterAll(() => Promise.all([demo.close({ drain: false }), closeScripted()]));

const callOf = (city: string) => ({ name: 'weather', arguments: { city } });

describe('the demo model, asked by the AI SDK in process', () => {
  const starling = () => createStarling({ models: demo })('demo');

  it('answers, whole and streamed alike, with its figures', async () => {
    const request = { model: starling(), prompt, temperature: 0, maxOutputTokens: 30 };
    const whole = await generateText(request);
    expect(whole).toMatchObject({
      text: 'The capital of France is Paris.',
      finishReason: 'stop',
      response: { modelId: 'demo' },
      warnings: [],
    });
    const streamed = streamText(request);
    const pieces: string[] = [];
    for await (const piece of streamed.textStream) pieces.push(piece);
    expect(pieces.join('')).toBe(whole.text);
    expect(pieces.length).toBeGreaterThan(2);
    expect(await streamed.finishReason).toBe('stop');
    // The prompt was found again, but for its last token.
    const { inputTokens } = whole.usage;
    expect(await streamed.usage).toMatchObject({
      inputTokens,
      outputTokens: whole.usage.outputTokens,
      inputTokenDetails: { cacheReadTokens: inputTokens! - 1, noCacheTokens: 1 },
      outputTokenDetails: { reasoningTokens: 0 },
    });
    expect((await generateText({ ...request, maxOutputTokens: 2 })).finishReason).toBe('length');
    expect(await generateText({ ...request, stopSequences: ['France'] })).toMatchObject({
      text: 'The capital of ',
      finishReason: 'stop',
      providerMetadata: { starling: { stopSequence: 'France' } },
    });
  });

  it('draws the same with the same seed, and by options of ours', async () => {
    const draw = async (more: object) =>
      (
        await generateText({
          model: starling(),
          prompt: 'Tell me a story.',
          maxOutputTokens: 12,
          temperature: 2,
          topK: 0,
          topP: 1,
          ...more,
        })
      ).text;
    const first = await draw({ seed: 7, providerOptions: { starling: { minP: 0 } } });
    expect(await draw({ seed: 7, providerOptions: { starling: { minP: 0 } } })).toBe(first);
    expect(await draw({ seed: 8, providerOptions: { starling: { minP: 0 } } })).not.toBe(first);
    const greedy = await draw({ temperature: 0 });
    expect(
      await draw({ seed: 7, providerOptions: { starling: { samplers: ['top_k', 'temperature'] } }, topK: 1 }),
    ).toBe(greedy);
    expect(await draw({ providerOptions: { starling: { regex: '[0-9]{3}' } } })).toMatch(/^[0-9]{3}$/);
  });

  it('gives objects by a schema, whole and streamed', async () => {
    const schema = z.object({ city: z.enum(['Paris', 'Rome']), isCapital: z.boolean() });
    const request = { model: starling(), prompt, temperature: 1, seed: 2, maxOutputTokens: 100 };
    const { object } = await generateObject({ ...request, schema });
    expect(schema.parse(object)).toEqual(object);
    expect((await generateText({ ...request, output: Output.object({ schema }) })).output).toEqual(object);
    const partial: unknown[] = [];
    const streamed = streamObject({ ...request, schema });
    for await (const one of streamed.partialObjectStream) partial.push(one);
    expect(await streamed.object).toEqual(object);
    expect(partial.at(-1)).toEqual(object);
    expect((await generateText({ ...request, output: Output.choice({ options: ['yes', 'no'] }) })).output).toMatch(
      /^(yes|no)$/,
    );
  });

  it('calls tools that it must call, with arguments by their schemas, and goes on with what they gave', async () => {
    const called: unknown[] = [];
    const tools = {
      get_weather: tool({
        inputSchema: z.object({ city: z.enum(['Paris', 'Rome']) }),
        execute: (input) => (called.push(input), 'sunny'),
      }),
    };
    const prepareStep = ({ stepNumber }: { stepNumber: number }) => ({
      toolChoice: stepNumber === 0 ? ('required' as const) : ('none' as const),
    });
    const { steps } = await generateText({
      model: starling(),
      prompt,
      tools,
      prepareStep,
      stopWhen: stepCountIs(2),
      temperature: 0,
      maxOutputTokens: 200,
      providerOptions: { starling: { parallelToolCalls: false } },
    });
    expect(steps.map(({ finishReason }) => finishReason)).toEqual([
      'tool-calls',
      expect.stringMatching(/^(stop|length)$/),
    ]);
    expect(called).toEqual([{ city: expect.stringMatching(/^(Paris|Rome)$/) }]);
  });

  it('embeds texts', async () => {
    const model = createStarling({ models: [demo] }).embeddingModel('demo');
    const { embeddings, usage } = await embedMany({ model, values: ['a starling', 'a starling', 'bread'] });
    expect(Math.hypot(...embeddings[0])).toBeCloseTo(1, 4);
    expect(cosineSimilarity(embeddings[0], embeddings[1])).toBeCloseTo(1, 4);
    expect(usage.tokens).toBeGreaterThan(3);
    const { embedding } = await embed({
      model,
      value: 'a starling',
      providerOptions: { starling: { normalize: false } },
    });
    expect(Math.hypot(...embedding)).not.toBeCloseTo(1, 2);
    await expect(
      embed({ model, value: 'x', providerOptions: { starling: { pooling: 'none' } } }),
    ).rejects.toMatchObject({ code: 'invalid_request', details: { param: 'providerOptions.starling.pooling' } });
    await expect(
      rerank({ model: createStarling({ models: demo }).rerankingModel(), query: 'q', documents: ['d'] }),
    ).rejects.toMatchObject({ code: 'not_supported' });
  });
});

describe('answers as the AI SDK has them', () => {
  it('tell reasoning from text, and count its tokens', async () => {
    const answer = { reasoning: 'Look outside.', content: 'It rains.' };
    const { model } = saying([answer, answer]);
    const whole = await generateText({ model, prompt: 'Weather?' });
    expect(whole).toMatchObject({
      reasoningText: 'Look outside.',
      text: 'It rains.',
      usage: { outputTokenDetails: { reasoningTokens: 13 } },
    });
    const streamed = streamText({ model, prompt: 'Weather?' });
    const kinds: string[] = [];
    for await (const part of streamed.fullStream) if (part.type !== kinds.at(-1)) kinds.push(part.type);
    expect(kinds).toEqual([
      'start',
      'start-step',
      'reasoning-start',
      'reasoning-delta',
      'reasoning-end',
      'text-start',
      'text-delta',
      'text-end',
      'finish-step',
      'finish',
    ]);
    expect([await streamed.reasoningText, await streamed.text, await streamed.totalUsage]).toEqual([
      whole.reasoningText,
      whole.text,
      expect.objectContaining({ outputTokens: whole.usage.outputTokens }),
    ]);
  });

  it.each(['whole', 'streamed'])('run calls side by side and send their results back: %s', async (kind) => {
    const { model, asked } = saying([
      { content: 'One moment.', toolCalls: [callOf('Oslo'), callOf('Rome')] },
      'Rome has 4 degrees.',
    ]);
    const request = {
      model,
      system: 'Be brief.',
      prompt: 'Where is it warmer?',
      tools: weather,
      stopWhen: stepCountIs(3),
    };
    const steps = kind === 'whole' ? (await generateText(request)).steps : await streamText(request).steps;
    expect(steps.map(({ text, finishReason }) => [text, finishReason])).toEqual([
      ['One moment.', 'tool-calls'],
      ['Rome has 4 degrees.', 'stop'],
    ]);
    expect(steps[0].toolResults.map(({ output }) => output)).toEqual([
      { city: 'Oslo', degrees: 4 },
      { city: 'Rome', degrees: 4 },
    ]);
    const ids = steps[0].toolCalls.map(({ toolCallId }) => toolCallId);
    expect(new Set(ids).size).toBe(2);
    expect(asked[1].messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Where is it warmer?' },
      {
        role: 'assistant',
        content: 'One moment.',
        tool_calls: ['Oslo', 'Rome'].map((city, i) => ({
          id: ids[i],
          type: 'function',
          function: { name: 'weather', arguments: { city } },
        })),
      },
      ...['Oslo', 'Rome'].map((city, i) => ({
        role: 'tool',
        tool_call_id: ids[i],
        name: 'weather',
        content: JSON.stringify({ city, degrees: 4 }),
      })),
    ]);
    expect(asked[1].tools).toMatchObject([
      {
        type: 'function',
        function: {
          name: 'weather',
          description: 'The weather of a city',
          parameters: { type: 'object', required: ['city'] },
        },
      },
    ]);
  });

  it.each(['whole', 'streamed'])('run no call that was cut: %s', async (kind) => {
    const { model } = saying(() => ({ toolCalls: [callOf('Oslo'), callOf('Rome')] }));
    const request = { model, prompt: 'Where?', tools: weather, maxOutputTokens: 120 };
    const result = kind === 'whole' ? await generateText(request) : streamText(request);
    expect([(await result.toolCalls).map(({ input }) => input), await result.finishReason]).toEqual([
      [{ city: 'Oslo' }],
      'length',
    ]);
  });

  it('go on with what the assistant has begun to say', async () => {
    const { model, asked } = saying(['and so on']);
    await generateText({
      model,
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Well, ' },
      ],
    });
    expect(asked).toMatchObject([
      {
        continueFinalMessage: true,
        addGenerationPrompt: false,
        messages: [{}, { role: 'assistant', content: 'Well, ' }],
      },
    ]);
  });

  it('carry settings and options of ours to the engine, those of a call before those of the provider', async () => {
    const { model, asked } = saying(() => 'yes', { tenant: 'ann', cacheSalt: 'a', reasoningTokens: 5 });
    const settings = {
      temperature: 0.5,
      topP: 0.9,
      topK: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      seed: 3,
      stopSequences: ['!'],
      maxOutputTokens: 9,
    };
    const { providerMetadata } = await generateText({
      model,
      prompt: 'Hi',
      ...settings,
      providerOptions: {
        starling: { cacheSalt: 'b', sessionId: 'talk', repeatLastN: 10, logprobs: 1, tenant: null },
        openai: { store: true },
      },
    });
    const { maxOutputTokens: maxTokens, stopSequences: stop, ...same } = settings;
    expect(asked).toMatchObject([
      {
        ...same,
        maxTokens,
        stop,
        tenant: 'ann',
        cacheSalt: 'b',
        sessionId: 'talk',
        reasoningTokens: 5,
        repeatLastN: 10,
      },
    ]);
    expect(providerMetadata?.starling).toMatchObject({
      sessionId: 'talk',
      stopReason: { kind: expect.any(String) },
      timings: { decodeMs: expect.any(Number) },
      logprobs: [
        { text: 'y', logprob: expect.any(Number), top: [{ text: expect.any(String) }] },
        { text: 'e' },
        { text: 's' },
      ],
    });
  });

  it('show the engine’s own parts where they are asked for', async () => {
    const raw: unknown[] = [];
    for await (const part of streamText({ model: saying(['yes']).model, prompt: 'Hi', includeRawChunks: true })
      .fullStream)
      if (part.type === 'raw') raw.push(part.rawValue);
    expect(raw.at(-1)).toMatchObject({ kind: 'done' });
  });
});
