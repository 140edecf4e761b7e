import { StarlingError } from '@starling/core';
import type { FakeModelOptions } from '@starling/transformer/testing';
import { fakeModel, saying, type FakeModelSetUp } from '../test/fake-model.js';
import type { GenerateRequest } from './generate-types.js';
import type { LanguageModel } from './language-model.js';

/** Logits that depend on the last two tokens, so that texts come round again, and now and then on where they are, so that they part again. */
const wandering: NonNullable<FakeModelOptions['logits']> = (logits, history) => {
  const [before = 0, last = 0] = history.slice(-2);
  const turn = history.length % 23 === 0 ? history.length : 0;
  for (let id = 0; id < logits.length; id++)
    logits[id] =
      (((id * 7 + last * 13 + before * 5 + turn * 11) * 2654435761) % 1009) / 60 -
      (id < 256 && (id < 97 || id > 104) ? 12 : 0) -
      (id >= 256 ? 30 : 0);
};

const schema = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 6 },
    sizes: { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 3 },
    isOpen: { type: 'boolean' },
  },
  required: ['city', 'sizes', 'isOpen'],
  additionalProperties: false,
};

const requests: readonly GenerateRequest[] = [
  { prompt: 'abcabcabc', temperature: 0, maxTokens: 90, logprobs: 2 },
  { prompt: 'hgfedc', seed: 4, temperature: 0.8, maxTokens: 80, candidates: 2 },
  { prompt: 'aabb', temperature: 0, maxTokens: 200, stop: ['ha', 'gg', 'ccd'] },
  { prompt: 'a list', seed: 1, jsonSchema: schema, maxTokens: 90, logprobs: 1 },
  { prompt: 'another', temperature: 0, jsonSchema: schema, maxTokens: 60 },
  { prompt: 'words', seed: 2, grammar: 'root ::= "the " ("cat" | "dog") " sat on the " [a-d]+ "."', maxTokens: 60 },
  {
    prompt: 'abc',
    seed: 9,
    temperature: 1,
    repeatPenalty: 1.3,
    presencePenalty: 0.4,
    maxTokens: 70,
    logitBias: [
      [97, 1.5],
      [98, false],
    ],
  },
  { prompt: 'abab', seed: 12, n: 3, maxTokens: 40 },
];

const always = { always: true, maxTokens: 6 } as const;
const info = { contextLength: 512, maxSequences: 8, pageTokens: 8, pageCount: 400 };

async function ask(model: LanguageModel, request: GenerateRequest): Promise<unknown> {
  const { samples, usage } = await model.generate(request).result();
  return {
    samples: samples.map(({ tokens, text, finishReason, stopReason, logprobs, draws }) => ({
      tokens: [...tokens],
      text,
      finishReason,
      stopReason,
      logprobs,
      draws,
    })),
    completionTokens: usage.completionTokens,
  };
}

const draftsOf = (events: ReturnType<typeof fakeModel>['events']): { drafted: number; accepted: number } =>
  events.reduce(
    (sum, event) =>
      event.kind === 'request_ended'
        ? { drafted: sum.drafted + event.timings.draftedTokens, accepted: sum.accepted + event.timings.acceptedTokens }
        : sum,
    { drafted: 0, accepted: 0 },
  );

describe('speculation', () => {
  const plain: unknown[] = [];
  beforeAll(async () => {
    const { model, events } = fakeModel({ info, logits: wandering, speculation: false });
    for (const request of requests) plain.push(await ask(model, request));
    expect(draftsOf(events)).toEqual({ drafted: 0, accepted: 0 });
  });

  it.each<[string, FakeModelSetUp]>([
    ['one after another', {}],
    ['among eight', {}],
    ['with few pages, in small steps', { info: { ...info, pageCount: 40, maxBatchTokens: 16 } }],
    ['with a state for each slot', { info: { ...info, hasRecurrentState: true } }],
    [
      'with a state for each slot and few pages',
      { info: { ...info, hasRecurrentState: true, pageCount: 40, maxBatchTokens: 16 } },
    ],
  ])('gives the same tokens, texts, ends, likelihoods and candidates: %s', async (how, setUp) => {
    const { model, events } = fakeModel({ logits: wandering, info, ...setUp, speculation: always });
    const answers: unknown[] = [];
    if (how === 'one after another') for (const request of requests) answers.push(await ask(model, request));
    else answers.push(...(await Promise.all(requests.map((request) => ask(model, request)))));
    expect(answers).toEqual(plain);
    const { drafted, accepted } = draftsOf(events);
    expect(accepted).toBeGreaterThan(20);
    expect(drafted).toBeGreaterThan(accepted);
    expect(model.statistics()).toMatchObject({ running: 0, queued: 0, suspended: 0, kv: { allocatedBytes: 0 } });
  });

  it('computes what a schema forces a few tokens at a time', async () => {
    const answer = '{"city": "Rome", "sizes": [1, 2], "isOpen": true}';
    const request: GenerateRequest = { prompt: 'tell\n', temperature: 0, jsonSchema: schema, maxTokens: 90 };
    const steps: number[] = [];
    for (const speculation of [false, { ...always, lookup: false }] as const) {
      const { model, runtime } = fakeModel({ logits: saying(answer), info, speculation });
      expect(await model.generate(request).result()).toMatchObject({ text: answer, finishReason: 'stop' });
      steps.push(runtime.steps.length);
    }
    expect(steps[1]).toBeLessThan(0.6 * steps[0]);
  });

  it('gives a session the same turns, also one that was left in the middle of a draft', async () => {
    const turns = async (
      speculation: FakeModelSetUp['speculation'],
      hasRecurrentState: boolean,
    ): Promise<unknown[]> => {
      const { model } = fakeModel({ logits: wandering, info: { ...info, hasRecurrentState }, speculation });
      const told: unknown[] = [];
      for (const prompt of ['abcabc', 'defdef', 'abcdef']) {
        const { tokens, usage } = await model
          .generate({ prompt, temperature: 0, maxTokens: 33, sessionId: 's', stop: ['hh'] })
          .result();
        told.push([...tokens], usage.promptTokens);
      }
      return told;
    };
    for (const isRecurrent of [false, true])
      expect(await turns(always, isRecurrent)).toEqual(await turns(false, isRecurrent));
  });

  it('goes on with the same tokens after a step that was lost, and leaves nothing behind when cancelled', async () => {
    let steps = 0;
    const lost = fakeModel({
      logits: wandering,
      info,
      speculation: always,
      onStep: () => {
        if (++steps % 5 === 0) throw new StarlingError('worker_failed', 'a worker died');
      },
    });
    expect(await ask(lost.model, requests[0])).toEqual(plain[0]);
    for (let after = 1; after < 30; after += 4) {
      const generation = lost.model.generate(requests[0]);
      for await (const part of generation) if (part.kind === 'token' && part.index === after) generation.cancel();
    }
    expect(lost.model.statistics()).toMatchObject({ running: 0, kv: { allocatedBytes: 0 } });
  });

  it('stays on its own where nothing was measured: no step is wider for a clock that stands still', async () => {
    const { model, runtime } = fakeModel({ logits: wandering, info, clock: () => 0 });
    expect(await ask(model, requests[0])).toEqual(plain[0]);
    expect(runtime.steps.slice(1).every(({ tokens }) => tokens === 1)).toBe(true);
  });
});
