import { FakeOwner, alone } from '../test/fake-owner.js';

const prompt = (length: number, first = 1) => Array.from({ length }, (_, i) => first + i);

describe('Scheduler with a prefix cache', () => {
  it('computes only what an earlier prompt of the same key has not, to the token', () => {
    const owner = new FakeOwner({ pageTokens: 4 });
    owner.submit({ id: 'a', tokens: prompt(10), cacheKey: 'x' }, 3);
    owner.runToEnd();
    const turn = [...prompt(10), ...alone(prompt(10), 3), 7, 8];
    const handle = owner.submit({ id: 'b', tokens: turn, cacheKey: 'x' }, 3);
    owner.runToEnd();
    // The last token of an answer is never computed: nobody asked what comes after it.
    expect([handle.cachedTokens, handle.miss]).toEqual([12, { reason: 'new', position: 12 }]);
    expect(owner.results.get('b')?.generated).toEqual(alone(turn, 3));
  });

  it('finds nothing of another key', () => {
    const owner = new FakeOwner();
    owner.submit({ id: 'a', tokens: prompt(10), cacheKey: 'x' }, 1);
    owner.runToEnd();
    const same = owner.submit({ id: 'same', tokens: prompt(10), cacheKey: 'x' }, 1);
    const other = owner.submit({ id: 'other', tokens: prompt(10), cacheKey: 'y' }, 1);
    const none = owner.submit({ id: 'none', tokens: prompt(10) }, 1);
    owner.runToEnd();
    expect([same, other, none].map(({ cachedTokens, miss }) => [cachedTokens, miss?.reason])).toEqual([
      [9, undefined],
      [0, 'new'],
      [0, 'off'],
    ]);
  });

  it('gives up nothing that is kept for one that cannot fit, now or ever', () => {
    const owner = new FakeOwner({ pageCount: 16, pageTokens: 4, maxSequences: 2, maxBatchTokens: 64 });
    owner.submit({ id: 'kept', tokens: prompt(20), cacheKey: 'x' }, 1);
    owner.runToEnd();
    const evicted = () => owner.cache.statistics().evictedPages;
    expect(() => owner.submit({ id: 'never', tokens: prompt(65, 200) }, 1)).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded' }),
    );
    owner.submit({ id: 'running', tokens: prompt(30, 300) }, 10);
    owner.step();
    const waiting = owner.submit({ id: 'waiting', tokens: prompt(50, 400) }, 1);
    for (let i = 0; i < 5; i++) owner.step();
    expect([waiting.state, evicted(), owner.cache.known('x', Uint32Array.from(prompt(20)))]).toEqual([
      'waiting',
      0,
      20,
    ]);
    // Not all of what is kept would be enough for it.
    const kv = owner.cache.newSequence();
    expect(owner.cache.makeRoom(kv, 60)).toBeGreaterThan(0);
    expect(evicted()).toBe(0);
    owner.runToEnd();
    expect(owner.results.get('waiting')?.end).toEqual({ kind: 'finished' });
    expect(evicted()).toBeGreaterThan(0);
  });

  it('says where a prompt parted from the known ones, and what was evicted', () => {
    const owner = new FakeOwner({ pageCount: 8, pageTokens: 4 });
    owner.submit({ id: 'a', tokens: prompt(12), cacheKey: 'x' }, 1);
    owner.runToEnd();
    const other = owner.submit({ id: 'b', tokens: [...prompt(6), 99, 98], cacheKey: 'x' }, 1);
    owner.runToEnd();
    expect([other.cachedTokens, other.miss]).toEqual([6, { reason: 'diverged', position: 6 }]);
    owner.submit({ id: 'large', tokens: prompt(30, 200) }, 1);
    owner.runToEnd();
    const again = owner.submit({ id: 'c', tokens: prompt(12), cacheKey: 'x' }, 1);
    owner.runToEnd();
    expect([again.cachedTokens, again.miss]).toEqual([0, { reason: 'evicted', position: 0 }]);
  });

  it.each([false, true])('lets a prompt through that is given up again and again (recurrent: %s)', (isRecurrent) => {
    const owner = new FakeOwner({ maxBatchTokens: 8, isRecurrent });
    const known: number[] = [];
    for (let i = 0; i < 5; i++) {
      const handle = owner.submit({ id: `try ${i}`, tokens: prompt(40), cacheKey: 'x' }, 1);
      owner.step();
      known.push(handle.cachedTokens);
      owner.cancel(`try ${i}`);
    }
    expect(known).toEqual([0, 8, 16, 24, 32]);
    expect(owner.scheduler.isIdle).toBe(true);
  });

  it('keeps what a cancelled prompt had computed', () => {
    const owner = new FakeOwner({ maxBatchTokens: 8 });
    owner.submit({ id: 'a', tokens: prompt(40), cacheKey: 'x' }, 1);
    owner.step();
    owner.step();
    owner.cancel('a');
    const again = owner.submit({ id: 'b', tokens: prompt(40), cacheKey: 'x' }, 1);
    owner.runToEnd();
    expect(again.cachedTokens).toBe(16);
  });

  it('computes all of a prompt whose every position is asked about, and leaves it to others', () => {
    const owner = new FakeOwner();
    owner.submit({ id: 'a', tokens: prompt(10), cacheKey: 'x' }, 1);
    owner.runToEnd();
    const all = owner.submit({ id: 'b', tokens: prompt(10), cacheKey: 'x', outputs: 'all' }, 1);
    owner.runToEnd();
    expect([all.cachedTokens, all.miss?.reason, owner.plans.at(-1)?.sequences[0].rows]).toEqual([
      0,
      'log_probabilities',
      10,
    ]);
  });

  it('evicts nothing for a request that has no room to begin', () => {
    const owner = new FakeOwner({ pageCount: 8, pageTokens: 4, contextLength: 32 });
    owner.submit({ id: 'a', tokens: prompt(8), cacheKey: 'x' }, 1);
    owner.runToEnd();
    owner.submit({ id: 'running', tokens: prompt(16, 100) }, 8);
    owner.step();
    owner.submit({ id: 'large', tokens: prompt(30, 200) }, 1);
    owner.step();
    expect(owner.cache.statistics()).toMatchObject({ evictedPages: 0, cachedPages: 2 });
    owner.runToEnd();
    expect(owner.results.get('large')?.end).toEqual({ kind: 'finished' });
  });

  it('goes on from a kept state where a model has one, and keeps one where prompts part', () => {
    const owner = new FakeOwner({ pageTokens: 4, isRecurrent: true });
    const submit = (id: string, tokens: number[]) =>
      owner.submit({ id, tokens, cacheKey: 'x', checkpoints: [tokens.length - 1] }, 2);
    submit('a', prompt(10));
    owner.runToEnd();
    const again = submit('again', prompt(10));
    owner.runToEnd();
    const next = submit('next', [...prompt(10), alone(prompt(10), 1)[0], 7, 8]);
    owner.runToEnd();
    const parted = submit('parted', [...prompt(6), 99, 98]);
    owner.runToEnd();
    const second = submit('second', [...prompt(6), 97, 96]);
    owner.runToEnd();
    expect([again, next, parted, second].map(({ cachedTokens, miss }) => [cachedTokens, miss?.reason])).toEqual([
      [9, undefined],
      [11, 'new'],
      [0, 'state'],
      [6, 'diverged'],
    ]);
    expect(owner.results.get('second')?.generated).toEqual(alone([...prompt(6), 97, 96], 2));
  });
});
