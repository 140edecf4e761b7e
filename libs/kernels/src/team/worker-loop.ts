import { messageOf } from '@starling/core';
import { ComputeMemory } from '../memory/compute-memory.js';
import { controlWords } from './control-block.js';
import { Executor } from './executor.js';
import { KernelBinding } from './kernel-binding.js';
import type { StartMessage, WorkerReport } from './worker-protocol.js';

/** Polls for the next step before a worker sleeps. Short: the thread that plans the next step needs the processor. */
const idleSpins = 2_000;

/**
 * The life of a worker: takes part in each step announced, for ever. Never returns but by a failure, which it reports.
 * Whoever owns the thread ends it from outside.
 */
export function serveTeam(start: StartMessage, report: (report: WorkerReport) => void): void {
  try {
    const memories = start.memories.map((memory) => new ComputeMemory(memory));
    const control = memories[0].words;
    const binding = new KernelBinding(memories, start.modules, start.kernels, start.scratch);
    const executor = new Executor(control, binding, start.threads);
    report({ kind: 'ready' });
    let seen = start.announced;
    for (;;) {
      awaitStep(control, seen);
      seen = Atomics.load(control, controlWords.announced);
      if (executor.run()) {
        Atomics.store(control, controlWords.finished, seen);
        Atomics.notify(control, controlWords.finished);
      }
    }
  } catch (thrown) {
    report({ kind: 'failed', reason: messageOf(thrown) });
  }
}

function awaitStep(control: Int32Array, seen: number): void {
  for (let spins = 0; spins < idleSpins; spins++) {
    if (Atomics.load(control, controlWords.announced) !== seen) return;
  }
  while (Atomics.load(control, controlWords.announced) === seen) Atomics.wait(control, controlWords.announced, seen);
}
