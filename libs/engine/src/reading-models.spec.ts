import { EOS, byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel, type FakeModelSetUp } from '../test/fake-model.js';
import { chatTemplateFor } from './chat-template.js';

/** Answers begin with this. */
const START = 200;
const greedy = { temperature: 0 } as const;

/** A letter that depends on all that was read and written. */
const nextLetter = (history: readonly number[]): number =>
  97 + (history.reduce((hash, token) => (hash * 31 + token + 1) % 9973, 7) % 26);

/** What is answered to a prompt. */
function answerTo(prompt: string, length: number): string {
  const history = [...new TextEncoder().encode(prompt), START];
  for (let i = 0; i < length; i++) history.push(nextLetter(history));
  return String.fromCharCode(...history.slice(-length));
}

/** The fake runtime refuses steps that cut what is read, as real models do. */
const reading = ({ info, ...parts }: FakeModelSetUp = {}) =>
  fakeModel({
    logits: (logits, history) => void (logits.fill(-10), (logits[nextLetter(history)] = 10)),
    ...parts,
    info: { decoderStart: START, causal: false, ...info },
  });

describe('models that read a prompt with an encoder', () => {
  it('answer many at a time, each after its own prompt, while pages are short and sequences are preempted', async () => {
    const { model, events } = reading({
      info: { maxSequences: 4, pageTokens: 4, pageCount: 12, maxBatchTokens: 10, contextLength: 40 },
    });
    const prompts = Array.from({ length: 12 }, (_, i) => 'abcdefghij'.slice(0, 1 + (i % 10)));
    const answers = await Promise.all(
      prompts.map((prompt) => model.generate({ ...greedy, prompt, maxTokens: 15 }).result()),
    );
    answers.forEach(({ text }, i) => expect(text).toBe(answerTo(prompts[i], 15)));
    expect(events.map(({ kind }) => kind)).toContain('request_preempted');
    expect(events.filter(({ kind }) => kind === 'step_failed')).toEqual([]);
    expect(model.statistics().kv.freePages).toBe(12);
  });

  it('count what was read, share nothing of it, and give its pages back when nobody waits for the answer', async () => {
    const { model } = reading();
    for (let turn = 0; turn < 2; turn++)
      expect((await model.generate({ ...greedy, prompt: 'abc', maxTokens: 2 }).result()).usage).toEqual({
        promptTokens: 3,
        cachedTokens: 0,
        cacheMiss: { reason: 'off', position: 0 },
        completionTokens: 2,
      });
    const generation = model.generate({ ...greedy, prompt: 'abc', maxTokens: 100 });
    for await (const { kind } of generation) if (kind === 'token') generation.cancel();
    expect(model.statistics().kv.freePages).toBe(model.info.pageCount);
    expect([...generation.promptTokens]).toEqual([97, 98, 99]);
  });

  it('answer several times after one reading', async () => {
    let readings = 0;
    const { model } = reading({
      onStep: (batch) => void (readings += batch.filter(({ startPosition }) => startPosition === 0).length),
    });
    const { samples } = await model.generate({ ...greedy, prompt: 'abc', maxTokens: 5, n: 3 }).result();
    expect(samples.map(({ text }) => text)).toEqual(Array.from({ length: 3 }, () => answerTo('abc', 5)));
    expect(readings).toBe(1);
  });

  it('are not held back from what they have read by penalties', async () => {
    const { model } = reading({ logits: (logits) => void (logits.fill(-10), (logits[98] = 10), (logits[99] = 9)) });
    const { text } = await model.generate({ ...greedy, prompt: 'bbb', maxTokens: 2, presencePenalty: 2 }).result();
    expect(text).toBe('bc');
  });

  it('refuse by name what they cannot do: sessions, likelihoods of prompts and texts, and prompts beyond a step', async () => {
    const { model } = reading({ info: { maxBatchTokens: 16 } });
    expect(() => model.generate({ prompt: 'a', sessionId: 's' })).toThrow(
      expect.objectContaining({
        code: 'not_supported',
        details: expect.objectContaining({ param: 'sessionId' }) as object,
      }) as Error,
    );
    expect(() => model.generate({ prompt: 'a', promptLogprobs: 1 })).toThrow(
      expect.objectContaining({
        code: 'not_supported',
        details: expect.objectContaining({ param: 'promptLogprobs' }) as object,
      }) as Error,
    );
    await expect(model.perplexity('abc')).rejects.toMatchObject({ code: 'not_supported' });
    await expect(model.logits([97, 98])).rejects.toMatchObject({ code: 'not_supported' });
    expect(() => model.generate({ prompt: 'a'.repeat(17) })).toThrow(
      expect.objectContaining({
        code: 'context_length_exceeded',
        details: expect.objectContaining({ promptTokens: 17, limit: 16 }) as object,
      }) as Error,
    );
    // A session that nobody named is not begun.
    expect(
      await model.generate({ ...greedy, prompt: 'a', opensSession: true, maxTokens: 1 }).result(),
    ).not.toHaveProperty('sessionId');
    expect(model.sessionsOf().list()).toEqual([]);
  });

  it('compute no next turn ahead, which they would read anew', async () => {
    const { model, events } = reading({
      chatTemplate: chatTemplateFor(
        '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}',
        byteTokenizer(),
      ),
      logits: (logits, history) =>
        void (logits.fill(-10),
        (logits[history.length - history.lastIndexOf(START) > 3 ? EOS : nextLetter(history)] = 10)),
    });
    expect(
      await model
        .generate({ ...greedy, messages: [{ role: 'user', content: 'a question of a certain length' }] })
        .result(),
    ).toMatchObject({ finishReason: 'stop' });
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(events.map(({ kind }) => kind)).not.toContain('step_failed');
    expect(events.filter(({ kind }) => kind === 'step')).toHaveLength(4);
  });

  it('embed what they read', async () => {
    const { model } = reading({ tokenizer: byteTokenizer() });
    expect((await model.embed(['ab', 'c'])).vectors).toHaveLength(2);
  });
});
