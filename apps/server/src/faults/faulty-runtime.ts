import { StarlingError } from '@starling/core';
import type { ModelRuntime } from '@starling/transformer';
import type { FaultPlan } from './fault-plan.js';
import type { FaultyWorkers } from './faulty-workers.js';

const DAY_MS = 86_400_000;

/** A runtime whose steps go wrong as planned. */
export function faultyRuntime(runtime: ModelRuntime, plan: FaultPlan, workers: FaultyWorkers): ModelRuntime {
  return {
    info: runtime.info,
    pageBytes: runtime.pageBytes,
    windowPageBytes: runtime.windowPageBytes,
    stateBytes: runtime.stateBytes,
    async step(batch) {
      if (plan.happens('clock_jumps')) jump(DAY_MS);
      if (plan.happens('worker_dies')) await workers.endOne();
      if (plan.happens('worker_hangs')) await workers.silenceAll();
      if (plan.happens('step_throws')) throw new StarlingError('internal', 'a step failed, as it was told to');
      if (plan.happens('memory_runs_out')) throw new RangeError('Array buffer allocation failed');
      const output = await runtime.step(batch);
      // The first row alone: the other sequences of the step have theirs.
      if (output.rows > 0 && plan.happens('logits_nan')) output.logits.fill(NaN, 0, output.logits.length / output.rows);
      return output;
    },
    takeWaitedMs: () => runtime.takeWaitedMs?.() ?? 0,
    hidden: (batch) => runtime.hidden(batch),
    pooler: (pooling) => runtime.pooler(pooling),
    embed: (batch, options) => runtime.embed(batch, options),
    readPage: (page, into) => runtime.readPage(page, into),
    writePage: (page, from) => runtime.writePage(page, from),
    copyPage: (from, to) => runtime.copyPage(from, to),
    saveState: (slot, into) => runtime.saveState(slot, into),
    loadState: (slot, from, position) => runtime.loadState(slot, from, position),
    close: () => runtime.close(),
  };
}

/** The system's clock is set, for this process. */
function jump(ms: number): void {
  const now = Date.now.bind(Date);
  Date.now = () => now() + ms;
}
