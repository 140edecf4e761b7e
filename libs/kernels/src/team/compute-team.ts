import { Emitter, StarlingError } from '@starling/core';
import type { ComputeMemory } from '../memory/compute-memory.js';
import type { KernelRef } from '../program/program.js';
import { controlWords, stepCounts, type StepCount } from './control-block.js';
import { Executor } from './executor.js';
import { KernelBinding, type NamedModules } from './kernel-binding.js';
import { awaitChange } from './await-change.js';
import type { TeamWorker, WorkerFactory } from './worker-protocol.js';

export interface TeamOptions {
  /** The first one starts with the control block. */
  readonly memories: readonly ComputeMemory[];
  readonly modules: NamedModules;
  readonly kernels: readonly KernelRef[];
  /** (threads, memories): where each worker's scratch is. */
  readonly scratch: readonly (readonly number[])[];
  /** How to start threads. Without it there is one member, the calling thread itself, and `run` works before it returns. */
  readonly workers?: WorkerFactory;
}

/** Workers are started anew after one had died. */
export interface TeamRestart {
  readonly reason: string;
}

/**
 * Workers that run programs over shared memories, step by step. The calling thread never blocks while they work.
 *
 * A worker that dies fails the step under way with `worker_failed`; the next step starts a new set of workers over the same memories.
 */
export class ComputeTeam {
  readonly restarts = new Emitter<TeamRestart>();
  readonly #options: TeamOptions;
  readonly #control: Int32Array;
  readonly #inline: Executor | undefined;
  #crew: Promise<Crew> | undefined;
  #closed = false;
  #running = false;

  constructor(options: TeamOptions) {
    this.#options = options;
    this.#control = options.memories[0].words;
    if (!options.workers) this.#inline = new Executor(this.#control, new KernelBinding(options.memories, options.modules, options.kernels, options.scratch[0]), 1);
  }

  /** Members that share the work. */
  get threads(): number {
    return this.#options.scratch.length;
  }

  /** Starts the workers, so that the first step need not. */
  async start(): Promise<void> {
    if (this.#options.workers) await this.#readyCrew();
  }

  /** Sets one of the counts that the units of tasks are multiples of, for the next step. */
  setCount(count: StepCount, value: number): void {
    this.#control[controlWords.counts + stepCounts[count]] = value;
  }

  /**
   * Runs a program (by its structure's address) with the counts set before. One at a time.
   * @throws StarlingError `worker_failed` if a worker died, `closed` after or by `close`
   */
  async run(program: number): Promise<void> {
    if (this.#closed) throw closed();
    if (this.#running) throw new StarlingError('internal', 'A team runs one step at a time.');
    this.#running = true;
    try {
      this.#control[controlWords.counts + stepCounts.one] = 1;
      this.#control[controlWords.program] = program;
      if (this.#inline) this.#inline.run();
      else await (await this.#readyCrew()).step();
    } finally {
      this.#running = false;
    }
  }

  /** Ends the workers; a step under way fails with `closed`. */
  async close(): Promise<void> {
    this.#closed = true;
    const crew = this.#crew;
    this.#crew = undefined;
    if (crew) await crew.then((members) => members.dismiss(closed()), () => undefined);
  }

  async #readyCrew(): Promise<Crew> {
    this.#crew ??= Crew.hire(this.#options, (reason) => {
      this.#crew = undefined;
      if (!this.#closed) this.restarts.emit({ reason });
    });
    const crew = await this.#crew;
    if (this.#closed) throw closed();
    return crew;
  }
}

/** One set of workers, from start to the first failure. */
class Crew {
  readonly #control: Int32Array;
  readonly #workers: readonly TeamWorker[];
  readonly #onLost: (reason: string) => void;
  #fail: ((error: StarlingError) => void) | undefined;
  #lost: StarlingError | undefined;

  private constructor(control: Int32Array, workers: readonly TeamWorker[], onLost: (reason: string) => void) {
    this.#control = control;
    this.#workers = workers;
    this.#onLost = onLost;
  }

  static async hire(options: TeamOptions, onLost: (reason: string) => void): Promise<Crew> {
    const control = options.memories[0].words;
    for (const word of ['arrived', 'phase', 'next', 'sleepers'] as const) control[controlWords[word]] = 0;
    const announced = Atomics.load(control, controlWords.announced);
    Atomics.store(control, controlWords.finished, announced);
    const factory = options.workers!;
    const workers = options.scratch.map(() => factory.spawn());
    const crew = new Crew(control, workers, onLost);
    await new Promise<void>((resolve, reject) => {
      crew.#fail = reject;
      let ready = 0;
      workers.forEach((worker, thread) => {
        worker.onEnd((reason) => crew.#lose(reason));
        worker.onReport((report) => {
          if (report.kind === 'failed') crew.#lose(report.reason);
          else if (++ready === workers.length) resolve();
        });
        worker.post({
          kind: 'start',
          memories: options.memories.map(({ memory }) => memory),
          modules: options.modules,
          kernels: options.kernels,
          scratch: options.scratch[thread],
          threads: workers.length,
          announced,
        });
      });
    });
    crew.#keepAlive(false);
    return crew;
  }

  /** Announces a step and waits until all workers have finished it. */
  async step(): Promise<void> {
    if (this.#lost) throw this.#lost;
    const control = this.#control;
    this.#keepAlive(true);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#fail = reject;
        const before = Atomics.load(control, controlWords.finished);
        Atomics.add(control, controlWords.announced, 1);
        Atomics.notify(control, controlWords.announced);
        awaitChange(control, controlWords.finished, before).then(resolve, reject);
      });
    } finally {
      this.#fail = undefined;
      this.#keepAlive(false);
    }
  }

  /** Ends all workers; a step under way fails with the error given. */
  async dismiss(error: StarlingError): Promise<void> {
    this.#lost ??= error;
    this.#fail?.(error);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #lose(reason: string): void {
    if (this.#lost) return;
    this.#onLost(reason);
    void this.dismiss(new StarlingError('worker_failed', `A compute worker failed: ${reason}. The step it worked on is lost; new workers are started for the next one.`, { details: { reason } }));
  }

  #keepAlive(on: boolean): void {
    for (const worker of this.#workers) worker.keepAlive(on);
  }
}

function closed(): StarlingError {
  return new StarlingError('closed', 'The compute team was closed.');
}
