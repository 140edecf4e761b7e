import { fakeModel } from '../test/fake-model.js';
import type { GeneratePart, GenerateRequest, PromptPart } from './generate-types.js';
import type { LanguageModel } from './language-model.js';

const read = async (model: LanguageModel, request: GenerateRequest): Promise<GeneratePart[]> => {
  const parts: GeneratePart[] = [];
  for await (const part of model.generate(request)) parts.push(part);
  return parts;
};
const progressOf = (parts: readonly GeneratePart[]) =>
  parts
    .filter((part): part is PromptPart => part.kind === 'prompt')
    .map(({ processedTokens, cachedTokens, totalTokens }) => [processedTokens, cachedTokens, totalTokens]);

describe('what is told on the way', () => {
  it('is how far the prompt is: before its first step, and after each; what the cache has is there at once', async () => {
    const { model } = fakeModel({ info: { maxBatchTokens: 16, contextLength: 128, pageTokens: 8, pageCount: 64 } });
    const request = { tokens: Array.from({ length: 40 }, (_, i) => i), maxTokens: 1, temperature: 0, progress: true };
    const parts = await read(model, request);
    expect(progressOf(parts)).toEqual([
      [0, 0, 40],
      [16, 0, 40],
      [32, 0, 40],
      [40, 0, 40],
    ]);
    expect(parts.findIndex(({ kind }) => kind === 'token')).toBe(4);
    const times = parts.flatMap((part) => (part.kind === 'prompt' ? [part.ms] : []));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBe(0);
    const [first, ...rest] = progressOf(await read(model, request));
    expect(first[0]).toBeGreaterThan(0);
    expect(first[0]).toBe(first[1]);
    expect(rest.at(-1)?.[0]).toBe(40);
  });

  it('is nothing where it is not asked for', async () => {
    const { model } = fakeModel();
    expect(progressOf(await read(model, { prompt: 'ab', maxTokens: 1 }))).toEqual([]);
  });

  it('is what a token was drawn from, after the whole chain', async () => {
    const { model } = fakeModel({
      logits: (logits) =>
        void logits.fill(-20).fill(Math.log(5), 10, 11).fill(Math.log(3), 11, 12).fill(Math.log(2), 12, 13),
    });
    const done = await model
      .generate({ prompt: 'a', maxTokens: 4, temperature: 1, topK: 3, topP: 1, minP: 0, seed: 3, candidates: 5 })
      .result();
    expect(done.draws).toHaveLength(4);
    for (const draw of done.draws ?? []) {
      expect(draw.candidates.map(({ id, probability }) => [id, Math.round(probability * 100)])).toEqual([
        [10, 50],
        [11, 30],
        [12, 20],
      ]);
      expect(draw.probability).toBeCloseTo({ 10: 0.5, 11: 0.3, 12: 0.2 }[draw.id] ?? 0);
    }
    const greedy = await model.generate({ prompt: 'a', maxTokens: 1, temperature: 0, candidates: 5 }).result();
    expect(greedy.draws?.[0]).toMatchObject({ id: 10, probability: 1, candidates: [{ id: 10, probability: 1 }] });
  });

  it('is refused for more candidates than can be told', () => {
    const { model } = fakeModel();
    expect(() => model.generate({ prompt: 'a', candidates: 101 })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ param: 'candidates' }) }),
    );
  });
});
