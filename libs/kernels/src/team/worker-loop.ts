import { messageOf } from '@starling/core';
import { ComputeMemory } from '../memory/compute-memory.js';
import { controlWords } from './control-block.js';
import { LoneExecutor, TeamExecutor } from './executor.js';
import { KernelBinding } from './kernel-binding.js';
import { phaseCursor } from './phase-cursor.js';
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
    const work = start.threads === 1 ? aloneOn(start, memories) : inTeam(start, memories);
    report({ kind: 'ready' });
    let seen = start.announced;
    for (;;) {
      awaitStep(control, seen);
      // Read before the work: a step announced while this worker finds nothing more to do must not be slept through.
      seen = Atomics.load(control, controlWords.announced);
      work();
    }
  } catch (thrown) {
    report({ kind: 'failed', reason: messageOf(thrown) });
  }
}

const bindingOf = ({ modules, kernels, scratch }: StartMessage, memories: readonly ComputeMemory[]): KernelBinding =>
  new KernelBinding(memories, modules, kernels, scratch);

function inTeam(start: StartMessage, memories: readonly ComputeMemory[]): () => void {
  const executor = new TeamExecutor(
    memories[0].words,
    bindingOf(start, memories),
    phaseCursor(start.cursor, start.memories[0]),
    start.phaseAddress,
  );
  return () => executor.work();
}

function aloneOn(start: StartMessage, memories: readonly ComputeMemory[]): () => void {
  const control = memories[0].words;
  const executor = new LoneExecutor(control, bindingOf(start, memories));
  return () => {
    executor.run();
    Atomics.store(control, controlWords.finished, control[controlWords.step]);
    Atomics.notify(control, controlWords.finished);
  };
}

function awaitStep(control: Int32Array, seen: number): void {
  for (let spins = 0; spins < idleSpins; spins++) {
    if (Atomics.load(control, controlWords.announced) !== seen) return;
  }
  while (Atomics.load(control, controlWords.announced) === seen) Atomics.wait(control, controlWords.announced, seen);
}
