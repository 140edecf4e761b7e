import { Starling, type LanguageModel } from '@starling/engine';
import {
  APICallError,
  NoSuchModelError,
  Output,
  UnsupportedFunctionalityError,
  generateObject,
  generateText,
  jsonSchema,
  streamText,
} from 'ai';
import { z } from 'zod';
import { closeScripted, loadDemo, saying, weather } from './ai-provider.test-support.js';
import { createStarling } from './index.js';

let demo: LanguageModel;
beforeAll(async () => {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  demo = await loadDemo();
});
afterAll(() => Promise.all([demo.close({ drain: false }), closeScripted()]));

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
    await expect(generateText({ model: createStarling({ models: registry })('later'), prompt: 'Hi' })).rejects.toThrow(
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
