import { EOS } from './testing/byte-tokenizer.js';
import { fakeModel } from '../test/fake-model.js';

const even = { logits: (logits: Float32Array) => void logits.fill(0) };
const wide = { temperature: 1.5, topK: 0, topP: 1, minP: 0 } as const;

describe('constrained answers', () => {
  it('match a grammar, and end when nothing else can follow', async () => {
    const { model } = fakeModel(even);
    const done = await model
      .generate({ ...wide, prompt: 'a', grammar: 'root ::= "x" [0-9] "!"', seed: 1, logprobs: 0 })
      .result();
    expect(done.text).toMatch(/^x[0-9]!$/);
    expect(done).toMatchObject({ finishReason: 'stop', stopReason: { kind: 'constraint_complete' } });
    expect(done.logprobs).toHaveLength(3);
  });

  it('that are whole with the last token that they may have were not cut', async () => {
    const { model } = fakeModel(even);
    const done = await model
      .generate({ ...wide, prompt: 'a', grammar: 'root ::= "x" [0-9] "!"', seed: 1, maxTokens: 3 })
      .result();
    expect(done).toMatchObject({
      text: expect.stringMatching(/^x[0-9]!$/),
      finishReason: 'stop',
      stopReason: { kind: 'constraint_complete' },
    });
    await expect(
      model.generate({ ...wide, prompt: 'a', grammar: 'root ::= "x" [0-9] "!"', seed: 1, maxTokens: 2 }).result(),
    ).resolves.toMatchObject({ finishReason: 'length' });
  });

  it('may end where the grammar may, by the model\u2019s own choice', async () => {
    const { model } = fakeModel({
      logits: (logits, history) =>
        void logits.fill(0).fill(20, history.length > 3 ? EOS : 97, (history.length > 3 ? EOS : 97) + 1),
    });
    const done = await model.generate({ prompt: '.', regex: '[a-z]+', seed: 1 }).result();
    expect(done).toMatchObject({ text: 'aaa', stopReason: { kind: 'end_of_generation' } });
  });

  it('match an expression for each of several samples', async () => {
    const { model } = fakeModel(even);
    const { samples } = await model
      .generate({ ...wide, prompt: 'a', regex: '(yes|no|[0-9]{2,4})', n: 12, seed: 5 })
      .result();
    for (const { text } of samples) expect(text).toMatch(/^(yes|no|[0-9]{2,4})$/);
    expect(new Set(samples.map(({ text }) => text)).size).toBeGreaterThan(3);
  });

  it('are valid JSON of a schema', async () => {
    const { model } = fakeModel(even);
    const jsonSchema = {
      type: 'object',
      properties: { ok: { type: 'boolean' }, n: { type: 'integer', minimum: 0, maximum: 99 } },
      required: ['ok', 'n'],
      additionalProperties: false,
    };
    for (let seed = 0; seed < 5; seed++) {
      const { text } = await model.generate({ ...wide, prompt: 'a', jsonSchema, seed, maxTokens: 200 }).result();
      expect(JSON.parse(text)).toEqual({ ok: expect.any(Boolean), n: expect.any(Number) });
    }
  });

  it.each([
    ['grammar', { grammar: 'root ::= missing' }],
    ['regex', { regex: '(' }],
    ['jsonSchema', { jsonSchema: { type: 'nonsense' } }],
  ])('refuse a %s that is none, naming it', (param, constraint) => {
    const { model } = fakeModel();
    expect(() => model.generate({ prompt: 'a', ...constraint })).toThrow(
      expect.objectContaining({ code: 'invalid_grammar', details: expect.objectContaining({ param }) }),
    );
  });

  it('fail when the vocabulary cannot go on, instead of breaking the grammar', async () => {
    const { model } = fakeModel({ logits: (logits) => void logits.fill(0), info: { vocabSize: 259 } });
    await expect(model.generate({ prompt: 'a', regex: 'ab', logitBias: { 98: false } }).result()).rejects.toMatchObject(
      { code: 'unprocessable' },
    );
  });
});
