import { StarlingError } from '@starling/core';
import { FakeOwner, alone } from '../test/fake-owner.js';
import type { SchedulerEvent } from './events.js';

const prompt = (length: number, first = 1) => Array.from({ length }, (_, i) => first + i);

describe('Scheduler', () => {
  it('gives each of many requests the tokens that it gets alone', () => {
    const owner = new FakeOwner();
    for (let i = 0; i < 8; i++) owner.submit({ id: `r${i}`, tokens: prompt(5 + 7 * i, i) }, 10);
    owner.runToEnd();
    for (let i = 0; i < 8; i++)
      expect(owner.results.get(`r${i}`)).toEqual({
        generated: alone(prompt(5 + 7 * i, i), 10),
        end: { kind: 'finished' },
      });
    expect(owner.arena.freePages).toBe(owner.arena.pageCount);
  });

  it('decodes every running sequence in each step, however long the prompts of others are', () => {
    const owner = new FakeOwner({ maxBatchTokens: 16, promptTokensWhileDecoding: 6 });
    owner.submit({ id: 'decoding', tokens: prompt(3) }, 40);
    owner.step();
    owner.submit({ id: 'long', tokens: prompt(100) }, 5);
    for (let i = 0; i < 15; i++) {
      owner.step();
      expect(owner.plans.at(-1)?.sequences.map(({ kind, tokens }) => [kind, tokens])).toEqual([
        ['decode', 1],
        ['prompt', 6],
      ]);
    }
    owner.runToEnd();
    expect(owner.results.get('long')?.generated).toEqual(alone(prompt(100), 5));
  });

  it('cuts a prompt into steps of the full budget when nobody decodes', () => {
    const owner = new FakeOwner({ maxBatchTokens: 16 });
    owner.submit({ id: 'a', tokens: prompt(40) }, 1);
    owner.runToEnd();
    expect(
      owner.plans.map(({ promptTokens, sequences }) => [promptTokens, sequences[0].isComplete, sequences[0].rows]),
    ).toEqual([
      [16, false, 0],
      [16, false, 0],
      [8, true, 1],
    ]);
  });

  it('gives the rows of all prompt positions to whoever asks for them', () => {
    const owner = new FakeOwner({ maxBatchTokens: 16 });
    owner.submit({ id: 'a', tokens: prompt(20), outputs: 'all' }, 2);
    owner.submit({ id: 'b', tokens: prompt(4) }, 1);
    owner.runToEnd();
    expect(owner.plans[0].sequences.map(({ firstRow, rows, tokens }) => [firstRow, rows, tokens])).toEqual([
      [0, 12, 12],
      [12, 1, 4],
    ]);
    expect(owner.plans[1].sequences.map(({ firstRow, rows }) => [firstRow, rows])).toEqual([[0, 8]]);
  });

  it('refuses with figures when the queue is full, until there is room', () => {
    const events: SchedulerEvent[] = [];
    const owner = new FakeOwner({ maxSequences: 2, queueLimit: 3 });
    owner.scheduler.on((event) => events.push(event));
    for (let i = 0; i < 5; i++) owner.submit({ id: `r${i}`, tokens: [1] }, 2);
    expect(() => owner.submit({ id: 'r5', tokens: [1] }, 2)).toThrow(
      expect.objectContaining({
        code: 'queue_full',
        details: expect.objectContaining({
          reason: 'rejected-saturated',
          workSpent: false,
          queued: 5,
          queuedTokens: 5,
          queuedOfTenant: 5,
          running: 0,
          queueLimit: 3,
        }) as unknown,
      }),
    );
    expect(events.at(-1)).toEqual({
      kind: 'request_dropped',
      id: 'r5',
      tenant: '',
      code: 'queue_full',
      reason: 'rejected-saturated',
    });
    expect(() => owner.scheduler.checkQueue()).toThrow(expect.objectContaining({ code: 'queue_full' }));
    owner.step();
    expect(owner.scheduler.statistics()).toMatchObject({
      queued: 3,
      queuedTokens: 3,
      queueLimit: 3,
      running: 2,
      suspended: 0,
      isAccepting: false,
    });
    expect(() => owner.submit({ id: 'r5', tokens: [1] }, 2)).toThrow(expect.objectContaining({ code: 'queue_full' }));
    owner.step();
    owner.submit({ id: 'r5', tokens: [1] }, 2);
    owner.runToEnd();
    expect(owner.results.size).toBe(6);
  });

  it('stays closed above its low watermark once it was full', () => {
    const owner = new FakeOwner({ maxSequences: 1, queueLimit: 3, resumeBelow: 1 });
    for (let i = 0; i < 4; i++) owner.submit({ id: `r${i}`, tokens: [1] }, 1);
    expect(() => owner.submit({ id: 'x', tokens: [1] }, 1)).toThrow(expect.objectContaining({ code: 'queue_full' }));
    owner.step();
    expect(() => owner.submit({ id: 'x', tokens: [1] }, 1)).toThrow(expect.objectContaining({ code: 'queue_full' }));
    owner.step();
    owner.submit({ id: 'x', tokens: [1] }, 1);
  });

  it('does not let one tenant fill the queue', () => {
    const owner = new FakeOwner({ maxSequences: 1, queueLimit: 10, tenantQueueLimit: 2 });
    for (let i = 0; i < 3; i++) owner.submit({ id: `a${i}`, tokens: [1], tenant: 'a' }, 1);
    expect(() => owner.submit({ id: 'a3', tokens: [1], tenant: 'a' }, 1)).toThrow('of this tenant');
    owner.submit({ id: 'b0', tokens: [1], tenant: 'b' }, 1);
  });

  it('tells what each tenant has, and what it was charged for', () => {
    let now = 0;
    const owner = new FakeOwner({ maxSequences: 2, clock: () => (now += 3) });
    for (const id of ['a1', 'a2', 'a3', 'b1'])
      owner.submit({ id, tokens: [1], tenant: id[0], weight: id[0] === 'a' ? 1 : 2 }, 4);
    expect(owner.scheduler.statistics().tenants).toEqual([
      { tenant: 'a', weight: 1, queued: 3, running: 0, servedMs: 0 },
      { tenant: 'b', weight: 2, queued: 1, running: 0, servedMs: 0 },
    ]);
    owner.step();
    expect(
      owner.scheduler.statistics().tenants.map(({ tenant, queued, running }) => [tenant, queued, running]),
    ).toEqual([
      ['a', 2, 1],
      ['b', 0, 1],
    ]);
    owner.runToEnd();
    const [a, b] = owner.scheduler.statistics().tenants;
    expect([a.queued, a.running, b.queued, b.running]).toEqual([0, 0, 0, 0]);
    // Nothing is lifted or divided by weight: what they paid is the time that the steps took.
    expect(a.servedMs).toBeGreaterThan(b.servedMs);
    expect(b.servedMs).toBeGreaterThan(0);
  });

  it('lets tenants take turns, and higher priorities go first', () => {
    const admitted: string[] = [];
    const owner = new FakeOwner({ maxSequences: 1 });
    owner.scheduler.on((event) => void (event.kind === 'sequence_admitted' && admitted.push(event.id)));
    for (const id of ['a1', 'a2', 'a3', 'b1']) owner.submit({ id, tokens: [1], tenant: id[0] }, 1);
    owner.submit({ id: 'urgent', tokens: [1], tenant: 'a', priority: 1 }, 1);
    owner.runToEnd();
    expect(admitted).toEqual(['urgent', 'b1', 'a1', 'a2', 'a3']);
  });

  it('refuses a prompt beyond the context, or beyond all pages, with the limit', () => {
    const owner = new FakeOwner({ contextLength: 20, pageCount: 4, pageTokens: 4 });
    expect(owner.scheduler.sequenceLimit).toBe(16);
    expect(() => owner.submit({ id: 'a', tokens: prompt(17) }, 1)).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded', details: { promptTokens: 17, limit: 16 } }),
    );
    expect(() => owner.submit({ id: 'a', tokens: [] }, 1)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
    expect(() => owner.submit({ id: 'a', tokens: [1], weight: 0 }, 1)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  it('frees the pages of a cancelled request at once, or with the step that is under way', () => {
    const owner = new FakeOwner();
    owner.submit({ id: 'a', tokens: prompt(9) }, 20);
    owner.submit({ id: 'queued', tokens: prompt(9) }, 20);
    owner.cancel('queued');
    expect(owner.results.get('queued')?.end).toEqual({ kind: 'cancelled' });
    owner.step();
    const free = owner.arena.freePages;
    owner.step(() => {
      owner.cancel('a');
      expect(owner.arena.freePages).toBeLessThanOrEqual(free);
      expect(owner.results.get('a')?.end).toBeUndefined();
    });
    expect(owner.results.get('a')).toMatchObject({ end: { kind: 'cancelled' } });
    expect(owner.arena.freePages).toBe(owner.arena.pageCount);
    expect(owner.scheduler.isIdle).toBe(true);
  });

  it('ends requests at their deadline, waiting or running', () => {
    let now = 0;
    const owner = new FakeOwner({ maxSequences: 1, clock: () => now });
    owner.submit({ id: 'running', tokens: [1], deadline: 100 }, 50);
    owner.submit({ id: 'waiting', tokens: [1], deadline: 50 }, 50);
    owner.step();
    now = 60;
    owner.step();
    expect([owner.results.get('running')?.end, owner.results.get('waiting')?.end]).toEqual([
      undefined,
      {
        kind: 'failed',
        error: expect.objectContaining({
          code: 'deadline_exceeded',
          details: { reason: 'rejected-ttl-expired', workSpent: false, waitedMs: 60 },
        }) as unknown,
      },
    ]);
    now = 100;
    expect(owner.step()).toBe(false);
    expect(owner.results.get('running')).toMatchObject({
      generated: [expect.any(Number), expect.any(Number)],
      end: { kind: 'deadline' },
    });
  });

  it('preempts the last in rank when pages run out, and computes it again', () => {
    const events: SchedulerEvent[] = [];
    const owner = new FakeOwner({ pageCount: 8, pageTokens: 4, maxSequences: 3 });
    owner.scheduler.on((event) => events.push(event));
    for (let i = 0; i < 3; i++) owner.submit({ id: `r${i}`, tokens: prompt(4, i) }, 20);
    owner.runToEnd();
    expect(events).toContainEqual({ kind: 'request_preempted', id: 'r2', tokens: expect.any(Number) });
    expect(events).not.toContainEqual(expect.objectContaining({ kind: 'request_preempted', id: 'r0' }));
    for (let i = 0; i < 3; i++) expect(owner.results.get(`r${i}`)?.generated).toEqual(alone(prompt(4, i), 20));
  });

  it('takes pages from the cache before it preempts, and fails with kv_exhausted when nobody here holds the rest', () => {
    const owner = new FakeOwner({ pageCount: 6, pageTokens: 4 });
    owner.submit({ id: 'before', tokens: prompt(7), cacheKey: 'x' }, 1);
    owner.runToEnd();
    expect(owner.cache.statistics().evictablePages).toBe(2);
    const kept = [owner.arena.allocate(), owner.arena.allocate(), owner.arena.allocate()];
    owner.submit({ id: 'a', tokens: prompt(8, 50) }, 20);
    owner.runToEnd();
    expect(owner.cache.statistics()).toMatchObject({ evictedPages: 2, cachedPages: 0 });
    expect(owner.failed('a')?.code).toBe('kv_exhausted');
    expect(owner.results.get('a')?.generated).toHaveLength(5);
    owner.scheduler.checkIntegrity([kept]);
  });

  it('runs a step again that was rolled back, from the start if asked', () => {
    const owner = new FakeOwner();
    owner.submit({ id: 'a', tokens: prompt(9) }, 4);
    owner.step();
    for (const recompute of [false, true]) {
      const plan = owner.scheduler.plan();
      if (plan) owner.scheduler.rollback(plan, { recompute });
      owner.scheduler.checkIntegrity();
    }
    owner.runToEnd();
    expect(owner.results.get('a')?.generated).toEqual(alone(prompt(9), 4));
  });

  it('ends everything with an error on demand', () => {
    const owner = new FakeOwner({ maxSequences: 1 });
    owner.submit({ id: 'a', tokens: prompt(9) }, 4);
    owner.submit({ id: 'b', tokens: prompt(9) }, 4);
    owner.step();
    owner.scheduler.failAll(new StarlingError('worker_failed', 'gone'));
    expect([owner.failed('a')?.code, owner.failed('b')?.code]).toEqual(['worker_failed', 'worker_failed']);
    expect(owner.arena.freePages).toBe(owner.arena.pageCount);
  });

  it('shares the prompt with forks', () => {
    const owner = new FakeOwner({ maxSequences: 4, pageTokens: 4 });
    owner.submit({ id: 'a', tokens: prompt(10) }, 6);
    owner.forksWanted.set('a', 'fork');
    owner.step();
    owner.scheduler.checkIntegrity();
    expect(owner.arena.statistics().sharedPages).toBe(3);
    owner.runToEnd();
    const [first] = alone(prompt(10), 1);
    expect(owner.results.get('a')?.generated).toEqual(alone(prompt(10), 6));
    expect(owner.results.get('fork')?.generated).toEqual([first + 1, ...alone([...prompt(10), first + 1], 5)]);
    expect(owner.plans.reduce((sum, { promptTokens }) => sum + promptTokens, 0)).toBe(10);
  });

  it('needs room in a step for a token of every sequence', () => {
    expect(() => new FakeOwner({ maxBatchTokens: 3, maxSequences: 4 })).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('a sequence whose reader is behind', () => {
  it.each([false, true])(
    'gives its slot to others, keeps its place, and goes on with the same tokens (with recurrent state: %s)',
    (isRecurrent) => {
      const owner = new FakeOwner({ maxSequences: 1, isRecurrent });
      owner.behind.add('slow');
      const slow = owner.submit({ id: 'slow', tokens: [1, 2, 3] }, 6);
      owner.submit({ id: 'next', tokens: [4, 5] }, 4);
      while (owner.step()) owner.scheduler.checkIntegrity();
      expect(owner.results.get('next')?.end).toEqual({ kind: 'finished' });
      expect(slow.state).toBe('waiting');
      expect(owner.results.get('slow')?.generated).toHaveLength(1);
      expect(owner.scheduler.isIdle).toBe(false);
      expect(owner.read('slow')).toBe(true);
      owner.runToEnd();
      expect(owner.results.get('slow')).toEqual({ generated: alone([1, 2, 3], 6), end: { kind: 'finished' } });
    },
  );

  it('takes no room in the queue, and can be cancelled', () => {
    const owner = new FakeOwner({ maxSequences: 1, queueLimit: 0 });
    owner.behind.add('slow');
    owner.submit({ id: 'slow', tokens: [1, 2, 3] }, 6);
    while (owner.step());
    owner.submit({ id: 'next', tokens: [4, 5] }, 1);
    owner.cancel('slow');
    owner.runToEnd();
    expect(owner.results.get('slow')?.end).toEqual({ kind: 'cancelled' });
    expect(owner.results.get('next')?.end).toEqual({ kind: 'finished' });
  });
});

describe('a sequence whose token takes long to choose', () => {
  it.each([false, true])(
    'keeps its slot while others go on, and goes on with the same tokens (with recurrent state: %s)',
    (isRecurrent) => {
      const owner = new FakeOwner({ maxSequences: 2, isRecurrent });
      owner.slow.add('slow');
      const slow = owner.submit({ id: 'slow', tokens: [1, 2, 3] }, 6);
      owner.submit({ id: 'beside', tokens: [4, 5] }, 4);
      owner.submit({ id: 'next', tokens: [6] }, 2);
      while (owner.step()) owner.scheduler.checkIntegrity();
      expect(owner.results.get('beside')?.end).toEqual({ kind: 'finished' });
      expect(owner.results.get('next')?.end).toEqual({ kind: 'finished' });
      expect(slow.state).toBe('running');
      expect(owner.results.get('slow')?.generated).toHaveLength(1);
      expect(owner.read('slow')).toBe(true);
      owner.runToEnd();
      expect(owner.results.get('slow')).toEqual({ generated: alone([1, 2, 3], 6), end: { kind: 'finished' } });
    },
  );

  it('gives its slot up where its reader is behind too', () => {
    const owner = new FakeOwner({ maxSequences: 1 });
    owner.slow.add('slow');
    owner.behind.add('slow');
    const slow = owner.submit({ id: 'slow', tokens: [1, 2, 3] }, 6);
    owner.submit({ id: 'next', tokens: [4, 5] }, 4);
    while (owner.step()) owner.scheduler.checkIntegrity();
    expect(slow.state).toBe('waiting');
    expect(owner.results.get('next')?.end).toEqual({ kind: 'finished' });
    owner.read('slow');
    owner.runToEnd();
    expect(owner.results.get('slow')).toEqual({ generated: alone([1, 2, 3], 6), end: { kind: 'finished' } });
  });
});
