import path from 'node:path';
import type { TeamWorker } from '@starling/kernels';
import { nodeWorkers } from '@starling/kernels/node';
import {
  demoModelRoot,
  describeWithFixtures,
  fixturePath,
  golden,
  readFloatFixture,
  readFloats,
  readJson,
  readJsonFixture,
  relativeRms,
} from '../../../tools/fixtures/fixtures.js';
import type { GenerateOptions } from './generate-types.js';
import type { LanguageModel } from './language-model.js';
import type { LoadOptions } from './load-options.js';
import { Starling } from './starling.node.js';
import './prefix-cache-models.test-support.js';
import './speculation-models.test-support.js';

interface GreedyFixture {
  readonly results: readonly {
    readonly prompt: string;
    readonly prompt_tokens: readonly number[];
    readonly tokens: readonly number[];
    readonly text: string;
  }[];
}
interface StageFixture {
  readonly cases: readonly {
    readonly config: string;
    readonly params: Readonly<Record<string, unknown>>;
    readonly seed: number;
    readonly prompt: string;
    readonly tokens: readonly number[];
    readonly text: string;
  }[];
}
interface PerplexityFixture {
  readonly chunks: readonly (readonly number[])[];
  readonly models: Readonly<Record<string, { readonly nll: readonly number[]; readonly ppl: number }>>;
}
interface DemoCase {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly prompt: string;
  readonly prompt_ids: readonly number[];
  readonly f16: { readonly ids: readonly number[]; readonly text: string };
  readonly q8_0: { readonly ids: readonly number[]; readonly text: string };
}

const stories = (type = 'f32') => fixturePath('real', `stories260K-${type}.gguf`);
const exact: LoadOptions = { kvType: 'F32', inline: true };

/** A model for the tests of a group. */
const loaded = (source: () => string, options: LoadOptions): (() => LanguageModel) => {
  let model: LanguageModel | undefined;
  beforeAll(async () => void (model = await Starling.load(source(), options)));
  afterAll(() => model?.close());
  return () => model!;
};

/** The engine's names for llama-server's parameters. */
const inCamelCase = (params: Readonly<Record<string, unknown>>): GenerateOptions =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );

describeWithFixtures('stories260K, F32', () => {
  const model = loaded(stories, exact);

  it('continues three prompts greedily, token for token', async () => {
    for (const { prompt, prompt_tokens: promptTokens, tokens, text } of readJsonFixture<GreedyFixture>(
      'real',
      'greedy-f32.json',
    ).results) {
      const generation = model().generate({ prompt, temperature: 0, maxTokens: 200 });
      expect([...generation.promptTokens]).toEqual(promptTokens);
      const done = await generation.result();
      expect(done.tokens).toEqual(tokens);
      expect(done.text).toBe(text);
    }
  });

  it('draws the reference samples for a seed, all prompts at once', async () => {
    const { results } = readJsonFixture<GreedyFixture>('real', 'sampling-f32.json');
    const answers = await Promise.all(
      results.map(({ prompt }) => model().generate({ prompt, seed: 42, maxTokens: 64 }).result()),
    );
    expect(answers.map(({ tokens }) => tokens)).toEqual(results.map(({ tokens }) => tokens));
  });

  it('draws the reference samples with every stage of the chain, all cases at once', async () => {
    const { cases } = readJsonFixture<StageFixture>('real', 'sampling-stages.json');
    const answers = await Promise.all(
      cases.map(({ params, seed, prompt }) =>
        model()
          .generate({ ...inCamelCase(params), prompt, seed, maxTokens: 64 })
          .result(),
      ),
    );
    answers.forEach((done, i) =>
      expect([cases[i].config, done.tokens, done.text]).toEqual([cases[i].config, cases[i].tokens, cases[i].text]),
    );
  });

  it('gives the reference logits, and the reference perplexity', async () => {
    const { tokens } = readJsonFixture<{ readonly tokens: readonly number[] }>('real', 'stories260K-f32.logits.json');
    const { logits } = await model().logits(tokens);
    expect(relativeRms(logits, readFloatFixture('real', 'stories260K-f32.logits.f32'))).toBeLessThan(1e-5);
    const { chunks, models } = readJsonFixture<PerplexityFixture>('real', 'perplexity.json');
    const scored = await Promise.all(chunks.map((chunk) => model().perplexity(chunk)));
    const nll = scored.reduce((sum, { negativeLogLikelihood }) => sum + negativeLogLikelihood, 0);
    const perplexity = Math.exp(nll / scored.reduce((sum, one) => sum + one.tokens, 0));
    expect(Math.abs(perplexity / models.f32.ppl - 1)).toBeLessThan(1e-4);
  });

  it('gives prompt log-probabilities that add up to the perplexity', async () => {
    const [chunk] = readJsonFixture<PerplexityFixture>('real', 'perplexity.json').chunks;
    const { promptLogprobs } = await model().generate({ tokens: chunk, maxTokens: 0, promptLogprobs: 0 }).result();
    const { negativeLogLikelihood } = await model().perplexity(chunk);
    expect(promptLogprobs?.[0]).toBeUndefined();
    expect(-promptLogprobs!.reduce((sum, entry) => sum + (entry?.logprob ?? 0), 0)).toBeCloseTo(
      negativeLogLikelihood,
      6,
    );
  });
});

describeWithFixtures('stories260K beside others', () => {
  const prompts = [
    'Once upon a time',
    'Lily',
    'The dog was',
    'In the park there',
    'Tom and his mom',
    'A big red ball',
    'One day',
    'She said',
  ];
  const request = (i: number) => ({ prompt: prompts[i], seed: i, maxTokens: 60 + 5 * i });

  it('gives eight generations at once the tokens of one after another, also with few pages, on several threads', async () => {
    const model = await Starling.load(stories(), exact);
    const alone: (readonly number[])[] = [];
    for (let i = 0; i < 8; i++) alone.push((await model.generate(request(i)).result()).tokens);
    await model.close();
    for (const options of [
      exact,
      { ...exact, kvTokens: 512, maxBatchTokens: 16, pageTokens: 16 },
      { ...exact, inline: false, threads: 2 },
    ]) {
      const other = await Starling.load(stories(), options);
      const together = await Promise.all(prompts.map((_, i) => other.generate(request(i)).result()));
      expect(together.map(({ tokens }) => tokens)).toEqual(alone);
      expect(other.statistics()).toMatchObject({ running: 0, queued: 0, kv: { allocatedBytes: 0 } });
      await other.close();
    }
  });

  it('goes on with the same tokens when a worker dies', async () => {
    const started: TeamWorker[] = [];
    const { spawn } = nodeWorkers();
    const spawning = (...args: Parameters<typeof spawn>): TeamWorker => {
      const worker = spawn(...args);
      started.push(worker);
      return worker;
    };
    const model = await Starling.load(stories(), { ...exact, inline: false, threads: 2, workers: { spawn: spawning } });
    const expected = (await model.generate(request(0)).result()).tokens;
    const failures: unknown[] = [];
    model.on((event) => void (event.kind === 'step_failed' && failures.push(event)));
    const tokens: number[] = [];
    for await (const part of model.generate(request(0))) {
      if (part.kind !== 'token') continue;
      tokens.push(part.id);
      if (part.index === 5) await started[0].terminate();
    }
    expect(tokens).toEqual(expected);
    // A worker that dies between two steps is replaced before the next: then none has failed.
    expect(failures.slice(0, 1)).toEqual(
      failures.map(() => expect.objectContaining({ code: 'worker_failed', willRetry: true })),
    );
    await model.close();
  });

  it('gives several answers to one prompt the tokens that each gets alone', async () => {
    const model = await Starling.load(stories(), exact);
    const { samples } = await model.generate({ prompt: prompts[0], seed: 42, maxTokens: 50, n: 4 }).result();
    for (const { sample, tokens } of samples) {
      expect(tokens).toEqual(
        (await model.generate({ prompt: prompts[0], seed: 42 + sample, maxTokens: 50 }).result()).tokens,
      );
    }
    await model.close();
  });

  it('leaves no page allocated after 200 requests of which half are cancelled at random points', async () => {
    const model = await Starling.load(stories(), { ...exact, kvTokens: 2048 });
    let random = 7;
    const below = (limit: number): number => (random = (random * 1103515245 + 12345) % 2147483648) % limit;
    const ends = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const generation = model.generate({ prompt: prompts[i % 8], seed: i, maxTokens: 10 + below(30) });
        let left = i % 2 === 0 ? below(10) : Infinity;
        for await (const { kind } of generation) if (kind === 'token' && left-- === 0) generation.cancel();
        return left < 0 ? 'cancelled' : 'finished';
      }),
    );
    expect(ends.filter((end) => end === 'cancelled').length).toBeGreaterThan(80);
    expect(model.statistics()).toMatchObject({
      queued: 0,
      running: 0,
      suspended: 0,
      kv: { allocatedBytes: 0, freePages: model.info.pageCount },
    });
    await model.close();
  });
});

const cases = () => readJson<DemoCase[]>(golden.demoAnswers);

describeWithFixtures('the demo model in half precision', () => {
  const half = loaded(() => path.join(demoModelRoot, 'starling-demo-f16.gguf'), { inline: true });

  it('answers conversations as the reference does', async () => {
    for (const { messages, prompt, prompt_ids: promptIds, f16: expected } of cases()) {
      expect(half().applyTemplate(messages)).toBe(prompt);
      const generation = half().generate({ messages, temperature: 0 });
      expect([...generation.promptTokens]).toEqual(promptIds);
      const done = await generation.result();
      expect(done.tokens).toEqual(expected.ids);
      expect(done).toMatchObject({ text: expected.text, finishReason: 'stop' });
    }
  });
});

describe('the demo model', () => {
  const quantized = loaded(() => golden.demoModel, { inline: true });

  it('answers conversations as the reference does, but where two tokens are as good as equal', async () => {
    // Each engine rounds activations to 8 bits in its own way.
    const tie = 0.05;
    let same = 0;
    for (const { messages, q8_0: expected } of cases()) {
      const { tokens, logprobs = [] } = await quantized().generate({ messages, temperature: 0, logprobs: 2 }).result();
      const at = tokens.findIndex((token, i) => token !== expected.ids[i]);
      if (at < 0) same++;
      else expect(logprobs[at].top[0].logprob - logprobs[at].top[1].logprob).toBeLessThan(tie);
    }
    expect(same).toBeGreaterThanOrEqual(8);
  });
});

describe('an embedding model', () => {
  const model = loaded(() => path.join(golden.models, 'bert.gguf'), { inline: true });

  it('gives the reference vectors, of each token and pooled', async () => {
    const { tokens, pooled } = readJson<{ readonly tokens: readonly number[]; readonly pooled: readonly number[] }>(
      path.join(golden.models, 'bert.json'),
    );
    const expected = readFloats(path.join(golden.models, 'bert.exact.f32'));
    const each = await model().embed(tokens, { pooling: 'none', normalize: false });
    expect(each.vectors).toHaveLength(tokens.length);
    expect(
      relativeRms(
        each.vectors.flatMap((vector) => Array.from(vector)),
        expected,
      ),
    ).toBeLessThan(1e-5);
    const { vectors } = await model().embed(['something else', tokens, [5, 6, 7]], { normalize: false });
    expect(relativeRms(vectors[1], pooled)).toBeLessThan(1e-3);
    expect(() => model().generate({ prompt: 'a' })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});

describeWithFixtures('loading', () => {
  it('refuses a model that would not fit, with figures', async () => {
    await expect(Starling.load(stories(), { memoryLimitBytes: 2_000_000 })).rejects.toMatchObject({
      code: 'out_of_memory',
      details: {
        name: 'stories260K-f32',
        weightBytes: expect.any(Number),
        kvBytes: expect.any(Number),
        scratchBytes: expect.any(Number),
        usedBytes: 0,
        limitBytes: 2_000_000,
      },
    });
  });

  it('estimates what a model will hold', async () => {
    const estimate = await Starling.estimate(stories('q8_0'), exact);
    const model = await Starling.load(stories('q8_0'), exact);
    expect(model.memory).toEqual(estimate);
    expect(model.info).toMatchObject({ name: 'stories260K-q8_0', source: stories('q8_0'), architecture: 'llama' });
    await model.close();
  });

  it('serves several models from one registry, and replaces one', async () => {
    const registry = Starling.registry(exact);
    await Promise.all([registry.load(stories('f32'), 'a'), registry.load(stories('f16'), 'b')]);
    const prompt = 'Once upon a time';
    const answers = Promise.all(
      ['a', 'b'].map((name) => registry.get(name).generate({ prompt, temperature: 0, maxTokens: 20 }).result()),
    );
    await registry.reload('a', stories('q8_0'));
    expect((await answers).map(({ model }) => model)).toEqual(['a', 'b']);
    expect(registry.get('a').info.source).toBe(stories('q8_0'));
    await registry.close();
  });

  it.each([
    ['a file that is not there', '/nowhere.gguf', 'file_not_found'],
    ['a file that is no model', import.meta.filename, 'invalid_model_file'],
  ])('refuses %s', async (_, source, code) => {
    await expect(Starling.load(source)).rejects.toMatchObject({ code });
  });

  it('refuses to load from bytes that are no model', async () => {
    await expect(Starling.load({ data: new Uint8Array(100) })).rejects.toMatchObject({ code: 'invalid_model_file' });
  });
});
