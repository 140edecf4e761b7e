import path from 'node:path';
import { Starling, type GenerateRequest, type LanguageModel } from '@starling/engine';
import { scriptedModel, type Script } from '@starling/engine/testing';
import {
  APICallError,
  NoSuchModelError,
  Output,
  UnsupportedFunctionalityError,
  cosineSimilarity,
  embed,
  embedMany,
  generateObject,
  generateText,
  jsonSchema,
  rerank,
  stepCountIs,
  streamObject,
  streamText,
  tool,
} from 'ai';
import { z } from 'zod';
import { createStarling, type StarlingOptions } from './index.js';

const DEMO = path.resolve(import.meta.dirname, '../../../apps/server/models/starling-demo-q8_0.gguf');
const prompt = 'What is the capital of France?';

let demo: LanguageModel;
const scripted: LanguageModel[] = [];
beforeAll(async () => {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  demo = await Starling.load(DEMO, { name: 'demo', inline: true, deterministic: true, digestWeights: false });
});
afterAll(async () => {
  await Promise.all([demo, ...scripted].map((model) => model.close({ drain: false })));
});

/** A provider of a model that says what it is told to, and what it was asked. */
function saying(script: Script, defaults?: StarlingOptions) {
  const asked: GenerateRequest[] = [];
  const model = scriptedModel({ script, onRequest: (request) => void asked.push(request) });
  scripted.push(model);
  return { model: createStarling({ models: model, defaults })(), asked, engine: model };
}

const weather = {
  weather: tool({
    description: 'The weather of a city',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => ({ city, degrees: city.length }),
  }),
};
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

describe('what cannot be had', () => {
  const image = { type: 'file' as const, mediaType: 'image/png', data: new Uint8Array([1]) };
  const refused: [string, object, unknown][] = [
    ['a file', { prompt: undefined, messages: [{ role: 'user', content: [image] }] }, UnsupportedFunctionalityError],
    [
      'a choice of a tool that is not there',
      { toolChoice: { type: 'tool', toolName: 'nothing' }, tools: weather },
      UnsupportedFunctionalityError,
    ],
    [
      'a tool that a provider runs',
      { tools: { search: { type: 'provider', id: 'openai.web_search', args: {}, inputSchema: z.object({}) } } },
      UnsupportedFunctionalityError,
    ],
    [
      'an option that is not known',
      { providerOptions: { starling: { temprature: 1 } } },
      { code: 'invalid_request', details: { param: 'providerOptions.starling.temprature' } },
    ],
    [
      'an option of the wrong kind',
      { providerOptions: { starling: { sessionId: 5 } } },
      { code: 'invalid_request', details: { param: 'providerOptions.starling.sessionId' } },
    ],
    [
      'a stage of the sampler that is not there',
      { providerOptions: { starling: { samplers: ['top_q'] } } },
      { code: 'invalid_argument', details: { param: expect.stringMatching(/^providerOptions\.starling\.samplers/) } },
    ],
    [
      'a schema that nothing can be held to',
      { output: Output.object({ schema: jsonSchema({ type: 'colour' } as never) }) },
      { details: { param: expect.stringContaining('responseFormat.schema') } },
    ],
    ['a prompt that is too long', { prompt: 'x'.repeat(70_000) }, { code: 'context_length_exceeded' }],
  ];
  it.each(refused)('is refused by name: %s', async (_, more, error) => {
    // A scripted model is held to no schema.
    const model = 'output' in more ? createStarling({ models: demo })() : saying(() => 'yes').model;
    const failed = await generateText({ model, prompt: 'Hi', ...more } as Parameters<typeof generateText>[0]).catch(
      (thrown: unknown) => thrown,
    );
    if (error === UnsupportedFunctionalityError) expect(UnsupportedFunctionalityError.isInstance(failed)).toBe(true);
    else expect(failed).toMatchObject(error as object);
  });

  it('is warned of where the answer is the same without it', async () => {
    const { model } = saying(() => '{}');
    const { warnings } = await generateObject({ model, prompt: 'Hi', schema: z.object({}), schemaName: 'empty' });
    expect(warnings).toMatchObject([{ type: 'unsupported', feature: 'responseFormat.name' }]);
  });

  it('is a model of a name that nothing has, an image, and a registry’s model that went', async () => {
    const starling = createStarling({ models: [demo] });
    expect(() => starling('other')).toThrow(
      expect.objectContaining({ modelId: 'other', message: expect.stringContaining('demo') }),
    );
    expect(() => starling.imageModel('demo')).toThrow(NoSuchModelError);
    expect(() => createStarling({ models: [] })()).toThrow(NoSuchModelError);
    const registry = Starling.registry();
    await expect(generateText({ model: createStarling({ models: registry })('later'), prompt })).rejects.toThrow(
      NoSuchModelError,
    );
  });
});

describe('failures', () => {
  it('that may pass are tried again by the SDK, others are not', async () => {
    const { model, asked } = saying((_, index) => (index === 0 ? { error: 'queue_full' } : 'yes'));
    expect((await generateText({ model, prompt: 'Hi' })).text).toBe('yes');
    expect(asked).toHaveLength(2);
    const failed = await generateText({
      model: saying([{ error: 'queue_full' }]).model,
      prompt: 'Hi',
      maxRetries: 0,
    }).catch((error: unknown) => error);
    expect(APICallError.isInstance(failed) && [failed.isRetryable, failed.cause]).toEqual([
      true,
      expect.objectContaining({ code: 'queue_full' }),
    ]);
  });

  it('on the way end a stream with an error', async () => {
    const { model, engine } = saying(() => 'word '.repeat(10_000));
    const errors: unknown[] = [];
    for await (const part of streamText({ model, prompt: 'Hi', onError: () => undefined }).fullStream) {
      if (part.type === 'text-delta') void engine.close({ drain: false });
      if (part.type === 'error') errors.push(part.error);
    }
    expect(errors).toMatchObject([{ cause: { code: 'shutting_down' } }]);
  });

  it.each(['whole', 'streamed'])('after an abort are the abort, and the answer ends: %s', async (kind) => {
    const leaving = new AbortController();
    const { model, engine } = saying(() => 'word '.repeat(10_000));
    const ended = new Promise((resolve) =>
      engine.on((event) => event.kind === 'request_ended' && resolve(event.outcome)),
    );
    const request = { model, prompt: 'Hi', abortSignal: leaving.signal };
    if (kind === 'whole') {
      const answer = generateText(request);
      engine.on((event) => event.kind === 'step' && leaving.abort());
      await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    } else {
      const kinds = new Set<string>();
      for await (const part of streamText({ ...request, onError: () => undefined }).fullStream) {
        kinds.add(part.type);
        if (part.type === 'text-delta') leaving.abort();
      }
      expect(kinds).toContain('abort');
    }
    expect(await ended).toEqual({ kind: 'finished', finishReason: 'cancelled' });
  });

  it('do not come from leaving a stream, which ends the answer', async () => {
    const { model, engine } = saying(() => 'word '.repeat(10_000));
    const ended = new Promise((resolve) =>
      engine.on((event) => event.kind === 'request_ended' && resolve(event.outcome)),
    );
    const { stream } = await model.doStream({ prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] });
    const reader = stream.getReader();
    while ((await reader.read()).value?.type !== 'text-delta');
    await reader.cancel();
    expect(await ended).toEqual({ kind: 'finished', finishReason: 'cancelled' });
  });
});
