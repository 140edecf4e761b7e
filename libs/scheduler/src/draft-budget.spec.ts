import { FakeOwner, alone } from '../test/fake-owner.js';

/** What a step of so many rows takes: the first few are nearly free, as where memory is waited for. */
const stepMs = (rows: number): number => 10 + rows * 0.5;

/** Runs one sequence after some that teach the costs, in a time that follows `msOf`. Gives the milliseconds of the decoding. */
function run(drafts: number, msOf: (rows: number) => number, draftsAlways = false): { ms: number; owner: FakeOwner } {
  const time = { now: 0 };
  const owner = new FakeOwner({
    clock: () => time.now,
    drafts,
    draftsAlways,
    maxBatchTokens: 64,
    contextLength: 600,
    pageCount: 400,
  });
  const step = (): boolean => owner.step(() => (time.now += msOf(rowsOf(owner))));
  for (const length of [60, 3, 30]) {
    owner.submit({ id: `teacher ${length}`, tokens: Array.from({ length }, (_, i) => i) }, 8);
    while (step());
  }
  const before = time.now;
  owner.submit({ id: 'one', tokens: [5, 6, 7] }, 300);
  while (step());
  expect(owner.results.get('one')?.generated).toEqual(alone([5, 6, 7], 300));
  return { ms: time.now - before, owner };
}

function rowsOf({ plans }: FakeOwner): number {
  return (plans.at(-1)?.batch ?? []).reduce((sum, { tokens }) => sum + tokens.length, 0);
}

describe('drafts', () => {
  it('are computed where wider steps cost little, and the answer is there sooner', () => {
    const [plain, drafted] = [run(0, stepMs), run(6, stepMs)];
    expect(drafted.owner.drafted.accepted).toBeGreaterThan(150);
    expect(drafted.ms).toBeLessThan(0.5 * plain.ms);
  });

  it('are left alone where each row costs as much as a step', () => {
    const costly = (rows: number): number => 10 * rows;
    const [plain, drafted] = [run(0, costly), run(6, costly)];
    expect(drafted.ms).toBeLessThan(1.02 * plain.ms);
  });

  it('are as many as a width is good for that no straight line shows', () => {
    // Four rows cost as one, five as six.
    const stairs = (rows: number): number => (rows <= 4 ? 10 : rows < 30 ? 60 : 100);
    const { owner } = run(6, stairs);
    const counts = owner.plans.slice(-40).map((plan) => plan.draftedTokens);
    expect(Math.max(...counts)).toBe(3);
  });

  it('give way to the limit of a sequence, to the room in a step, and to pages that others need', () => {
    const owner = new FakeOwner({ drafts: 6, maxBatchTokens: 5, maxSequences: 4, contextLength: 20, pageCount: 20 });
    for (let i = 0; i < 4; i++) owner.submit({ id: `r${i}`, tokens: [i, i, i] }, 30);
    owner.runToEnd();
    for (let i = 0; i < 4; i++) expect(owner.results.get(`r${i}`)?.generated).toEqual(alone([i, i, i], 18));
    for (const { batch } of owner.plans)
      expect(batch.reduce((sum, { tokens }) => sum + tokens.length, 0)).toBeLessThanOrEqual(5);
    expect(owner.plans.some(({ draftedTokens }) => draftedTokens > 0)).toBe(true);
    expect(
      owner.plans
        .flatMap(({ sequences }) => sequences)
        .every(({ startPosition, tokens }) => startPosition + tokens <= 20),
    ).toBe(true);
  });

  it('cost the tenant the rows that were computed', () => {
    const served = (drafts: number): number => {
      const owner = new FakeOwner({ drafts, clock: () => 0 });
      owner.submit({ id: 'a', tenant: 'a', tokens: [1] }, 40);
      owner.submit({ id: 'b', tenant: 'b', tokens: [1] }, 40);
      for (let i = 0; i < 4; i++) owner.step();
      return owner.scheduler.statistics().tenants[0].servedMs;
    };
    expect(served(4)).toBeGreaterThan(2 * served(0));
  });

  it('count for nothing where a sequence is forked among them', () => {
    const prompt = [1, 2, 3, 4];
    const owner = new FakeOwner({ drafts: 5 });
    owner.submit({ id: 'a', tokens: prompt }, 12);
    owner.step();
    owner.forksWanted.set('a', 'fork');
    owner.runToEnd();
    const answer = alone(prompt, 12);
    expect(owner.results.get('a')?.generated).toEqual(answer);
    const begin = [answer[0], answer[1] + 1];
    expect(owner.results.get('fork')?.generated).toEqual([...begin, ...alone([...prompt, ...begin], 10)]);
  });

  it.each([false, true])(
    'leave in the cache what came, and nothing of what was expected (a state for each slot: %s)',
    (isRecurrent) => {
      const owner = new FakeOwner({ drafts: 5, isRecurrent });
      for (let i = 0; i < 12; i++) {
        const tokens = [1, 2, 3, 40 + i];
        owner.submit({ id: `r${i}`, tokens, cacheKey: 'k' }, 9 + i);
        owner.runToEnd();
        const answer = alone(tokens, 9 + i);
        expect(owner.results.get(`r${i}`)?.generated).toEqual(answer);
        // A wrong page or state would give other tokens, or an assertion, in the turn that goes on from it.
        owner.submit({ id: `next ${i}`, tokens: [...tokens, ...answer, 7], cacheKey: 'k' }, 6);
        owner.runToEnd();
        expect(owner.results.get(`next ${i}`)?.generated).toEqual(alone([...tokens, ...answer, 7], 6));
      }
      expect(owner.drafted.accepted).toBeGreaterThan(0);
      expect(owner.drafted.computed).toBeGreaterThan(owner.drafted.accepted);
      owner.cache.evict(64);
      expect(owner.arena.freePages).toBe(64);
    },
  );
});
