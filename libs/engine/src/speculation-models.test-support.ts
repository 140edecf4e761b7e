import { describeWithFixtures, fixturePath } from '../../../tools/fixtures/fixtures.js';
import type { GenerateOptions, GenerateRequest } from './generate-types.js';
import { withGoldenModel } from './golden-models.test-support.js';
import type { LanguageModel } from './language-model.js';
import type { LoadOptions } from './load-options.js';

const models: readonly (readonly [kind: string, folder: string, file: string, vocabSize: number])[] = [
  ['dense', 'archs', 'llama31-gqa-ropefreqs', 512],
  ['windowed', 'archs', 'gemma3', 512],
  ['mixture', 'archs', 'qwen3moe', 512],
  ['recurrent', 'archs-all', 'lfm2-dense', 128],
  ['recurrent', 'archs-all', 'mamba2-dense', 128],
];

/** Requests of all kinds that choose tokens in a way of their own. They go on to their limit, so that drafts have somewhere to go. */
const kinds: readonly GenerateOptions[] = [
  { temperature: 0, logprobs: 3 },
  { temperature: 0.3, seed: 7, logprobs: 2, candidates: 3 },
  { temperature: 0.6, seed: 3, topK: 5, repeatPenalty: 1.05, repeatLastN: 16, frequencyPenalty: 0.1 },
  { temperature: 0.4, seed: 11, mirostat: 2, mirostatTau: 2 },
  { temperature: 0, dryMultiplier: 0.2, dryAllowedLength: 12 },
  { temperature: 0.5, seed: 5, xtcProbability: 0.2, xtcThreshold: 0.2, samplers: ['top_k', 'xtc', 'temperature'] },
  { temperature: 0, promptLogprobs: 1 },
  { temperature: 0.2, seed: 13, n: 2 },
];

for (const [kind, folder, file, vocabSize] of models) {
  describeWithFixtures(`a ${kind} model (${file}) with tokens that are drafted`, () => {
    const options: LoadOptions = {
      inline: true,
      pageTokens: 16,
      contextLength: 160,
      maxBatchTokens: 64,
      maxSequences: 8,
      kvTokens: 2048,
    };
    const period = (length: number, every: number, seed: number) =>
      Array.from({ length }, (_, i) => 3 + (((i % every) * 31 + seed * 17) % (vocabSize - 3)));
    const requests = kinds.map(
      (one, i): GenerateRequest => ({
        ...one,
        tokens: period(30 + 3 * i, 7 + i, i),
        maxTokens: 48 + i,
        logitBias: [
          [0, false],
          [1, false],
          [2, false],
        ],
      }),
    );
    const ask = async (model: LanguageModel, request: GenerateRequest) => {
      const { samples, promptLogprobs, timings } = await model.generate(request).result();
      const drafts = { drafted: timings.draftedTokens, accepted: timings.acceptedTokens };
      return {
        answer: {
          samples: samples.map(({ tokens, text, logprobs, draws, finishReason }) => ({
            tokens: [...tokens],
            text,
            logprobs,
            draws,
            finishReason,
          })),
          promptLogprobs,
        },
        drafts,
      };
    };

    it('gives the same tokens, likelihoods and candidates, alone, among eight, in small chunks, and preempted', async () => {
      const plain: unknown[] = [];
      await withGoldenModel([folder, file], { ...options, speculation: false }, async (model) => {
        for (const request of requests) plain.push((await ask(model, request)).answer);
      });
      const drafts = { drafted: 0, accepted: 0 };
      const count = (one: typeof drafts): void => {
        drafts.drafted += one.drafted;
        drafts.accepted += one.accepted;
      };
      await withGoldenModel(
        [folder, file],
        { ...options, speculation: { always: true, maxTokens: 7 } },
        async (model) => {
          for (const [i, request] of requests.entries()) {
            const { answer, drafts: one } = await ask(model, request);
            expect(answer).toEqual(plain[i]);
            count(one);
          }
        },
      );
      for (const more of [{}, { maxBatchTokens: 16 }, { kvTokens: 512, maxBatchTokens: 24 }]) {
        await withGoldenModel(
          [folder, file],
          { ...options, speculation: { always: true, maxTokens: 5 }, ...more },
          async (model) => {
            const all = await Promise.all(requests.map((request) => ask(model, request)));
            expect(all.map(({ answer }) => answer)).toEqual(plain);
            for (const one of all) count(one.drafts);
            expect(model.statistics()).toMatchObject({ running: 0, queued: 0, kv: { allocatedBytes: 0 } });
          },
        );
      }
      if (kind === 'dense' || kind === 'windowed') {
        // A model that drafts for itself is right about most of what is greedy.
        const own = { drafted: 0, accepted: 0 };
        await withGoldenModel(
          [folder, file],
          {
            ...options,
            kvTokens: 768,
            draftModel: fixturePath(folder, `${file}.gguf`),
            speculation: { always: true, lookup: false, maxTokens: 4 },
          },
          async (model) => {
            const all = await Promise.all(requests.map((request) => ask(model, request)));
            expect(all.map(({ answer }) => answer)).toEqual(plain);
            for (const one of all) {
              own.drafted += one.drafts.drafted;
              own.accepted += one.drafts.accepted;
            }
            expect(model.statistics()).toMatchObject({
              kv: { allocatedBytes: 0 },
              draftModel: { answers: 0, kv: { allocatedBytes: 0 } },
            });
          },
        );
        expect(own.accepted).toBeGreaterThan(own.drafted / 4);
      }
      expect(drafts.accepted).toBeGreaterThan(0);
      expect(drafts.drafted).toBeGreaterThan(drafts.accepted);
    });
  });
}
