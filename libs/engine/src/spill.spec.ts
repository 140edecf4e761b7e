import { CHATML_TEMPLATE } from '@starling/chat';
import { MemorySpillStore } from '@starling/kvcache';
import { byteTokenizer, EOS } from './testing/byte-tokenizer.js';
import { fakeModel, saying, type FakeModel, type FakeModelSetUp } from '../test/fake-model.js';
import { chatTemplateFor } from './chat-template.js';
import type { DonePart, GenerateOptions, GenerateRequest } from './generate-types.js';
import type { LanguageModel } from './language-model.js';

const greedy = { temperature: 0, maxTokens: 4 } as const;
const text = (letter: string, length: number): string => letter.repeat(length);
const ask = (model: LanguageModel, request: GenerateRequest): Promise<DonePart> =>
  model.generate({ ...greedy, ...request }).result();

/** A process with a model: what it leaves is in the store. */
async function start(spillStore: MemorySpillStore, set: FakeModelSetUp = {}): Promise<FakeModel> {
  const fake = fakeModel({
    spillStore,
    ...set,
    info: { pageTokens: 4, pageCount: 64, contextLength: 256, ...set.info },
  });
  await fake.model.openSessions();
  return fake;
}

/** Lets everything that was begun in the background come to its end. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe.each([false, true])('computed tokens in slower storage (recurrent layers: %s)', (hasRecurrentState) => {
  it('go there when memory is short, before they have to go, and come back when a prompt begins with them', async () => {
    const store = new MemorySpillStore();
    const { model } = await start(store, { info: { hasRecurrentState } });
    const first = await ask(model, { prompt: text('a', 100) });
    expect(store.entries()).toHaveLength(0);
    for (const letter of ['b', 'c', 'd', 'e']) {
      await ask(model, { prompt: text(letter, 100) });
      await settle();
    }
    expect(model.statistics().cache.evictedPages).toBeGreaterThan(0);
    expect(store.entries().length).toBeGreaterThan(0);
    const again = await ask(model, { prompt: text('a', 100) });
    expect(again.tokens).toEqual(first.tokens);
    expect(again.usage).toMatchObject({ promptTokens: 100, cachedTokens: 99 });
  });

  it('are all there after the process ended, and after a second end', async () => {
    const store = new MemorySpillStore();
    const prompts = ['a', 'b'].map((letter) => text(letter, 90));
    const { model } = await start(store, { info: { hasRecurrentState } });
    const answers = [await ask(model, { prompt: prompts[0] }), await ask(model, { prompt: prompts[1] })];
    await model.close();
    for (let round = 0; round < 2; round++) {
      const { model: next } = await start(store, { info: { hasRecurrentState } });
      for (const [i, prompt] of prompts.entries()) {
        const again = await ask(next, { prompt });
        expect(again.tokens).toEqual(answers[i].tokens);
        expect(again.usage.cachedTokens).toBe(89);
      }
      await next.close();
    }
  });

  it('are found by their tenant alone, and by the same weights alone', async () => {
    const store = new MemorySpillStore();
    const { model } = await start(store, { info: { hasRecurrentState }, weightsDigest: 'one' });
    await ask(model, { prompt: text('a', 90), tenant: 'x', cacheSalt: 's' });
    await model.close();
    const cached = async (weightsDigest: string, request: GenerateOptions) => {
      const { model: next } = await start(store, { info: { hasRecurrentState }, weightsDigest });
      return (await ask(next, { prompt: text('a', 90), ...request })).usage.cachedTokens;
    };
    expect(await cached('one', { tenant: 'y', cacheSalt: 's' })).toBe(0);
    expect(await cached('one', { tenant: 'x' })).toBe(0);
    expect(await cached('two', { tenant: 'x', cacheSalt: 's' })).toBe(0);
    expect(await cached('one', { tenant: 'x', cacheSalt: 's' })).toBe(89);
  });

  it('cost no answer when the store takes nothing, or gives nothing back', async () => {
    const full = new MemorySpillStore(100);
    const { model } = await start(full, { info: { hasRecurrentState } });
    const answers = new Map<string, readonly number[]>();
    for (const letter of ['a', 'b', 'c', 'd', 'e', 'a']) {
      const { tokens } = await ask(model, { prompt: text(letter, 100) });
      expect(answers.get(letter) ?? tokens).toEqual(tokens);
      answers.set(letter, tokens);
      await settle();
    }
    await model.close();
    const store = new MemorySpillStore();
    const { model: writer } = await start(store, { info: { hasRecurrentState } });
    await ask(writer, { prompt: text('a', 100) });
    await writer.close();
    for (const { id } of store.entries()) await store.delete(id);
    const { model: reader } = await start(store, { info: { hasRecurrentState } });
    expect((await ask(reader, { prompt: text('a', 100) })).tokens).toEqual(answers.get('a'));
  });
});

describe('pages that cannot be read', () => {
  const broken = async (): Promise<FakeModel> => {
    const fake = await start(new MemorySpillStore());
    fake.runtime.readPage = () => Promise.reject(new Error('a worker ended'));
    return fake;
  };

  it('are not kept, which costs no answer', async () => {
    const lost: unknown[] = [];
    const note = (reason: unknown): void => void lost.push(reason);
    process.on('unhandledRejection', note);
    const { model } = await broken();
    for (const letter of ['a', 'b', 'c', 'd']) {
      expect((await ask(model, { prompt: text(letter, 100) })).tokens).toHaveLength(4);
      await settle();
    }
    await model.close();
    process.off('unhandledRejection', note);
    expect(lost).toEqual([]);
  });

  it('keep no memory from being given back at the end', async () => {
    const { model, runtime } = await broken();
    await ask(model, { prompt: text('a', 100) });
    await expect(model.close()).rejects.toThrow('a worker ended');
    await expect(runtime.step([])).rejects.toThrow('closed');
  });
});

describe('slower storage that has no room for one tenant', () => {
  it('takes the pages of others all the same', async () => {
    const store = new MemorySpillStore();
    let declined: string | undefined;
    store.accepts = (owner) => (declined ??= owner.join()) !== owner.join();
    const { model } = await start(store);
    for (const tenant of ['a', 'b']) await ask(model, { prompt: text(tenant, 100), tenant });
    await model.close();
    const owners = new Set(store.entries().map(({ owner }) => owner));
    expect([owners.size, declined]).toEqual([1, expect.any(String)]);
    expect(owners).not.toContain(Buffer.from((declined ?? '').split(',').map(Number)).toString('hex'));
  });
});

describe('a request whose beginning is being brought back', () => {
  it('waits beside others, is cancelled at once, and holds up neither them nor the end', async () => {
    const store = new MemorySpillStore();
    const { model } = await start(store);
    await ask(model, { prompt: text('a', 100) });
    await model.close();
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const slow = Object.assign(store, {
      get: ((get) => async (id: string) => (await opened, get.call(store, id)))(store.get.bind(store)),
    });
    // However long the others take.
    const { model: next } = await start(slow, { spillPatienceMs: 2 ** 30 });
    const waiting = next.generate({ ...greedy, prompt: text('a', 100) });
    expect(next.statistics()).toMatchObject({ queued: 1, restoring: 1 });
    const other = await ask(next, { prompt: text('b', 20) });
    expect(other.usage.completionTokens).toBe(4);
    const cancelled = next.generate({ ...greedy, prompt: text('a', 100) });
    cancelled.cancel();
    expect((await cancelled.result()).finishReason).toBe('cancelled');
    const closed = next.close();
    open();
    expect((await waiting.result()).usage.cachedTokens).toBe(99);
    await closed;
    const { model: last } = await start(slow);
    last.generate({ ...greedy, prompt: text('a', 100) }).cancel();
    await last.close();
  });
});

describe('sessions in slower storage', () => {
  const chat = {
    chatTemplate: chatTemplateFor(CHATML_TEMPLATE, byteTokenizer()),
    logits: saying('Yes.'),
    info: { contextLength: 2048, pageCount: 512 },
  };
  const user = (content: string) => ({ role: 'user', content });

  it('are there again after a restart, conversation, limits and all, each for its own tenant', async () => {
    const store = new MemorySpillStore();
    const { model } = await start(store, chat);
    const request = { sessionId: 'chat', tenant: 'x', maxTokens: 20 };
    await ask(model, { ...request, messages: [user('One?')] });
    const second = await ask(model, { ...request, messages: [user('Two?')] });
    model.sessionsOf('x').update('chat', { isPinned: true });
    await settle();
    expect(model.sessionsOf('x').list()).toMatchObject([{ id: 'chat', isSaved: true }]);
    const before = model.sessionsOf('x').list();
    await model.close();
    const { model: next } = await start(store, chat);
    expect(next.statistics().cache.sessions).toBe(1);
    expect(next.sessionsOf('y').list()).toEqual([]);
    expect(next.sessionsOf('x').list()).toEqual(before);
    const third = await ask(next, { ...request, messages: [user('Three?')] });
    expect(third.usage.cachedTokens).toBeGreaterThan(second.usage.promptTokens);
    expect(next.sessionsOf('x').rewind('chat', before[0].turns[0]).turns).toEqual([before[0].turns[0]]);
    expect((await ask(next, { ...request, messages: [user('Again?')] })).text).toBe('Yes.');
  });

  it('take up an answer that was cut before the restart, with its sampler and its grammar', async () => {
    const logits: FakeModelSetUp['logits'] = (row, history) => {
      const hash = history.reduce((sum, token) => (Math.imul(sum, 31) + token) >>> 0, 7);
      for (let id = 0; id < row.length; id++)
        row[id] = ((Math.imul(hash ^ (id * 0x9e3779b1), 0x85ebca6b) >>> 8) % 1000) / 250;
      row[EOS] = -20;
    };
    const sampled = {
      prompt: 'abc',
      seed: 5,
      temperature: 1.3,
      topK: 0,
      repeatPenalty: 1.2,
      grammar: 'root ::= "(" [a-z]{10} ")" [0-9]{4} ";"',
    };
    const store = new MemorySpillStore();
    const { model } = await start(store, { logits });
    const whole = await ask(model, { ...sampled, maxTokens: 30 });
    const first = await ask(model, { ...sampled, sessionId: 's', maxTokens: 6 });
    await model.close();
    const { model: next } = await start(store, { logits });
    const rest = await ask(next, { sessionId: 's', temperature: undefined, maxTokens: 30 });
    expect([...first.tokens, ...rest.tokens]).toEqual(whole.tokens);
    expect(rest.usage.cachedTokens).toBe(8);
  });

  it('that cannot be read, or are more than may be held, are told of when their tenant comes, and no others', async () => {
    const store = new MemorySpillStore();
    const { model } = await start(store);
    for (const sessionId of ['one', 'two', 'three']) await ask(model, { prompt: 'abc', sessionId, tenant: 'x' });
    await model.close();
    const damaged = store.entries().find(({ label }) => label.includes('"two"'))?.id;
    const broken = Object.assign(store, {
      get: (
        (get) => (id: string) =>
          id === damaged ? Promise.resolve(undefined) : get.call(store, id)
      )(store.get.bind(store)),
    });
    const { model: next, events } = await start(broken, { sessionLimit: 1 });
    const lost = () =>
      events.flatMap((event) => (event.kind === 'session_lost' ? [[event.tenant, event.session]] : []));
    next.sessionsOf('y').list();
    expect(lost()).toEqual([]);
    expect(
      next
        .sessionsOf('x')
        .list()
        .map(({ id }) => id),
    ).toEqual(['three']);
    expect(lost().sort()).toEqual([
      ['x', 'one'],
      ['x', 'two'],
    ]);
    await next.close();
    // What is only too much stays, for who may have more.
    const { model: last } = await start(broken);
    expect(
      last
        .sessionsOf('x')
        .list()
        .map(({ id }) => id),
    ).toEqual(['one', 'three']);
    await last.close();
  });

  it('that are closed are gone there too, and those past their time', async () => {
    const time = { now: 1000 };
    const store = new MemorySpillStore();
    const set = { wallClock: () => time.now, sessionIdleMs: 500 };
    const { model } = await start(store, set);
    for (const sessionId of ['closed', 'kept', 'late']) await ask(model, { prompt: 'abc', sessionId });
    await settle();
    model.sessionsOf().close('closed');
    time.now += 400;
    await ask(model, { prompt: 'd', sessionId: 'kept' });
    await model.close();
    time.now += 200;
    const { model: next } = await start(store, set);
    expect(
      next
        .sessionsOf()
        .list()
        .map(({ id }) => id),
    ).toEqual(['kept']);
    await next.close();
    expect(store.entries().filter(({ label }) => label !== '')).toHaveLength(1);
  });
});
