import { readProgram, type DecodedTask } from '../program/program-code.js';
import { controlWords, stepCounts } from './control-block.js';

/** A phase of a program: what the number of its chunks follows from, and whatever its reader made of its calls. */
export interface ReadyTask<Call> {
  readonly per: number;
  readonly factor: number;
  readonly chunk: number;
  readonly batchChunk: number;
  readonly calls: readonly Call[];
}

/** The programs in memory, decoded when first met. */
export class StepPrograms<Call> {
  readonly #control: Int32Array;
  readonly #bind: (memory: number, call: DecodedTask['calls'][number]) => Call;
  readonly #programs = new Map<number, readonly (readonly ReadyTask<Call>[])[]>();

  /** @param control the words of the first memory */
  constructor(control: Int32Array, bind: (memory: number, call: DecodedTask['calls'][number]) => Call) {
    this.#control = control;
    this.#bind = bind;
  }

  /** The phases of the program at an address. */
  at(address: number): readonly (readonly ReadyTask<Call>[])[] {
    let phases = this.#programs.get(address);
    if (!phases) {
      phases = readProgram(this.#control, address).map(({ memory, tasks }) =>
        tasks.map((task) => ({ ...task, calls: task.calls.map((call) => this.#bind(memory, call)) })),
      );
      this.#programs.set(address, phases);
    }
    return phases;
  }

  unitsOf(task: ReadyTask<Call>): number {
    return this.#control[controlWords.counts + task.per] * task.factor;
  }

  /** Units of a task that a worker takes at a time in this step. */
  chunkOf(task: ReadyTask<Call>): number {
    return this.#control[controlWords.counts + stepCounts.tokens] > 1 ? task.batchChunk : task.chunk;
  }

  chunksOf(phase: readonly ReadyTask<Call>[]): number {
    let chunks = 0;
    for (let i = 0; i < phase.length; i++) chunks += Math.ceil(this.unitsOf(phase[i]) / this.chunkOf(phase[i]));
    return chunks;
  }

  /** The first phase from `index` on that has any work; the number of phases if none has. */
  nextWithWork(phases: readonly (readonly ReadyTask<Call>[])[], index: number): number {
    let next = index;
    while (next < phases.length && this.chunksOf(phases[next]) === 0) next++;
    return next;
  }
}
