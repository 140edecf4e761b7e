import { StarlingError } from '@starling/core';
import { fakeModel } from '../test/fake-model.js';

const greedy = { temperature: 0 } as const;

/*
 * The fake runtime refuses a step that does not go on where the state of its slot is, as real models do.
 */
describe('models with a recurrent state', () => {
  it('answer many at a time, each from its own slot, while pages are short and sequences are preempted', async () => {
    const { model, events } = fakeModel({
      info: {
        hasRecurrentState: true,
        maxSequences: 4,
        pageTokens: 4,
        pageCount: 12,
        maxBatchTokens: 8,
        contextLength: 40,
      },
    });
    const answers = Array.from({ length: 12 }, (_, i) =>
      model.generate({ ...greedy, prompt: 'abcdefgh'.slice(0, 1 + (i % 8)), maxTokens: 20 }).result(),
    );
    for (const [i, { text }] of (await Promise.all(answers)).entries()) {
      const first = 'abcdefgh'.charCodeAt(i % 8) + 1;
      expect(text).toBe(String.fromCharCode(...Array.from({ length: 20 }, (_, j) => first + j)));
    }
    expect(events.filter(({ kind }) => kind === 'step_failed')).toEqual([]);
  });

  it('compute a sequence again from its beginning when a step was lost', async () => {
    let steps = 0;
    const { model, runtime } = fakeModel({
      info: { hasRecurrentState: true },
      onStep: () => {
        if (++steps === 4) throw new StarlingError('worker_failed', 'a worker died');
      },
    });
    expect(await model.generate({ ...greedy, prompt: 'abc', maxTokens: 6 }).result()).toMatchObject({ text: 'defghi' });
    expect(runtime.steps.map(({ tokens }) => tokens)).toEqual([2, 1, 1, 2, 1, 2, 1, 1, 1]);
  });
});
