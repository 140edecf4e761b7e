import { assert } from '@starling/core';
import { KvCache } from '@starling/kvcache';
import { Scheduler, type SequenceHandle } from '@starling/scheduler';

const SEQUENCES = 64;
const TENANTS = 16;
const WAITING = 200;
const STEPS = 2000;
const PROMPT = 100;

/** Milliseconds. */
export interface PlanTimes {
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Of what follows a step: noting it, and a token for each sequence. */
  readonly commitMedianMs: number;
}

/** Plans steps in which 64 sequences of 16 tenants decode, while 200 requests wait. */
export function measurePlanning(): PlanTimes {
  const cache = new KvCache({ pageCount: 40_000, pageTokens: 32 });
  const scheduler = new Scheduler({
    limits: { contextLength: 8192, maxBatchTokens: 256, maxSequences: SEQUENCES },
    cache,
    queueLimit: 10_000,
  });
  const submit = (i: number): SequenceHandle =>
    scheduler.submit({
      id: `request-${i}`,
      tenant: `tenant-${i % TENANTS}`,
      session: `session-${i % 40}`,
      cacheKey: `tenant-${i % TENANTS}`,
      tokens: Uint32Array.from({ length: PROMPT }, (_, at) => i * 31 + at),
      maxTokens: 4 * STEPS,
    });
  for (let i = 0; i < SEQUENCES + WAITING; i++) submit(i);
  const planMs: number[] = [];
  const commitMs: number[] = [];
  while (planMs.length < STEPS) {
    const start = performance.now();
    const plan = scheduler.plan();
    const planned = performance.now();
    assert(plan !== undefined, 'there is always something to compute');
    scheduler.commit(plan);
    for (const { sequence, isComplete } of plan.sequences) if (isComplete) scheduler.append(sequence, 1);
    if (plan.decodeTokens < SEQUENCES) continue;
    planMs.push(planned - start);
    commitMs.push(performance.now() - planned);
  }
  for (const times of [planMs, commitMs]) times.sort((a, b) => a - b);
  return {
    medianMs: planMs[STEPS >> 1],
    p99Ms: planMs[Math.floor(STEPS * 0.99)],
    commitMedianMs: commitMs[STEPS >> 1],
  };
}
