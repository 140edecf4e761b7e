import fc from 'fast-check';
import { StarlingError } from '@starling/core';
import { FakeModelRuntime, type FakeModelOptions } from '@starling/transformer/testing';
import { fakeModel, type FakeModel, type FakeModelSetUp } from '../../test/fake-model.js';
import type { GenerateRequest } from '../generate-types.js';
import type { LanguageModel } from '../language-model.js';

type Logits = NonNullable<FakeModelOptions['logits']>;

/** Logits that depend on the last two tokens and on where they are: nothing comes round, and seeded draws have something to choose from. */
const wandering: Logits = (logits, history) => {
  const [before = 0, last = 0] = history.slice(-2);
  for (let id = 0; id < logits.length; id++)
    logits[id] =
      (((id * 7 + last * 13 + before * 5 + history.length * 11) * 2654435761) % 1009) / 40 -
      (id < 97 || id > 122 ? 40 : 0);
};

/** The same text, but for every n-th token. */
const agreeingBut =
  (every: number): Logits =>
  (logits, history) => {
    wandering(logits, history);
    if (history.length % every === 0) logits[97 + (history.length % 26)] += 100;
  };

const info = { contextLength: 256, maxSequences: 8, pageTokens: 8, pageCount: 400 };
const always = { always: true, lookup: false, grammar: false, maxTokens: 6 } as const;

interface Drafting extends FakeModelSetUp {
  readonly draft: Logits;
  readonly draftInfo?: FakeModelSetUp['info'];
  readonly onDraftStep?: FakeModelOptions['onStep'];
}

function drafted({
  draft,
  draftInfo,
  onDraftStep,
  ...setUp
}: Drafting): FakeModel & { readonly draftRuntime: FakeModelRuntime } {
  const draftRuntime = new FakeModelRuntime({
    info: { ...info, vocabSize: 259, ...draftInfo },
    logits: draft,
    onStep: onDraftStep,
  });
  return {
    ...fakeModel({
      info,
      logits: wandering,
      speculation: always,
      ...setUp,
      draftModel: { name: 'small', runtime: draftRuntime },
    }),
    draftRuntime,
  };
}

const schema = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 6 },
    sizes: { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 3 },
  },
  required: ['city', 'sizes'],
  additionalProperties: false,
};
const requests: readonly GenerateRequest[] = [
  { prompt: 'a first prompt', temperature: 0, maxTokens: 60, logprobs: 2 },
  { prompt: 'another', seed: 4, temperature: 0.8, maxTokens: 50, candidates: 2 },
  { prompt: 'a list', seed: 1, jsonSchema: schema, maxTokens: 60 },
  { prompt: 'words', seed: 2, grammar: 'root ::= "the " ("cat" | "dog") " sat on the " [a-d]+ "."', maxTokens: 40 },
  { prompt: 'three', seed: 12, n: 3, maxTokens: 30, repeatPenalty: 1.2 },
  { prompt: 'stops', temperature: 0, maxTokens: 80, stop: ['a', 'q'] },
];

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

const draftsOf = (events: FakeModel['events']): { drafted: number; accepted: number } =>
  events.reduce(
    (sum, event) =>
      event.kind === 'request_ended'
        ? { drafted: sum.drafted + event.timings.draftedTokens, accepted: sum.accepted + event.timings.acceptedTokens }
        : sum,
    { drafted: 0, accepted: 0 },
  );

describe('a draft model', () => {
  const plain: unknown[] = [];
  beforeAll(async () => {
    const { model } = fakeModel({ info, logits: wandering });
    for (const request of requests) plain.push(await ask(model, request));
  });

  it.each<[string, Drafting]>([
    ['that agrees', { draft: wandering }],
    ['that agrees mostly', { draft: agreeingBut(5) }],
    ['that never agrees', { draft: agreeingBut(1) }],
    ['with few pages', { draft: agreeingBut(5), draftInfo: { ...info, pageCount: 24 } }],
    ['beside look-up and grammar', { draft: agreeingBut(5), speculation: { always: true } }],
    [
      'of a model with few pages, in small steps',
      { draft: agreeingBut(4), info: { ...info, pageCount: 40, maxBatchTokens: 16 } },
    ],
    ['of a model with a state for each slot', { draft: agreeingBut(4), info: { ...info, hasRecurrentState: true } }],
  ])('%s changes no token, text, end, likelihood or candidate', async (how, setUp) => {
    const { model, events, draftRuntime } = drafted(setUp);
    expect(await Promise.all(requests.map((request) => ask(model, request)))).toEqual(plain);
    const { drafted: all, accepted } = draftsOf(events);
    expect(all).toBeGreaterThan(40);
    expect(accepted).toBeLessThanOrEqual(all);
    if (how === 'that agrees') expect(accepted).toBeGreaterThan(60);
    expect(draftRuntime.steps.length).toBeGreaterThan(0);
    await model.close();
  });

  it('has the greedy answer come in a fraction of the steps, where it agrees', async () => {
    const { model, runtime } = drafted({ draft: wandering });
    await ask(model, requests[0]);
    expect(runtime.steps.length).toBeLessThan(60 / 5);
  });

  it('computes a prompt once for n answers, and a conversation from where it was left', async () => {
    const { model, draftRuntime } = drafted({ draft: wandering });
    const prompt = 'x'.repeat(100);
    const tokensBefore = (): number => draftRuntime.steps.reduce((sum, { tokens }) => sum + tokens, 0);
    await model.generate({ prompt, n: 4, temperature: 0, maxTokens: 8 }).result();
    expect(tokensBefore()).toBeLessThan(2 * 100);
    const first = await model
      .generate({ prompt: 'begin with this', temperature: 0, maxTokens: 40, sessionId: 's' })
      .result();
    const before = tokensBefore();
    await model.generate({ prompt: ' go on', temperature: 0, maxTokens: 4, sessionId: 's' }).result();
    expect(tokensBefore() - before).toBeLessThan(first.tokens.length);
  });

  it('is paid for by those that it drafts for, as part of what the machine was busy with', async () => {
    const time = { now: 0 };
    const takes = (ms: number) => () => void (time.now += ms);
    const { model, events } = drafted({
      draft: agreeingBut(3),
      clock: () => time.now,
      onStep: takes(10),
      onDraftStep: takes(4),
    });
    const ask = (tenant: string, maxTokens: number) =>
      model.generate({ prompt: `of ${tenant}`, tenant, temperature: 0, maxTokens }).result();
    // An answer of one token is never drafted.
    await Promise.all([ask('drafted', 40), ask('plain', 1)]);
    await model.close();
    const spent = events.reduce(
      (sum, event) => ({
        ...sum,
        ...((event.kind === 'step' || event.kind === 'draft_step') && {
          [event.kind]: sum[event.kind] + event.durationMs,
        }),
      }),
      { step: 0, draft_step: 0 },
    );
    expect(spent.draft_step).toBeGreaterThan(40);
    const [one, other] = model.statistics().tenants;
    expect([one.tenant, other.tenant]).toEqual(['drafted', 'plain']);
    expect(one.servedMs + other.servedMs).toBeCloseTo(spent.step + spent.draft_step);
    expect(one.servedMs).toBeGreaterThan(spent.draft_step);
  });

  it('shares nothing between tenants', async () => {
    const { model, draftRuntime } = drafted({ draft: wandering });
    const prompt = 'x'.repeat(100);
    const tokens: number[] = [];
    for (const tenant of ['a', 'b', 'b']) {
      const before = draftRuntime.steps.reduce((sum, step) => sum + step.tokens, 0);
      await model.generate({ prompt, tenant, temperature: 0, maxTokens: 4 }).result();
      tokens.push(draftRuntime.steps.reduce((sum, step) => sum + step.tokens, 0) - before);
    }
    expect(tokens[1]).toBeGreaterThanOrEqual(100);
    expect(tokens[2]).toBeLessThan(50);
  });

  it('that fails again and again is left alone, and the answer comes all the same', async () => {
    const { model, events } = drafted({
      draft: wandering,
      onDraftStep: () => {
        throw new StarlingError('worker_failed', 'a worker died');
      },
    });
    expect(await ask(model, requests[0])).toEqual(plain[0]);
    const failures = events.filter((event) => event.kind === 'step_failed');
    expect(failures.map(({ willRetry }) => willRetry)).toEqual([true, true, false]);
    expect(failures[0].message).toContain('small');
  });

  it('drafts nothing that its context or its vocabulary has no room for', async () => {
    for (const draftInfo of [{ contextLength: 24 }, { vocabSize: 105 }]) {
      const { model } = drafted({ draft: wandering, draftInfo: { ...info, ...draftInfo } });
      expect(await ask(model, requests[0])).toEqual(plain[0]);
    }
  });

  it('is asked for nothing where nothing was measured, and is closed with its model', async () => {
    const { model, draftRuntime } = drafted({ draft: wandering, speculation: true, clock: () => 0 });
    expect(await ask(model, requests[0])).toEqual(plain[0]);
    expect(draftRuntime.steps).toEqual([]);
    await model.close();
    await expect(draftRuntime.step([])).rejects.toMatchObject({ code: 'closed' });
  });

  // What was measured of a model and of one of a tenth of its size, in milliseconds: weights are read once for four rows.
  const stepMs = (rows: number): number =>
    rows === 1 ? 27 : rows <= 4 ? 34 : rows <= 8 ? 46 : rows <= 16 ? 70 : 7 * rows;
  it.each([
    ['agrees on 80 % of the tokens', 5, 1.6, 3],
    ['agrees on none', 1, 0.98, 1.001],
  ])('that %s makes the time worth it', async (_, every, least, most) => {
    const time = { now: 0 };
    const clock = (): number => time.now;
    const spend =
      (share: number) =>
      (batch: readonly { readonly tokens: ArrayLike<number> }[]): void =>
        void (time.now += share * stepMs(batch.reduce((sum, { tokens }) => sum + tokens.length, 0)));
    const msOf = async (model: LanguageModel): Promise<number> => {
      for (const prompt of ['the first to learn from', 'another'])
        await ask(model, { prompt, temperature: 0, maxTokens: 200 });
      const before = time.now;
      expect(await ask(model, { prompt: 'a first prompt', temperature: 0, maxTokens: 200 })).toMatchObject({
        completionTokens: 200,
      });
      return time.now - before;
    };
    const setUp = { info, logits: wandering, clock, onStep: spend(1), speculation: { lookup: false } } as const;
    const off = await msOf(fakeModel({ ...setUp, speculation: false }).model);
    const on = await msOf(
      drafted({
        ...setUp,
        draft: agreeingBut(every),
        draftInfo: { ...info, weightBytes: 1 },
        info: { ...info, weightBytes: 10 },
        onDraftStep: spend(0.1),
      }).model,
    );
    expect(off / on).toBeGreaterThan(least);
    expect(off / on).toBeLessThan(most);
  });

  it('whatever is cancelled, and whoever loses pages: the same tokens come, and all pages are given back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ request: fc.nat(requests.length - 1), cancelAfter: fc.option(fc.nat(20)) }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.record({
          every: fc.integer({ min: 1, max: 9 }),
          pageCount: fc.integer({ min: 30, max: 80 }),
          draftPages: fc.integer({ min: 4, max: 60 }),
          prefixCache: fc.boolean(),
        }),
        async (asked, { every, pageCount, draftPages, prefixCache }) => {
          const { model } = drafted({
            draft: agreeingBut(every),
            info: { ...info, pageCount },
            draftInfo: { ...info, pageCount: draftPages },
            prefixCache,
          });
          const answers = asked.map(async ({ request, cancelAfter }) => {
            if (cancelAfter === null) return expect(await ask(model, requests[request])).toEqual(plain[request]);
            const generation = model.generate(requests[request]);
            for await (const part of generation)
              if (part.kind === 'token' && part.index === cancelAfter) generation.cancel();
            return undefined;
          });
          await Promise.all(answers);
          expect(model.statistics()).toMatchObject({
            running: 0,
            queued: 0,
            kv: { allocatedBytes: 0 },
            draftModel: { answers: 0, kv: { allocatedBytes: 0 } },
          });
          await model.close();
        },
      ),
      { numRuns: 12 },
    );
  });
});
