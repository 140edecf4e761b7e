import { controlWords } from './control-block.js';
import type { BoundKernel } from './bound-kernel.js';
import type { KernelBinding } from './kernel-binding.js';
import type { PhaseCursor } from './phase-cursor.js';
import { StepPrograms, type ReadyTask } from './step-programs.js';

/** Polls of the cursor before a worker sleeps: some tens of microseconds, longer than most chunks take. */
const spinLimit = 20_000;

interface ReadyCall {
  readonly run: BoundKernel;
  readonly descriptor: number;
}

type Tasks = readonly ReadyTask<ReadyCall>[];

const programsOf = (control: Int32Array, binding: KernelBinding): StepPrograms<ReadyCall> =>
  new StepPrograms(control, (memory, { kernel, descriptor }) => ({ run: binding.kernel(memory, kernel), descriptor }));

/** Runs a whole step on one thread, chunk by chunk. */
export class LoneExecutor {
  readonly #control: Int32Array;
  readonly #programs: StepPrograms<ReadyCall>;

  /** @param control the words of the first memory */
  constructor(control: Int32Array, binding: KernelBinding) {
    this.#control = control;
    this.#programs = programsOf(control, binding);
  }

  run(): void {
    for (const phase of this.#programs.at(this.#control[controlWords.program])) {
      for (const task of phase) {
        const units = this.#programs.unitsOf(task);
        const size = this.#programs.chunkOf(task);
        for (let begin = 0; begin < units; begin += size) {
          runCalls(task, begin, Math.min(units, begin + size));
          // For whoever watches that it goes on.
          this.#control[controlWords.done]++;
        }
      }
    }
  }
}

/**
 * One of several members of a team. They take chunks of the phase under way; whoever finishes the last chunk of a phase moves on to the
 * next. Nobody waits for a member that has no chunk in hand: one that the system has put aside for a while, or that still
 * wakes up, holds up nothing, and joins in wherever the others are by then.
 *
 * Invariants: the cursor's phase changes only when all its chunks are done, so what is known of a phase holds for
 * whoever has one of its chunks. A chunk beyond those there are is nobody's, and tells nothing about the
 * step. Between steps the cursor stands at a phase that is not of any step.
 */
export class TeamExecutor {
  readonly #control: Int32Array;
  readonly #programs: StepPrograms<ReadyCall>;
  readonly #cursor: PhaseCursor;
  /** Address of this worker's word for the phase it took a chunk of. */
  readonly #phaseAddress: number;
  #phases: readonly Tasks[] = [];
  /** The phase whose tasks these are, its place in the program, and how many chunks it has; 0 if it is over or of no step. */
  #phase = 0;
  #index = 0;
  #chunks = 0;

  /** @param phaseAddress a word of this worker's own in the first memory */
  constructor(control: Int32Array, binding: KernelBinding, cursor: PhaseCursor, phaseAddress: number) {
    this.#control = control;
    this.#programs = programsOf(control, binding);
    this.#cursor = cursor;
    this.#phaseAddress = phaseAddress;
  }

  /** Works as long as there is a step under way. */
  work(): void {
    const control = this.#control;
    for (;;) {
      const chunk = this.#cursor.take(this.#phaseAddress);
      const phase = control[this.#phaseAddress >>> 2];
      if (phase !== this.#phase || this.#chunks === 0) this.#enter(phase);
      if (chunk < this.#chunks) this.#runChunk(chunk);
      else if (this.#isIdle()) return;
      else this.#awaitNext(phase);
    }
  }

  /** Learns what there is to do in a phase. If the phase is over by now, what was read may be of later ones: then there is nothing to do. */
  #enter(phase: number): void {
    const control = this.#control;
    this.#phase = phase;
    this.#chunks = 0;
    // In this order: the caller writes the first phase before the program, so an idle phase is never taken for one of a new program.
    this.#phases = this.#programs.at(Atomics.load(control, controlWords.program));
    this.#index = (phase - Atomics.load(control, controlWords.firstPhase)) | 0;
    if (this.#isIdle()) return;
    const chunks = this.#programs.chunksOf(this.#phases[this.#index]);
    if (Atomics.load(control, controlWords.cursorPhase) === phase) this.#chunks = chunks;
  }

  /** Whether the phase looked at is of no step. */
  #isIdle(): boolean {
    return this.#index < 0 || this.#index >= this.#phases.length;
  }

  #runChunk(chunk: number): void {
    const tasks = this.#phases[this.#index];
    let rest = chunk;
    for (let i = 0; i < tasks.length; i++) {
      const task = tasks[i];
      const units = this.#programs.unitsOf(task);
      const size = this.#programs.chunkOf(task);
      const chunks = Math.ceil(units / size);
      if (rest < chunks) {
        const begin = rest * size;
        runCalls(task, begin, Math.min(units, begin + size));
        break;
      }
      rest -= chunks;
    }
    if (Atomics.add(this.#control, controlWords.done, 1) === this.#chunks - 1) this.#advance();
  }

  /** Moves the team on to the next phase that has work, or ends the step. */
  #advance(): void {
    const control = this.#control;
    const next = this.#programs.nextWithWork(this.#phases, this.#index + 1);
    const ended = next === this.#phases.length;
    Atomics.store(control, controlWords.done, 0);
    this.#cursor.setPhase((control[controlWords.firstPhase] + next) | 0);
    if (Atomics.load(control, controlWords.sleepers) > 0) Atomics.notify(control, controlWords.cursorPhase);
    if (!ended) return;
    Atomics.store(control, controlWords.finished, control[controlWords.step]);
    Atomics.notify(control, controlWords.finished);
  }

  /** Waits until the team has moved on: the others still work on the last chunks of this phase. */
  #awaitNext(phase: number): void {
    const control = this.#control;
    for (let spins = 0; spins < spinLimit; spins++) {
      if (Atomics.load(control, controlWords.cursorPhase) !== phase) return;
    }
    Atomics.add(control, controlWords.sleepers, 1);
    while (Atomics.load(control, controlWords.cursorPhase) === phase)
      Atomics.wait(control, controlWords.cursorPhase, phase);
    Atomics.sub(control, controlWords.sleepers, 1);
  }
}

function runCalls(task: ReadyTask<ReadyCall>, begin: number, end: number): void {
  const { calls } = task;
  for (let i = 0; i < calls.length; i++) calls[i].run(calls[i].descriptor, begin, end);
}
