import type { DecodedPhase } from '../program/program-code.js';
import { readProgram } from '../program/program-code.js';
import type { BoundKernel, KernelBinding } from './kernel-binding.js';
import { controlWords } from './control-block.js';

/** Polls of a barrier before a worker sleeps: some tens of microseconds, longer than a chunk takes. */
const spinLimit = 20_000;

interface ReadyCall {
  readonly run: BoundKernel;
  readonly descriptor: number;
}

interface ReadyTask {
  readonly per: number;
  readonly factor: number;
  readonly chunk: number;
  readonly calls: readonly ReadyCall[];
}

/**
 * One member of a team: walks the program of each step, takes chunks of units, meets the others at the end of each phase.
 *
 * Invariants: between steps `arrived` and `next` are 0. A worker takes a chunk by adding to `next`; the last to arrive at a
 * barrier sets `next` and `arrived` to 0 before it lets the others go, so that they find both ready.
 */
export class Executor {
  readonly #control: Int32Array;
  readonly #binding: KernelBinding;
  readonly #threads: number;
  readonly #programs = new Map<number, ReadyTask[][]>();

  /** @param control the words of the first memory */
  constructor(control: Int32Array, binding: KernelBinding, threads: number) {
    this.#control = control;
    this.#binding = binding;
    this.#threads = threads;
  }

  /** Takes part in one step. Returns when all members have finished it: true for the one that was last, and has to tell. */
  run(): boolean {
    const phases = this.#program(this.#control[controlWords.program]);
    let last = true;
    for (let i = 0; i < phases.length; i++) {
      if (this.#threads === 1) this.#runAlone(phases[i]);
      else last = this.#runShared(phases[i]);
    }
    return last;
  }

  #runAlone(tasks: readonly ReadyTask[]): void {
    for (const task of tasks) {
      const units = this.#unitsOf(task);
      for (let begin = 0; begin < units; begin += task.chunk) runCalls(task, begin, Math.min(units, begin + task.chunk));
    }
  }

  #runShared(tasks: readonly ReadyTask[]): boolean {
    const control = this.#control;
    for (;;) {
      let chunk = Atomics.add(control, controlWords.next, 1);
      let index = 0;
      for (; index < tasks.length; index++) {
        const task = tasks[index];
        const units = this.#unitsOf(task);
        const chunks = Math.ceil(units / task.chunk);
        if (chunk < chunks) {
          const begin = chunk * task.chunk;
          runCalls(task, begin, Math.min(units, begin + task.chunk));
          break;
        }
        chunk -= chunks;
      }
      if (index === tasks.length) break;
    }
    return this.#meet();
  }

  #unitsOf(task: ReadyTask): number {
    return this.#control[controlWords.counts + task.per] * task.factor;
  }

  /** Waits for all members; true for the last to arrive. */
  #meet(): boolean {
    const control = this.#control;
    const phase = Atomics.load(control, controlWords.phase);
    if (Atomics.add(control, controlWords.arrived, 1) === this.#threads - 1) {
      Atomics.store(control, controlWords.arrived, 0);
      Atomics.store(control, controlWords.next, 0);
      Atomics.store(control, controlWords.phase, (phase + 1) | 0);
      if (Atomics.load(control, controlWords.sleepers) > 0) Atomics.notify(control, controlWords.phase);
      return true;
    }
    for (let spins = 0; spins < spinLimit; spins++) {
      if (Atomics.load(control, controlWords.phase) !== phase) return false;
    }
    Atomics.add(control, controlWords.sleepers, 1);
    while (Atomics.load(control, controlWords.phase) === phase) Atomics.wait(control, controlWords.phase, phase);
    Atomics.sub(control, controlWords.sleepers, 1);
    return false;
  }

  #program(address: number): ReadyTask[][] {
    let phases = this.#programs.get(address);
    if (!phases) {
      phases = readProgram(this.#control, address).map((phase) => this.#bind(phase));
      this.#programs.set(address, phases);
    }
    return phases;
  }

  #bind({ memory, tasks }: DecodedPhase): ReadyTask[] {
    return tasks.map(({ per, factor, chunk, calls }) => ({
      per,
      factor,
      chunk,
      calls: calls.map(({ kernel, descriptor }) => ({ run: this.#binding.kernel(memory, kernel), descriptor })),
    }));
  }
}

function runCalls(task: ReadyTask, begin: number, end: number): void {
  const { calls } = task;
  for (let i = 0; i < calls.length; i++) calls[i].run(calls[i].descriptor, begin, end);
}
