import { isStarlingError } from '@starling/core';
import fc from 'fast-check';
import { FakeOwner, alone } from '../test/fake-owner.js';
import type { SequenceHandle } from './sequence.js';

/** What the commands work on: a scheduler in simulated time, and what was asked of it. */
interface Real {
  readonly owner: FakeOwner;
  readonly asked: Map<string, Asked>;
  readonly time: { now: number };
}
/** A request that was taken. */
interface Asked {
  readonly tenant: string;
  readonly tokens: readonly number[];
  readonly maxTokens: number;
  readonly handle: SequenceHandle;
}
interface Model {
  submitted: number;
}
type Command = fc.Command<Model, Real>;

/** The nightly command sets these: many more runs. Lists of commands have `STEPS` of them on average. */
const RUNS = Number(process.env.STARLING_PROPERTY_RUNS ?? 500);
const STEPS = Number(process.env.STARLING_PROPERTY_STEPS ?? 200);
/** Runs of the second property, which needs two schedulers a run. */
const PAIRED_RUNS = Math.ceil(RUNS / 5);

const check = ({ owner }: Real): void => owner.scheduler.checkIntegrity();

/** A prompt that begins like all others, up to where it parts. */
const promptOf = (length: number, parts: number): number[] =>
  Array.from({ length }, (_, i) => 1 + i + (i >= parts ? 50 : 0));

interface Terms {
  readonly tenant: string;
  readonly session: string;
  readonly priority: number;
  readonly weight: number;
  readonly length: number;
  readonly parts: number;
  readonly maxTokens: number;
  readonly deadlineMs?: number;
  readonly waitMs?: number;
  readonly forks: boolean;
  readonly pooling?: string;
  readonly inParts?: boolean;
  /** Tokens that an encoder reads: such a prompt shares nothing. */
  readonly read?: number;
}

class Submit implements Command {
  constructor(readonly all: Terms) {}
  check = () => true;
  run(model: Model, real: Real): void {
    const { length: asked, parts, deadlineMs, waitMs, forks, read = 0, ...terms } = this.all;
    // What is embedded has no answer, and must fit into one step if it comes whole.
    const isEmbedded = terms.pooling !== undefined;
    const [length, maxTokens] = isEmbedded
      ? [terms.inParts === true ? asked : Math.min(asked, 16), 1]
      : [asked, terms.maxTokens];
    const id = `${terms.tenant}${model.submitted++}`;
    const tokens = promptOf(length, parts);
    try {
      const request = {
        id,
        tokens,
        ...terms,
        ...(read > 0 && read < length && !isEmbedded ? { encoderTokens: read } : { cacheKey: terms.tenant }),
        checkpoints: length > 1 && !isEmbedded ? [length - 1] : [],
        maxTokens,
        deadline: deadlineMs && real.time.now + deadlineMs,
        startBy: waitMs && real.time.now + waitMs,
      };
      const handle = real.owner.submit(request, maxTokens);
      if (forks && !isEmbedded) real.owner.forksWanted.set(id, forkOf(id));
      real.asked.set(id, { tenant: terms.tenant, tokens, maxTokens, handle });
    } catch (error) {
      if (
        !isStarlingError(error) ||
        error.details.workSpent !== false ||
        !String(error.details.reason).startsWith('rejected-')
      )
        throw error;
    }
    check(real);
  }
  toString = () => `submit(${JSON.stringify(this.all)})`;
}

const forkOf = (id: string): string => `${id}-fork`;

/** The id of one that was asked for, or of its fork. */
function pick({ asked }: Real, which: number): string | undefined {
  const id = [...asked.keys()][(which >> 1) % Math.max(1, asked.size)];
  return id === undefined || which % 2 === 0 ? id : forkOf(id);
}

class Step implements Command {
  constructor(
    readonly ms: number,
    readonly cancelDuring: number | undefined,
  ) {}
  check = () => true;
  run(_model: Model, real: Real): void {
    real.owner.step(() => {
      real.time.now += this.ms;
      const id = this.cancelDuring === undefined ? undefined : pick(real, this.cancelDuring);
      if (id !== undefined) real.owner.cancel(id);
    });
    check(real);
  }
  toString = () => `step(${this.ms}${this.cancelDuring === undefined ? '' : `, cancel ${this.cancelDuring}`})`;
}

class Cancel implements Command {
  constructor(readonly which: number) {}
  check = () => true;
  run(_model: Model, real: Real): void {
    const id = pick(real, this.which);
    if (id !== undefined) real.owner.cancel(id);
    check(real);
  }
  toString = () => `cancel(${this.which})`;
}

class FallBehind implements Command {
  constructor(readonly which: number) {}
  check = () => true;
  run(_model: Model, real: Real): void {
    const id = pick(real, this.which);
    if (id !== undefined) real.owner.behind.add(id);
  }
  toString = () => `fallBehind(${this.which})`;
}

class BeSlow implements Command {
  constructor(readonly which: number) {}
  check = () => true;
  run(_model: Model, real: Real): void {
    const id = pick(real, this.which);
    if (id !== undefined) real.owner.slow.add(id);
  }
  toString = () => `beSlow(${this.which})`;
}

class CatchUp implements Command {
  constructor(readonly which: number) {}
  check = () => true;
  run(_model: Model, real: Real): void {
    const id = pick(real, this.which);
    if (id !== undefined) real.owner.read(id);
    check(real);
  }
  toString = () => `catchUp(${this.which})`;
}

class Rollback implements Command {
  constructor(readonly recompute: boolean) {}
  check = () => true;
  run(_model: Model, real: Real): void {
    real.owner.rollback(this.recompute);
    check(real);
  }
  toString = () => `rollback(${this.recompute})`;
}

class Evict implements Command {
  constructor(readonly pages: number) {}
  check = () => true;
  run(_model: Model, real: Real): void {
    real.owner.cache.evict(this.pages);
    check(real);
  }
  toString = () => `evict(${this.pages})`;
}

const terms = fc.record<Terms>(
  {
    tenant: fc.constantFrom('a', 'b', 'c'),
    session: fc.constantFrom('', 's', 't'),
    priority: fc.constantFrom(0, 0, 0, 1),
    weight: fc.constantFrom(1, 3),
    length: fc.integer({ min: 1, max: 30 }),
    parts: fc.integer({ min: 0, max: 30 }),
    maxTokens: fc.integer({ min: 1, max: 12 }),
    deadlineMs: fc.integer({ min: 1, max: 400 }),
    waitMs: fc.integer({ min: 1, max: 400 }),
    forks: fc.boolean(),
    pooling: fc.constantFrom('mean', 'mean', 'last'),
    inParts: fc.boolean(),
    read: fc.integer({ min: 1, max: 16 }),
  },
  { requiredKeys: ['tenant', 'session', 'priority', 'weight', 'length', 'parts', 'maxTokens', 'forks'] },
);
const which = fc.nat(41);
const submit = terms.map((all) => new Submit(all));
const step = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.option(which, { nil: undefined, freq: 8 }))
  .map(([ms, cancel]) => new Step(ms, cancel));
const others = [
  which.map((one) => new Cancel(one)),
  which.map((one) => new FallBehind(one)),
  which.map((one) => new BeSlow(one)),
  which.map((one) => new CatchUp(one)),
  fc.boolean().map((recompute) => new Rollback(recompute)),
  fc.nat(8).map((pages) => new Evict(pages)),
];
const commands = fc.commands<Model, Real>([submit, submit, step, step, step, step, ...others], {
  maxCommands: 2 * STEPS,
  size: 'max',
});

/** How far two lists begin alike. */
function common(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length++;
  return length;
}

/** All that a request and its fork can have computed: what the cache may hold because of them. */
function computedBy(owner: FakeOwner, id: string, { tokens }: Asked): number[][] {
  return [id, forkOf(id)].map((one) => [...tokens, ...(owner.results.get(one)?.generated ?? [])]);
}

/** What is wrong: each request has the tokens that it gets alone, and began with no more than others of its own tenant had computed. */
function problemsOf({ owner, asked }: Real): string[] {
  const problems: string[] = [];
  const computed = [...asked].map(([id, one]) => ({ one, lists: computedBy(owner, id, one) }));
  for (const [id, one] of asked) {
    const { tenant, tokens, maxTokens, handle } = one;
    const expected = alone(tokens, maxTokens);
    const forked = [expected[0] + 1, ...alone([...tokens, expected[0] + 1], maxTokens - 1)];
    for (const [name, all] of [
      [id, expected],
      [forkOf(id), forked],
    ] as const) {
      const result = owner.results.get(name);
      if (result === undefined) continue;
      const wanted = result.end?.kind === 'finished' ? all.length : result.generated.length;
      if (result.end === undefined || result.generated.length !== wanted || common(result.generated, all) < wanted)
        problems.push(
          `${name} ended as ${result.end?.kind} with ${result.generated.join(' ')} where ${all.join(' ')} was expected`,
        );
    }
    const own = computed.flatMap(({ one: other, lists }) => (other !== one && other.tenant === tenant ? lists : []));
    const most = Math.max(0, ...own.map((list) => common(list, tokens)));
    if (handle.cachedTokens > most)
      problems.push(`${id} began with ${handle.cachedTokens} tokens, of which its tenant had computed ${most}`);
  }
  return problems;
}

describe('Scheduler, whatever is asked of it', () => {
  it('keeps its invariants after each call, gives each request the tokens that it gets alone, with drafts or without, lets no tenant have what another computed, and comes to an end with everything given back', () => {
    fc.assert(
      fc.property(
        commands,
        fc.constantFrom('plain', 'recurrent', 'windowed'),
        fc.integer({ min: 11, max: 24 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(0, 2, 6),
        (list, kind, pageCount, maxSequences, drafts) => {
          const time = { now: 0 };
          const owner = new FakeOwner({
            clock: () => time.now,
            pageCount,
            pageTokens: 4,
            maxSequences,
            queueLimit: 6,
            resumeBelow: 3,
            queueTokenLimit: 150,
            isRecurrent: kind === 'recurrent',
            stateLimitBytes: 20,
            drafts,
            // One window of 6 and the 16 tokens of a step need 7 pages.
            windowed: kind === 'windowed' ? { window: 6, pageCount: 9 } : undefined,
            tenantLimits: (tenant) => (tenant === 'c' ? { running: 1, queued: 2, tokensPerMinute: 2000 } : {}),
          });
          const real: Real = { owner, asked: new Map(), time };
          fc.modelRun(() => ({ model: { submitted: 0 }, real }), list);
          owner.runToEnd(5000);
          owner.scheduler.checkIntegrity();
          expect(owner.cache.availablePages).toBe(pageCount);
          owner.cache.evict(pageCount);
          expect(owner.arena.freePages).toBe(pageCount);
          expect(owner.cache.windows?.arena.freePages).toBe(kind === 'windowed' ? 9 : undefined);
          expect(owner.cache.statistics()).toMatchObject({ cachedPages: 0, states: 0 });
          expect(problemsOf(real)).toEqual([]);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('has a tenant that was alone and one beside another find the same in the cache, and wait for as many steps where there is room for both', () => {
    const turn = fc.record({
      length: fc.integer({ min: 1, max: 30 }),
      parts: fc.integer({ min: 0, max: 30 }),
      tenant: fc.constantFrom('a', 'b'),
      maxTokens: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 30 }), fc.boolean(), (turns, isRecurrent) => {
        const run = (only: string | undefined): unknown[] => {
          const owner = new FakeOwner({ pageCount: 600, pageTokens: 5, maxSequences: 2, isRecurrent });
          const found: unknown[] = [];
          turns.forEach(({ length, parts, tenant, maxTokens }, i) => {
            if (only !== undefined && tenant !== only) return;
            const before = owner.plans.length;
            const handle = owner.submit(
              { id: `r${i}`, tokens: promptOf(length, parts), tenant, cacheKey: tenant },
              maxTokens,
            );
            owner.runToEnd();
            if (tenant === 'a') found.push([handle.cachedTokens, handle.miss, owner.plans.length - before]);
          });
          return found;
        };
        expect(run(undefined)).toEqual(run('a'));
      }),
      { numRuns: PAIRED_RUNS },
    );
  });
});
