import { FakeOwner, type FakeOwnerOptions } from '../test/fake-owner.js';
import type { StarlingError } from '@starling/core';
import type { SequenceRequest } from './sequence.js';

const prompt = (length: number) => Array.from({ length }, (_, i) => 1 + (i % 500));

const STEP_MS = 20;
const TOKEN_MS = 2;

/** A machine in simulated time: a step costs 20 ms, and 2 ms for each of its tokens. */
class Machine {
  now = 0;
  readonly owner: FakeOwner;
  /** Tokens by tenant, and milliseconds of steps, shared by tokens. */
  readonly served = new Map<string, number>();
  readonly servedMs = new Map<string, number>();
  readonly startedAt = new Map<string, number>();
  readonly firstTokenAt = new Map<string, number>();
  readonly steps: { readonly ms: number; readonly tokens: number }[] = [];

  constructor(options: FakeOwnerOptions = {}) {
    this.owner = new FakeOwner({
      clock: () => this.now,
      pageCount: 20_000,
      pageTokens: 16,
      contextLength: 4000,
      maxBatchTokens: 256,
      maxSequences: 8,
      queueLimit: 100_000,
      ...options,
    });
  }

  submit(request: SequenceRequest, maxTokens: number): void {
    this.owner.submit({ maxTokens, ...request }, maxTokens);
  }

  /** One step; false when there is nothing to do. */
  step(): boolean {
    const begin = this.now;
    const did = this.owner.step(() => {
      const plan = this.owner.plans.at(-1);
      const all = (plan?.sequences ?? []).reduce((sum, { tokens }) => sum + tokens, 0);
      const ms = STEP_MS + TOKEN_MS * all;
      this.now += ms;
      for (const { sequence, tokens } of plan?.sequences ?? []) {
        const tenant = sequence.id.split('/')[0];
        this.served.set(tenant, (this.served.get(tenant) ?? 0) + tokens);
        this.servedMs.set(tenant, (this.servedMs.get(tenant) ?? 0) + (ms * tokens) / all);
        if (!this.startedAt.has(sequence.id)) this.startedAt.set(sequence.id, begin);
      }
    });
    const plan = this.owner.plans.pop();
    if (!did || plan === undefined) return false;
    this.steps.push({ ms: this.now - begin, tokens: plan.promptTokens + plan.decodeTokens });
    for (const { sequence, isComplete } of plan.sequences)
      if (isComplete && !this.firstTokenAt.has(sequence.id)) this.firstTokenAt.set(sequence.id, this.now);
    return true;
  }

  /** When a request was over. */
  runUntilEnd(id: string): number {
    while (this.owner.results.get(id)?.end === undefined && this.step());
    return this.now;
  }
}

describe('Scheduler in simulated time', () => {
  it('gives two tenants of weights 1 and 3 with 50 requests each shares within 5 % of 1:3', () => {
    const machine = new Machine();
    for (let i = 0; i < 50; i++) {
      for (const [tenant, weight] of [
        ['one', 1],
        ['three', 3],
      ] as const)
        machine.submit({ id: `${tenant}/${i}`, tokens: prompt(100), tenant, weight }, 60);
    }
    // While both have work waiting: three quarters of what the heavier one has.
    while ((machine.served.get('three') ?? 0) < 0.75 * 50 * 160) machine.step();
    const ratio = (machine.served.get('three') ?? 0) / (machine.served.get('one') ?? 1);
    expect(ratio).toBeGreaterThan(3 * 0.95);
    expect(ratio).toBeLessThan(3 * 1.05);
  });

  it('charges what steps took, once, to those that had it: with drafts, cached prompts and an admission that takes time', () => {
    const machine = new Machine({ drafts: 4 });
    let admissionMs = 0;
    machine.owner.scheduler.on(({ kind }) => {
      if (kind !== 'sequence_admitted') return;
      machine.now += 7;
      admissionMs += 7;
    });
    for (let i = 0; i < 30; i++) {
      for (const [tenant, weight] of [
        ['one', 1],
        ['three', 3],
      ] as const)
        machine.submit({ id: `${tenant}/${i}`, tokens: prompt(100), tenant, weight, cacheKey: tenant }, 60);
    }
    while (machine.now < 6_000) machine.step();
    const [one, three] = machine.owner.scheduler.statistics().tenants.map(({ servedMs }) => servedMs);
    expect(one + three).toBeCloseTo(machine.steps.reduce((sum, { ms }) => sum + ms, 0) - admissionMs);
    expect(one / (machine.servedMs.get('one') ?? 0)).toBeCloseTo(1, 1);
    expect(three / one).toBeGreaterThan(3 * 0.9);
    expect(three / one).toBeLessThan(3 * 1.1);
    expect(
      [machine.owner.drafted.accepted, machine.owner.cache.statistics().hitTokens].every((count) => count > 500),
    ).toBe(true);
  });

  it('lets one short request among 200 long ones of another tenant wait at most twice its time alone and one step', () => {
    const alone = new Machine();
    alone.submit({ id: 'short/0', tokens: prompt(20), tenant: 'short' }, 8);
    const aloneMs = alone.runUntilEnd('short/0');

    const machine = new Machine();
    for (let i = 0; i < 200; i++) machine.submit({ id: `long/${i}`, tokens: prompt(600), tenant: 'long' }, 200);
    for (let i = 0; i < 150; i++) machine.step();
    const from = machine.now;
    machine.submit({ id: 'short/0', tokens: prompt(20), tenant: 'short' }, 8);
    const longestStep = Math.max(...machine.steps.map(({ ms }) => ms));
    machine.runUntilEnd('short/0');
    // Its wait: until it has its first token, and until its first step begins.
    expect((machine.firstTokenAt.get('short/0') ?? Infinity) - from).toBeLessThanOrEqual(2 * aloneMs + longestStep);
    expect((machine.startedAt.get('short/0') ?? Infinity) - from).toBe(0);
  });

  it('starts a request of each of 1,000 tenants within a bound, although one of them has sent a hundred before', () => {
    const machine = new Machine({ maxSequences: 16 });
    for (let i = 0; i < 100; i++) machine.submit({ id: `hog/${i}`, tokens: prompt(200), tenant: 'hog' }, 50);
    for (let i = 0; i < 5; i++) machine.step();
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 999; i++) machine.submit({ id: `t${i}/${round}`, tokens: prompt(20), tenant: `t${i}` }, 4);
    const hogBefore = machine.served.get('hog') ?? 0;
    for (let i = 0; i < 999; i++) machine.runUntilEnd(`t${i}/0`);
    // All others had their first turn before the hog had more than a few prompts beyond what it was running.
    expect((machine.served.get('hog') ?? 0) - hogBefore).toBeLessThan(16 * 250);
    expect([...machine.startedAt.keys()].filter((id) => id.endsWith('/1') && id.startsWith('t')).length).toBeLessThan(
      64,
    );
    for (let i = 0; i < 999; i++) machine.runUntilEnd(`t${i}/1`);
    while (machine.step());
    expect(machine.owner.results.size).toBe(100 + 2 * 999);
    expect([...machine.owner.results.values()].every(({ end }) => end?.kind === 'finished')).toBe(true);
    machine.owner.scheduler.checkIntegrity();
  });

  it('keeps 1,000 tenants that all have work waiting within twice the larger of a prompt and of what a batch decodes until a slot is free', () => {
    const [tenants, slots, longest, answer] = [1000, 4, 60, 4];
    const machine = new Machine({ maxSequences: slots });
    const all = Array.from({ length: tenants }, (_, i) => ({
      name: `t${i}`,
      weight: 1 + (i % 3),
      length: longest - 10 * (i % 5),
      maxTokens: 1 + (i % answer),
    }));
    const bound = 2 * Math.max(STEP_MS + TOKEN_MS * longest, answer * (STEP_MS + TOKEN_MS * slots));
    // So much work that whoever is favoured is soon further ahead than that.
    for (const { name, weight, length, maxTokens } of all) {
      const requests = Math.ceil((2 * bound * weight) / (TOKEN_MS * (length + maxTokens)));
      for (let i = 0; i < requests; i++)
        machine.submit({ id: `${name}/${i}`, tokens: prompt(length), tenant: name, weight }, maxTokens);
    }
    let [leastShare, spread] = [0, 0];
    while (leastShare < bound) {
      for (let i = 0; i < 10; i++) machine.step();
      const shares = all.map(({ name, weight }) => (machine.servedMs.get(name) ?? 0) / weight);
      leastShare = Math.min(...shares);
      spread = Math.max(spread, Math.max(...shares) - leastShare);
    }
    expect(spread).toBeLessThanOrEqual(bound);
  });

  it('gives a tenant that was idle no credit', () => {
    const machine = new Machine();
    machine.submit({ id: 'idle/first', tokens: prompt(50), tenant: 'idle' }, 5);
    machine.runUntilEnd('idle/first');
    for (let i = 0; i < 100; i++) machine.submit({ id: `busy/${i}`, tokens: prompt(100), tenant: 'busy' }, 40);
    for (let i = 0; i < 200; i++) machine.step();
    machine.served.clear();
    for (let i = 0; i < 100; i++) machine.submit({ id: `idle/${i}`, tokens: prompt(100), tenant: 'idle' }, 40);
    for (let i = 0; i < 100; i++) machine.step();
    const ratio = (machine.served.get('idle') ?? 0) / (machine.served.get('busy') ?? 1);
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.25);
  });

  it('keeps steps near the time between tokens that is aimed at while a long prompt comes, on a fast and on a slow machine', () => {
    for (const targetInterTokenMs of [60, 200]) {
      const machine = new Machine({ targetInterTokenMs });
      for (let i = 0; i < 3; i++) machine.submit({ id: `chat/${i}`, tokens: prompt(20), tenant: 'chat' }, 1000);
      for (let i = 0; i < 20; i++) machine.step();
      const from = machine.steps.length;
      machine.submit({ id: 'long/0', tokens: prompt(1500), tenant: 'long' }, 1);
      machine.runUntilEnd('long/0');
      const during = machine.steps.slice(from).map(({ ms }) => ms);
      expect(Math.max(...during)).toBeLessThanOrEqual(targetInterTokenMs * 1.1);
      expect(during.slice(0, -1).reduce((sum, ms) => sum + ms, 0) / (during.length - 1)).toBeGreaterThan(
        0.8 * targetInterTokenMs,
      );
    }
  });

  it('keeps the longest time between tokens within three times the median without being told a target', () => {
    const machine = new Machine();
    for (let i = 0; i < 3; i++) machine.submit({ id: `chat/${i}`, tokens: prompt(20), tenant: 'chat' }, 3000);
    for (let i = 0; i < 20; i++) machine.step();
    const median = machine.steps.at(-1)?.ms ?? 0;
    const from = machine.steps.length;
    machine.submit({ id: 'long/0', tokens: prompt(1500), tenant: 'long' }, 1);
    machine.runUntilEnd('long/0');
    expect(Math.max(...machine.steps.slice(from).map(({ ms }) => ms))).toBeLessThanOrEqual(3 * median);
  });

  it('refuses at once what cannot be in time, with when to come again, and drops what waited too long', () => {
    const machine = new Machine({ maxSequences: 2 });
    for (let i = 0; i < 20; i++) machine.submit({ id: `a/${i}`, tokens: prompt(100), tenant: 'a' }, 40);
    for (let i = 0; i < 10; i++) machine.step();
    const submit = (id: string, more: Partial<SequenceRequest>) => () =>
      machine.submit({ id, tokens: prompt(100), tenant: 'a', ...more }, 10);
    for (const late of [{ deadline: machine.now + 300 }, { startBy: machine.now + 300 }]) {
      expect(submit('x', late)).toThrow(
        expect.objectContaining({
          code: 'deadline_exceeded',
          details: {
            reason: 'rejected-deadline',
            workSpent: false,
            ownMs: expect.any(Number) as number,
            retryAfterMs: expect.any(Number) as number,
          },
        }),
      );
    }
    // Another tenant is told what its own work takes, and of all others' when to come again: in powers of two of a second.
    const told = [0, 1].map((more) => {
      for (let i = 0; i < more; i++) machine.submit({ id: `a/more${i}`, tokens: prompt(100), tenant: 'a' }, 40);
      try {
        return submit('y', { tenant: 'b', startBy: machine.now + 1 })();
      } catch (error) {
        return (error as StarlingError).message + String((error as StarlingError).details.retryAfterMs);
      }
    });
    expect(told[0]).toMatch(/about 2\d\d ms if nobody else had work; .*later(1|2|4|8|16)000$/);
    expect(told[1]).toBe(told[0]);
    submit('in time', { deadline: machine.now + 1e6, startBy: machine.now + 1e6 })();
    expect(machine.owner.scheduler.statistics().estimateErrorRatio).toBeLessThan(0.01);
    machine.now += 1e6 + 19;
    machine.step();
    expect(machine.owner.failed('in time')).toMatchObject({
      code: 'deadline_exceeded',
      message: expect.stringContaining('within the 1000000 ms'),
      details: { reason: 'rejected-ttl-expired', workSpent: false },
    });
  });

  it('keeps a tenant to its slots, its queue and its tokens a minute, and lets others go on', () => {
    const machine = new Machine({
      tenantLimits: (tenant) => (tenant === 'a' ? { running: 2, queued: 1, tokensPerMinute: 1000 } : {}),
    });
    const submit = (id: string, length = 10) =>
      machine.submit({ id, tokens: prompt(length), tenant: id.split('/')[0] }, 30);
    for (let i = 0; i < 3; i++) submit(`a/${i}`);
    for (let i = 0; i < 3; i++) submit(`b/${i}`);
    machine.step();
    expect([...machine.startedAt.keys()].sort()).toEqual(['a/0', 'a/1', 'b/0', 'b/1', 'b/2']);
    while (machine.step());
    submit('a/long', 1000 - 3 * 40);
    expect(() => submit('a/more', 500)).toThrow(
      expect.objectContaining({
        code: 'rate_limited',
        details: expect.objectContaining({
          reason: 'rejected-rate-limit',
          retryAfterMs: expect.any(Number) as number,
        }) as unknown,
      }),
    );
    submit('b/more', 500);
    machine.now += 60_000;
    submit('a/more', 500);
  });

  it('bounds what waits in tokens, and refuses from the high watermark on until it is below the low one', () => {
    const machine = new Machine({ maxSequences: 1, queueLimit: 100, resumeBelow: 50, queueTokenLimit: 900 });
    const submit =
      (id: string, length = 300) =>
      () =>
        machine.submit({ id, tokens: prompt(length) }, 1);
    const { scheduler } = machine.owner;
    submit('r/0')();
    machine.step();
    submit('r/1')();
    expect(submit('x', 700)).toThrow(
      expect.objectContaining({
        code: 'queue_full',
        details: expect.objectContaining({ queuedTokens: 300, queueTokenLimit: 900 }) as unknown,
      }),
    );
    submit('r/2')();
    submit('r/3')();
    expect(scheduler.statistics()).toMatchObject({ queuedTokens: 900, isAccepting: false });
    while (scheduler.statistics().queuedTokens > 450) {
      expect(submit('x', 1)).toThrow(expect.objectContaining({ code: 'queue_full' }));
      machine.step();
    }
    expect(scheduler.statistics().isAccepting).toBe(true);
    submit('x', 1)();
  });

  it('has a tenant that fills the queue give places of its last to others, by weight, and all to higher priorities', () => {
    const machine = new Machine({ maxSequences: 1, queueLimit: 8 });
    const { scheduler } = machine.owner;
    const submit = (id: string, more: Partial<SequenceRequest> = {}) => {
      try {
        machine.submit({ id, tokens: prompt(4), tenant: id.split('/')[0], ...more }, 50);
        return undefined;
      } catch (error) {
        return (error as { details: { reason: string } }).details.reason;
      }
    };
    const queued = () =>
      Object.fromEntries(scheduler.statistics().tenants.map(({ tenant, queued: count }) => [tenant, count]));
    for (let i = 0; i < 20; i++) submit(`hog/${i}`);
    machine.step();
    for (let i = 0; i < 20; i++) submit(`hog/b${i}`);
    expect(queued()).toEqual({ hog: 8 });
    expect(() => scheduler.checkQueue({ tenant: 'a' })).not.toThrow();
    const last = [...machine.owner.results].filter(([, { end }]) => end === undefined).at(-1)?.[0] ?? '';
    expect(submit('a/0')).toBeUndefined();
    expect(machine.owner.failed(last)).toMatchObject({
      code: 'queue_full',
      message: expect.stringContaining('no work was spent'),
      details: { reason: 'rejected-displaced', workSpent: false },
    });
    // Nobody takes back what was given: each has its part, and who comes beyond it is refused.
    for (let i = 1; i < 20; i++) submit(`a/${i}`);
    for (let i = 0; i < 20; i++) submit(`hog/c${i}`);
    expect(queued()).toEqual({ hog: 4, a: 4 });
    for (let i = 0; i < 20; i++) submit(`heavy/${i}`, { weight: 2 });
    expect(queued()).toEqual({ hog: 2, a: 2, heavy: 4 });
    expect(submit('a/low', { priority: -1 })).toBe('rejected-saturated');
    expect(submit('heavy/high', { priority: 1, weight: 2 })).toBeUndefined();
    expect(submit('a/greedy', { priority: 1, maxPriority: 0 })).toBe('rejected-saturated');
    scheduler.checkIntegrity();
    while (machine.step());
    expect(machine.firstTokenAt.has('heavy/high')).toBe(true);
    expect([...machine.owner.results.values()].every(({ end }) => end !== undefined)).toBe(true);
  });

  it('takes requests again once nothing waits, where that is its low watermark', () => {
    const machine = new Machine({ maxSequences: 1, queueLimit: 2, resumeBelow: 0 });
    for (let i = 0; i < 3; i++) machine.submit({ id: `r/${i}`, tokens: prompt(4) }, 1);
    const events: string[] = [];
    machine.owner.scheduler.on(
      (event) => void (event.kind === 'request_dropped' && events.push(`${event.id} ${event.reason}`)),
    );
    expect(() => machine.owner.scheduler.checkQueue({}, 'x')).toThrow(expect.objectContaining({ code: 'queue_full' }));
    expect(events).toEqual(['x rejected-saturated']);
    while (machine.step());
    machine.submit({ id: 'r/3', tokens: prompt(4) }, 1);
  });

  it('counts a priority beyond what the caller may ask for as the largest it may', () => {
    const machine = new Machine({ maxSequences: 1 });
    machine.submit({ id: 'a/0', tokens: prompt(4) }, 2);
    machine.submit({ id: 'a/proper', tokens: prompt(4), priority: 1, maxPriority: 5 }, 2);
    machine.submit({ id: 'a/greedy', tokens: prompt(4), priority: 1000, maxPriority: 0 }, 2);
    while (machine.step());
    expect([...machine.startedAt.keys()]).toEqual(['a/proper', 'a/0', 'a/greedy']);
  });
});
