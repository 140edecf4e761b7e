import { StarlingError, isStarlingError } from '@starling/core';
import { until } from '../../../tools/jest/until.js';
import { fakeModel } from '../test/fake-model.js';
import { nextTask } from './breather.js';
import type { LanguageModel } from './language-model.js';

const REQUESTS = 10_000;
/** So many callers ask at once. */
const CALLERS = 60;
const TENANTS = 5;

/** A signal that counts who listens. */
class CountedSignal {
  static listeners = 0;
  readonly controller = new AbortController();
  readonly signal: AbortSignal;

  constructor() {
    const { signal } = this.controller;
    this.signal = new Proxy(signal, {
      get(target, name) {
        if (name === 'addEventListener') CountedSignal.listeners++;
        if (name === 'removeEventListener') CountedSignal.listeners--;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}

/** The outcome of one request of many kinds, by its number. */
async function ask(model: LanguageModel, i: number): Promise<string> {
  const { signal, controller } = new CountedSignal();
  const common = {
    temperature: 0,
    tokens: Array.from({ length: 1 + (i % 23) }, (_, at) => (i % 7) + at),
    maxTokens: 1 + (i % 9),
    tenant: `t${i % TENANTS}`,
    weight: 1 + (i % 3),
    signal,
  } as const;
  try {
    switch (i % 10) {
      case 0:
        return (await model.embed([common.tokens, 'text'], { tenant: common.tenant, signal })).vectors.length === 2
          ? 'embedded'
          : 'wrong';
      case 1:
        for await (const part of model.generate(common)) if (part.kind === 'token') return 'left';
        return 'nothing to leave';
      case 2:
        setImmediate(() => controller.abort());
        return (await model.generate({ ...common, maxTokens: 60 }).result()).finishReason;
      case 3:
        return (await model.generate({ ...common, maxTokens: 60, deadlineMs: 5 }).result()).finishReason;
      case 4:
        return (await model.generate({ ...common, maxWaitMs: 2 }).result()).finishReason;
      case 5:
        return `${(await model.generate({ ...common, n: 3 }).result()).samples.length} samples`;
      case 6:
        return (await model.generate({ ...common, sessionId: `s${i % 12}` }).result()).finishReason;
      case 7:
        await model.visitLogits(common.tokens, () => (i % 3 === 0 ? failInVisit() : undefined), {
          tenant: common.tenant,
          signal,
        });
        return 'scored';
      case 8:
        return (await model.generate({ ...common, tokens: new Array<number>(600).fill(1) }).result()).finishReason;
      default:
        return (await model.generate({ ...common, promptLogprobs: 1 }).result()).finishReason;
    }
  } catch (error) {
    if (isStarlingError(error)) return error.code;
    throw error;
  }
}

function failInVisit(): never {
  throw new StarlingError('unprocessable', 'the visitor is done');
}

describe('ten thousand requests of all kinds', () => {
  it('leave no page, timer or listener: answered, embedded, scored, forked, in sessions, left, cancelled, late, refused, and failed', async () => {
    let steps = 0;
    let now = 0;
    const { model } = fakeModel({
      info: { pageCount: 60, pageTokens: 8, maxSequences: 6, contextLength: 128, maxBatchTokens: 48 },
      clock: () => now,
      queueLimit: 40,
      queueTokenLimit: 600,
      tenantLimits: (tenant) => (tenant === 't4' ? { queued: 6, running: 2 } : {}),
      onStep() {
        now++;
        if (++steps % 97 === 0)
          throw new StarlingError(steps % 2 === 0 ? 'internal' : 'worker_failed', 'a step that fails');
      },
    });
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const timersBefore = timers();
    const outcomes = new Map<string, number>();
    let next = 0;
    const caller = async (): Promise<void> => {
      while (next < REQUESTS) {
        const outcome = await ask(model, next++);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        if (outcome === 'queue_full') await nextTask();
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    await until(() => model.statistics().running === 0);
    // Each kind of end came about, and nothing else did: `conflict` is of a session that is asked twice at once, and steps that may be tried again are.
    expect([...outcomes.keys()].sort()).toEqual(
      [
        '3 samples',
        'cancelled',
        'conflict',
        'context_length_exceeded',
        'deadline',
        'deadline_exceeded',
        'embedded',
        'internal',
        'left',
        'length',
        'queue_full',
        'scored',
        'unprocessable',
      ].sort(),
    );
    expect(model.statistics()).toMatchObject({
      queued: 0,
      queuedTokens: 0,
      running: 0,
      suspended: 0,
      restoring: 0,
      kv: { allocatedBytes: 0, freePages: 60 },
    });
    for (let tenant = 0; tenant < TENANTS; tenant++)
      for (const { id } of model.sessionsOf(`t${tenant}`).list()) model.sessionsOf(`t${tenant}`).close(id);
    expect(model.statistics().cache.sessions).toBe(0);
    expect(CountedSignal.listeners).toBe(0);
    expect(timers()).toBeLessThanOrEqual(timersBefore);
    await model.close();
  });
});
