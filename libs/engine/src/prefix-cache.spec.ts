import type { Tokenizer } from '@starling/tokenizer';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel, saying } from '../test/fake-model.js';
import { chatTemplateFor } from './chat-template.js';
import type { GenerateOptions, MessagesPrompt } from './generate-types.js';
import type { LanguageModel } from './language-model.js';

const greedy = { temperature: 0, maxTokens: 4 } as const;

describe('the prefix cache of a model', () => {
  it('tells how much of a prompt was known, and why not more', async () => {
    const { model, runtime } = fakeModel({ info: { pageTokens: 4 } });
    const prompt = 'abcdefghij';
    const first = await model.generate({ ...greedy, prompt }).result();
    const next = await model.generate({ ...greedy, prompt: `${prompt}${first.text}?!` }).result();
    const parted = await model.generate({ ...greedy, prompt: 'abcdeXYZ' }).result();
    expect([first, next, parted].map(({ usage }) => [usage.cachedTokens, usage.cacheMiss])).toEqual([
      [0, { reason: 'new', position: 0 }],
      [13, { reason: 'new', position: 13 }],
      [5, { reason: 'diverged', position: 5 }],
    ]);
    expect(runtime.steps[4].tokens).toBe(3);
    expect(model.statistics().cache).toMatchObject({ hitTokens: 18, missTokens: { new: 13, diverged: 3 } });
  });

  it('is divided by tenant first and by salt second: another tenant with the same salt finds nothing', async () => {
    const { model } = fakeModel();
    const cached = async (request: GenerateOptions) =>
      (await model.generate({ ...greedy, prompt: 'abcdefghij', ...request }).result()).usage.cachedTokens;
    expect(await cached({ tenant: 'a', cacheSalt: 's' })).toBe(0);
    expect(await cached({ tenant: 'a', cacheSalt: 's' })).toBe(9);
    expect(await cached({ tenant: 'b', cacheSalt: 's' })).toBe(0);
    expect(await cached({ tenant: 'a' })).toBe(0);
    expect(await cached({ cacheSalt: 'as' })).toBe(0);
  });

  it('neither reads nor writes where a request, or the model, wants none', async () => {
    const { model } = fakeModel();
    const ask = async (one: LanguageModel, cachePrompt: boolean) =>
      (await one.generate({ ...greedy, prompt: 'abcdefghij', cachePrompt }).result()).usage;
    expect(await ask(model, false)).toMatchObject({ cachedTokens: 0, cacheMiss: { reason: 'off' } });
    expect(await ask(model, true)).toMatchObject({ cachedTokens: 0, cacheMiss: { reason: 'new' } });
    const { model: without } = fakeModel({ prefixCache: false });
    await ask(without, true);
    expect(await ask(without, true)).toMatchObject({ cachedTokens: 0, cacheMiss: { reason: 'off' } });
  });

  it('answers every position of a prompt whose log-probabilities are wanted, known or not', async () => {
    const { model } = fakeModel();
    const request = { ...greedy, prompt: 'abcdefghij', promptLogprobs: 1 };
    const cold = await model.generate(request).result();
    const warm = await model.generate(request).result();
    expect(warm.promptLogprobs).toEqual(cold.promptLogprobs);
    expect(warm.usage).toMatchObject({ cachedTokens: 0, cacheMiss: { reason: 'log_probabilities' } });
  });

  it('keeps states of recurrent layers where templates write a turn anew: before the answer begins, and before the last message', async () => {
    const source =
      '{% for m in messages %}<|mark|>{{ m.role }}\n{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|mark|>assistant\n(thinking)\n{% endif %}';
    const { model, runtime } = fakeModel({
      info: { hasRecurrentState: true, pageTokens: 4 },
      logits: saying('Yes.'),
      chatTemplate: chatTemplateFor(source, byteTokenizer()),
    });
    const user = { role: 'user', content: 'A question that is long enough to matter?' };
    const ask = async (messages: MessagesPrompt['messages']) =>
      (await model.generate({ ...greedy, maxTokens: 8, messages }).result()).usage;
    const length = (text: string): number => byteTokenizer().encode(text, { parseSpecial: true }).length;
    await ask([user]);
    const next = await ask([user, { role: 'assistant', content: 'Yes.' }, { role: 'user', content: 'Another?' }]);
    expect(next.cachedTokens).toBe(length(`<|mark|>user\n${user.content}`));
    const edited = await ask([
      user,
      { role: 'assistant', content: 'Yes.' },
      { role: 'user', content: 'An edited one?' },
    ]);
    expect(edited.cachedTokens).toBe(length(`<|mark|>user\n${user.content}<|mark|>assistant\nYes.`));
    expect(runtime.steps.length).toBeGreaterThan(0);
  });

  it('finds an answer again by the ids that were generated', async () => {
    // A tokenizer would not write this answer in single letters.
    const tokenizer = byteTokenizer();
    const pairs: Tokenizer = {
      ...tokenizer,
      encode: (text, options) =>
        Uint32Array.from(
          [...tokenizer.encode(text, options)].reduce<number[]>(
            (ids, id) => (id === 66 && ids.at(-1) === 65 ? [...ids.slice(0, -1), 1] : [...ids, id]),
            [],
          ),
        ),
      decode: (ids, options) =>
        tokenizer.decode(
          Array.from(ids).flatMap((id) => (id === 1 ? [65, 66] : [id])),
          options,
        ),
      tokenBytes: (id) => (id === 1 ? Uint8Array.of(65, 66) : tokenizer.tokenBytes(id)),
    };
    const { model } = fakeModel({
      tokenizer: pairs,
      info: { pageTokens: 4 },
      logits: saying('ABAB'),
      chatTemplate: chatTemplateFor(
        '{% for m in messages %}<|mark|>{{ m.role }}\n{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|mark|>assistant\n{% endif %}',
        pairs,
      ),
    });
    const first = await model
      .generate({ ...greedy, maxTokens: 8, messages: [{ role: 'user', content: 'AB?' }] })
      .result();
    expect(first.tokens.slice(0, 4)).toEqual([65, 66, 65, 66]);
    const next = await model
      .generate({
        ...greedy,
        messages: [
          { role: 'user', content: 'AB?' },
          { role: 'assistant', content: first.text },
          { role: 'user', content: 'AB?' },
        ],
      })
      .result();
    expect(next.usage.cachedTokens).toBe(first.usage.promptTokens + 4);
  });

  it('has the pages for embeddings that it holds', async () => {
    const { model } = fakeModel({ info: { pageCount: 4, pageTokens: 16, contextLength: 64 } });
    await model.generate({ ...greedy, prompt: 'a'.repeat(50) }).result();
    expect((await model.embed('b'.repeat(50))).vectors).toHaveLength(1);
  });
});
