import { MemorySpillStore } from '@starling/kvcache';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel, saying, type FakeModel, type FakeModelSetUp } from '../test/fake-model.js';
import { chatTemplateFor } from './chat-template.js';
import type { GenerateOptions, MessagesPrompt, TextPrompt, Usage } from './generate-types.js';
import type { LanguageModel } from './language-model.js';

const TEMPLATE =
  '{% for m in messages %}<|mark|>{{ m.role }}\n{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|mark|>assistant\n{% endif %}';
const SYSTEM = { role: 'system', content: 'You answer with one word, and say nothing else.' };
const lengthOf = (text: string): number => byteTokenizer().encode(text, { parseSpecial: true }).length;
const BEGINNING = lengthOf(`<|mark|>system\n${SYSTEM.content}<|mark|>user\n`);

const start = (set: FakeModelSetUp = {}): FakeModel =>
  fakeModel({
    chatTemplate: chatTemplateFor(TEMPLATE, byteTokenizer()),
    logits: saying('Yes.'),
    idlePrefill: false,
    ...set,
    info: { pageTokens: 4, pageCount: 256, contextLength: 512, ...set.info },
  });
const ask = async (
  model: LanguageModel,
  content: string,
  more: GenerateOptions & Partial<MessagesPrompt> = {},
): Promise<Usage> =>
  (
    await model
      .generate({ messages: [SYSTEM, { role: 'user', content }], temperature: 0, maxTokens: 8, ...more })
      .result()
  ).usage;

describe.each([false, true])('a prefix that all tenants share (recurrent layers: %s)', (hasRecurrentState) => {
  const info = { hasRecurrentState };

  it('is known to everybody from the first request on, and what comes after it to whoever asked alone', async () => {
    const { model } = start({ info });
    expect(await model.sharePrefix({ messages: [SYSTEM] })).toBe(BEGINNING);
    const question = 'Is this a question?';
    expect((await ask(model, question, { tenant: 'a' })).cachedTokens).toBe(BEGINNING);
    expect((await ask(model, question, { tenant: 'a' })).cachedTokens).toBeGreaterThanOrEqual(
      BEGINNING + question.length,
    );
    for (const other of [{ tenant: 'b' }, { tenant: 'a', cacheSalt: 's' }, { tenant: 'b', cacheSalt: 's' }, {}]) {
      expect(await ask(model, question, other)).toMatchObject({
        cachedTokens: BEGINNING,
        cacheMiss: { reason: 'new' },
      });
      expect((await ask(model, question, other)).cachedTokens).toBeGreaterThanOrEqual(BEGINNING + question.length);
    }
    expect((await ask(model, question, { tenant: 'c', cachePrompt: false })).cachedTokens).toBe(0);
  });

  it('is computed once, when it is shared; that nobody asked for it shows in no figure', async () => {
    const { model, runtime, events } = start({ info });
    await model.sharePrefix({ messages: [SYSTEM] });
    expect(runtime.steps.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(BEGINNING);
    expect(events.filter(({ kind }) => kind !== 'step_estimated')).toEqual([]);
    const { cache, ...rest } = model.statistics();
    expect(cache).toMatchObject({
      hitTokens: 0,
      sharedTokens: BEGINNING,
      sharedPages: Math.ceil(BEGINNING / 4),
      missTokens: { new: 0 },
    });
    expect(rest).toMatchObject({ running: 0, internal: 0, tenants: [] });
    const before = runtime.steps.length;
    await ask(model, 'One?', { tenant: 'a', maxTokens: 1 });
    expect(runtime.steps.slice(before).reduce((sum, { tokens }) => sum + tokens, 0)).toBe(
      lengthOf('One?<|mark|>assistant\n'),
    );
  });

  it('stays, whatever else there is no room for, and its pages are taken off what a prompt can have', async () => {
    const { model } = start({ info: { ...info, pageCount: 40 }, stateCacheBytes: 8 });
    const before = model.info.sequenceLimit;
    await model.sharePrefix({ messages: [SYSTEM] });
    const pages = Math.ceil(BEGINNING / 4);
    expect([before, model.info.sequenceLimit]).toEqual([160, 160 - 4 * pages]);
    for (const letter of ['x', 'y', 'z'])
      await model
        .generate({ prompt: letter.repeat(model.info.sequenceLimit - 4), temperature: 0, maxTokens: 4 })
        .result();
    expect(model.statistics().cache).toMatchObject({ sharedPages: pages });
    expect(model.statistics().cache.evictedPages).toBeGreaterThan(0);
    expect((await ask(model, 'One?', { tenant: 'new' })).cachedTokens).toBe(BEGINNING);
    expect(() => model.generate({ prompt: 'x'.repeat(before) })).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded' }),
    );
  });

  it('is read back after a restart, and what came after it by the same tenant alone, each stored once', async () => {
    const store = new MemorySpillStore();
    const question = 'Is this a question that is worth its place?';
    const life = async (use: (fake: FakeModel) => Promise<void>): Promise<void> => {
      const fake = start({ info, spillStore: store });
      await fake.model.openSessions();
      await fake.model.sharePrefix({ messages: [SYSTEM] });
      await use(fake);
      await fake.model.close();
    };
    await life(async ({ model }) => {
      await ask(model, question, { tenant: 'a' });
      await ask(model, question, { tenant: 'b' });
    });
    const stored = store.entries().map(({ from }) => from);
    expect(stored.filter((from) => from === 0)).toHaveLength(1);
    await life(async ({ model, runtime }) => {
      expect(runtime.steps).toEqual([]);
      expect((await ask(model, question, { tenant: 'c' })).cachedTokens).toBe(BEGINNING);
      for (const tenant of ['a', 'b'])
        expect((await ask(model, question, { tenant })).cachedTokens).toBeGreaterThanOrEqual(
          BEGINNING + question.length,
        );
    });
  });

  it('of two that begin alike gives each prompt the longer one', async () => {
    const { model } = start({ info });
    const [short, long] = ['You are brief.', 'You are brief. Here is all that you need to know.'].map((content) => ({
      role: 'system',
      content,
    }));
    for (const system of [short, long]) await model.sharePrefix({ messages: [system] });
    const known = async (system: typeof SYSTEM, tenant: string) =>
      (await ask(model, 'One?', { messages: [system, { role: 'user', content: 'One?' }], tenant })).cachedTokens;
    for (const tenant of ['a', 'b']) {
      expect(await known(long, tenant)).toBe(lengthOf(`<|mark|>system\n${long.content}<|mark|>user\n`));
      expect(await known(short, tenant)).toBe(lengthOf(`<|mark|>system\n${short.content}<|mark|>user\n`));
    }
    expect(model.statistics().cache.sharedPages).toBeLessThan(
      Math.ceil(lengthOf(`<|mark|>system\n${short.content}<|mark|>user\n`) / 4) +
        Math.ceil(lengthOf(`<|mark|>system\n${long.content}<|mark|>user\n`) / 4),
    );
  });
});

describe('what may be shared', () => {
  it.each([
    ['a text', { prompt: 'Once upon a time' }, { prompt: 'Once upon a time, there was' }, 16],
    ['tokens', { tokens: [1, 2, 3, 4, 5] }, { tokens: [1, 2, 3, 4, 5, 6] }, 5],
    [
      'a conversation up to a question',
      { messages: [SYSTEM, { role: 'user', content: 'Well?' }] },
      {
        messages: [
          SYSTEM,
          { role: 'user', content: 'Well?' },
          { role: 'assistant', content: 'No.' },
          { role: 'user', content: 'So?' },
        ],
      },
      BEGINNING + lengthOf('Well?<|mark|>assistant\n'),
    ],
  ])('is %s', async (_name, prefix, request, cachedTokens) => {
    const { model } = start();
    await model.sharePrefix(prefix);
    for (const tenant of ['a', 'b'])
      expect((await model.generate({ ...request, maxTokens: 1, tenant }).result()).usage.cachedTokens).toBe(
        cachedTokens,
      );
  });

  it('is nothing that a model has no use or no room for', async () => {
    const { model } = start();
    await expect(model.sharePrefix({ tokens: new Array<number>(512).fill(1) })).rejects.toMatchObject({
      code: 'context_length_exceeded',
      details: { promptTokens: 512, limit: 512 },
    });
    await expect(model.sharePrefix({} as TextPrompt)).rejects.toMatchObject({ code: 'invalid_request' });
    for (const set of [{ prefixCache: false }, { info: { causal: false } }])
      await expect(start(set).model.sharePrefix({ tokens: [1] })).rejects.toMatchObject({ code: 'not_supported' });
    expect(model.statistics().cache.sharedPages).toBe(0);
  });
});
