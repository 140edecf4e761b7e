import { CHATML_TEMPLATE } from '@starling/chat';
import { fakeModel, saying, type FakeModelSetUp } from '../test/fake-model.js';
import { EOS, byteTokenizer } from './testing/byte-tokenizer.js';
import { chatTemplateFor } from './chat-template.js';
import type { DonePart, GenerateOptions, GenerateRequest } from './generate-types.js';
import type { LanguageModel } from './language-model.js';

const greedy = { temperature: 0, maxTokens: 4 } as const;
const failing = (code: string): Error => expect.objectContaining({ code }) as Error;
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

/** A model whose next token depends on all before it, so that sampling has something to draw from. */
const restless: NonNullable<FakeModelSetUp['logits']> = (logits, history) => {
  let hash = 7;
  for (const token of history) hash = (Math.imul(hash, 31) + token) >>> 0;
  for (let id = 0; id < logits.length; id++)
    logits[id] = ((Math.imul(hash ^ (id * 0x9e3779b1), 0x85ebca6b) >>> 8) % 1000) / 250;
  logits[EOS] = -20;
};

const ask = (model: LanguageModel, request: GenerateRequest): Promise<DonePart> =>
  model.generate({ ...greedy, ...request }).result();
const chatModel = (set: FakeModelSetUp = {}) =>
  fakeModel({
    logits: saying('Yes.'),
    chatTemplate: chatTemplateFor(CHATML_TEMPLATE, byteTokenizer()),
    info: { pageTokens: 4, contextLength: 2048 },
    ...set,
  });

describe('a session', () => {
  it('goes on after what it holds, and computes only what is new', async () => {
    const { model, runtime } = fakeModel({ info: { pageTokens: 4 } });
    const first = await ask(model, { prompt: 'abc', sessionId: 'story' });
    expect([first.text, first.sessionId]).toEqual(['defg', 'story']);
    runtime.steps.length = 0;
    const next = await ask(model, { prompt: 'xyz', sessionId: 'story' });
    expect(next.text).toBe('{|}~');
    // The last token of the answer was drawn and not computed.
    expect([next.usage.promptTokens, next.usage.cachedTokens, runtime.steps[0].tokens]).toEqual([10, 6, 4]);
    expect(model.sessionsOf().list()).toMatchObject([{ id: 'story', tokens: 14, turns: [7, 14] }]);
  });

  it('says no more than other requests do when none is asked for, and has a name of its own when one is to be opened', async () => {
    const { model } = fakeModel();
    expect((await ask(model, { prompt: 'abc' })).sessionId).toBeUndefined();
    const { sessionId } = await ask(model, { prompt: 'abc', opensSession: true });
    expect((await ask(model, { prompt: 'x', sessionId })).usage.promptTokens).toBe(8);
    await expect(async () => ask(model, { prompt: 'x', sessionId: `sess_${'0'.repeat(32)}` })).rejects.toThrow(
      failing('not_found'),
    );
  });

  it('takes up an answer that was cut with its sampler: the same tokens as in one go', async () => {
    for (const seed of [1, 2, 3]) {
      const { model } = fakeModel({ logits: restless });
      const request = { prompt: 'abc', seed, temperature: 1.5, topK: 0, repeatPenalty: 1.3, maxTokens: 24 };
      const whole = await ask(model, request);
      const parts = [await ask(model, { ...request, sessionId: 's', maxTokens: 7 })];
      for (const maxTokens of [1, 16])
        parts.push(
          await ask(model, { sessionId: 's', maxTokens, temperature: undefined, progress: true, candidates: 1 }),
        );
      expect(parts.flatMap(({ tokens }) => tokens)).toEqual(whole.tokens);
    }
  });

  it('takes up an answer that was cut with its grammar', async () => {
    const { model } = fakeModel({ logits: restless });
    const grammar = 'root ::= "(" [a-z]{10} ")" [0-9]{4} ";"';
    const request = { prompt: 'abc', seed: 5, temperature: 1, grammar, maxTokens: 30 };
    const whole = await ask(model, request);
    const first = await ask(model, { ...request, sessionId: 's', maxTokens: 6 });
    const second = await ask(model, { sessionId: 's', maxTokens: 24, temperature: undefined });
    expect([first.text, second.text, whole.text]).toEqual([
      whole.text.slice(0, 6),
      whole.text.slice(6),
      expect.stringMatching(/^\([a-z]{10}\)\d{4};$/),
    ]);
    expect(second.stopReason.kind).toBe('constraint_complete');
  });

  it('keeps what an answer shows: neither its end token nor its stop string', async () => {
    const { model } = fakeModel({ logits: saying('Hello') });
    await ask(model, { prompt: 'a\n', sessionId: 'end', maxTokens: 20 });
    await ask(model, { prompt: 'a\n', sessionId: 'stop', maxTokens: 20, stop: ['ll'] });
    expect(
      model
        .sessionsOf()
        .list()
        .map(({ id, tokens }) => [id, tokens]),
    ).toEqual([
      ['end', 7],
      ['stop', 4],
    ]);
  });

  it('is a conversation: what is sent is new in it, or the whole of it', async () => {
    const { model } = chatModel();
    const request = { sessionId: 'chat', maxTokens: 20 };
    const turns = [
      await ask(model, { ...request, messages: [user('One?')] }),
      await ask(model, { ...request, messages: [user('Two?')] }),
    ];
    const whole = [user('One?'), assistant('Yes.'), user('Two?'), assistant('Yes.'), user('Three?')];
    turns.push(await ask(model, { ...request, messages: whole }));
    const alone = await ask(chatModel().model, { messages: whole, maxTokens: 20 });
    expect(turns.map(({ text }) => text)).toEqual(['Yes.', 'Yes.', 'Yes.']);
    expect(turns[2].usage.promptTokens).toBe(alone.usage.promptTokens);
    expect(turns[2].usage.cachedTokens).toBeGreaterThan(turns[1].usage.promptTokens);
    expect(model.sessionsOf().list()[0].turns).toHaveLength(3);
  });

  it('is rewound to the end of an answer as a conversation, to any other position as text', async () => {
    const { model } = chatModel();
    const request = { sessionId: 'chat', maxTokens: 20 };
    for (const text of ['One?', 'Two?']) await ask(model, { ...request, messages: [user(text)] });
    const [first, second] = model.sessionsOf().list()[0].turns;
    expect(model.sessionsOf().rewind('chat', first)).toMatchObject({ tokens: first, turns: [first] });
    const again = await ask(model, { ...request, messages: [user('Two?')] });
    expect(model.sessionsOf().list()[0].tokens).toBe(second);
    expect(again.usage.cachedTokens).toBe(again.usage.promptTokens - 1);
    expect(model.sessionsOf().rewind('chat', first + 3)).toMatchObject({ tokens: first + 3, turns: [first] });
    for (const idleMs of [0, NaN, Infinity, 1e13])
      expect(() => model.sessionsOf().update('chat', { idleMs })).toThrow(failing('invalid_request'));
    expect(() => chatModel({ sessionIdleMs: Infinity })).toThrow(failing('invalid_argument'));
    await expect(async () => ask(model, { ...request, messages: [user('Three?')] })).rejects.toThrow(
      failing('invalid_request'),
    );
    expect((await ask(model, { ...request, prompt: '!\n' })).usage.promptTokens).toBe(first + 5);
    await ask(model, { ...request, sessionId: 'text', prompt: 'abc' });
    await expect(async () => ask(model, { ...request, sessionId: 'text', messages: [user('Four?')] })).rejects.toThrow(
      /send a prompt, or begin another session$/,
    );
  });

  it('is forked where it stands, or where it stood', async () => {
    const { model } = fakeModel({ logits: restless });
    const sampled = { temperature: 1, seed: 3, maxTokens: 8 };
    await ask(model, { ...sampled, prompt: 'abc', sessionId: 's' });
    const fork = model.sessionsOf().fork('s', { as: 't' });
    expect(fork).toMatchObject({ id: 't', tokens: 11 });
    const more = { temperature: undefined, maxTokens: 8 };
    expect((await ask(model, { ...more, sessionId: 't' })).tokens).toEqual(
      (await ask(model, { ...more, sessionId: 's' })).tokens,
    );
    expect(model.sessionsOf().fork('s', { position: 3 })).toMatchObject({ tokens: 3, turns: [] });
  });

  it('takes one request at a time, and is as it was when one fails', async () => {
    let fails = false;
    const { model } = fakeModel({ onStep: () => (fails ? Promise.reject(new Error('broken')) : Promise.resolve()) });
    await ask(model, { prompt: 'abc', sessionId: 's' });
    const running = model.generate({ ...greedy, prompt: 'x', sessionId: 's' });
    expect(() => model.generate({ ...greedy, prompt: 'y', sessionId: 's' })).toThrow(failing('conflict'));
    await running.result();
    fails = true;
    await expect(ask(model, { prompt: 'z', sessionId: 's' })).rejects.toThrow();
    expect(model.sessionsOf().list()).toMatchObject([{ id: 's', tokens: 12, isBusy: false }]);
    expect(() => model.generate({ ...greedy, prompt: 'z'.repeat(600), sessionId: 's' })).toThrow(
      failing('context_length_exceeded'),
    );
    expect(model.sessionsOf().list()[0].isBusy).toBe(false);
  });

  it('of another tenant is not there, and the same name is another session', async () => {
    const { model } = fakeModel();
    await ask(model, { prompt: 'abc', sessionId: 's', tenant: 'a' });
    expect(() => model.sessionsOf('b').fork('s', {})).toThrow(failing('not_found'));
    const other = await ask(model, { prompt: 'abc', sessionId: 's', tenant: 'b' });
    expect(other.usage).toMatchObject({ promptTokens: 3, cachedTokens: 0 });
    model.sessionsOf('a').close('s');
    expect([model.sessionsOf('a').list().length, model.sessionsOf('b').list().length]).toEqual([0, 1]);
  });

  it('refuses what contradicts it', () => {
    const { model } = fakeModel();
    const refused = (request: object) =>
      expect(() => model.generate({ ...greedy, sessionId: 's', ...(request as GenerateOptions) })).toThrow(
        failing('invalid_request'),
      );
    refused({});
    refused({ prompt: 'a', n: 2 });
    refused({ prompt: 'a', cachePrompt: false });
    refused({ prompt: 'a', tokens: [1] });
    expect(model.sessionsOf().list()).toEqual([]);
  });

  it('that is cancelled goes on from what had been said', async () => {
    const { model } = fakeModel();
    const generation = model.generate({ prompt: 'abc', temperature: 0, maxTokens: 100, sessionId: 's' });
    for await (const part of generation) if (part.kind === 'token' && part.index === 2) generation.cancel();
    const [{ tokens }] = model.sessionsOf().list();
    expect(tokens).toBeGreaterThanOrEqual(6);
    expect((await ask(model, { sessionId: 's' })).text).toBe(
      String.fromCharCode(...Array.from({ length: 4 }, (_, i) => 97 + tokens + i)),
    );
  });
});
