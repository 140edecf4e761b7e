import { Emitter, messageOf, StarlingError } from '@starling/core';
import { controlWords, stepCounts, type StepCount } from './control-block.js';
import { Crew } from './crew.js';
import { LoneExecutor } from './executor.js';
import { KernelBinding } from './kernel-binding.js';
import type { TeamOptions } from './team-options.js';

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
  readonly #inline: LoneExecutor | undefined;
  #crew: Promise<Crew> | undefined;
  /** Resolves when the workers of the last crew that was lost have all ended: until then they may still write. */
  #gone: Promise<void> = Promise.resolve();
  #closed = false;
  #running = false;

  constructor(options: TeamOptions) {
    this.#options = options;
    this.#control = options.memories[0].words;
    if (!options.workers)
      this.#inline = new LoneExecutor(
        this.#control,
        new KernelBinding(options.memories, options.modules, options.kernels, options.scratch[0]),
      );
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
   * @returns milliseconds of it that it waited for its turn, where other teams have the same cores
   * @throws StarlingError `worker_failed` if a worker died, `closed` after or by `close`
   */
  async run(program: number): Promise<number> {
    if (this.#closed) throw closed();
    if (this.#running) throw new StarlingError('internal', 'A team runs one step at a time.');
    this.#running = true;
    try {
      this.#control[controlWords.counts + stepCounts.one] = 1;
      if (this.#inline) {
        this.#control[controlWords.program] = program;
        runInline(this.#inline);
        return 0;
      } else {
        const { turns } = this.#options;
        // A turn that is waited for may come after `close`.
        const step = async (): Promise<void> => (await this.#readyCrew()).run(program);
        if (turns) return await turns.during(step);
        await step();
        return 0;
      }
    } finally {
      this.#running = false;
    }
  }

  /** Ends the workers; a step under way fails with `closed`. */
  async close(): Promise<void> {
    this.#closed = true;
    const crew = this.#crew;
    this.#crew = undefined;
    if (crew)
      await crew.then(
        (members) => members.dismiss(closed()),
        () => undefined,
      );
  }

  async #readyCrew(): Promise<Crew> {
    this.#crew ??= this.#gone.then(() =>
      Crew.hire({ ...this.#options, workers: this.#options.workers! }, (reason, gone) => this.#lost(reason, gone)),
    );
    const hired = this.#crew;
    const crew = await hired.catch((error: unknown) => {
      if (this.#crew === hired) this.#crew = undefined;
      throw error;
    });
    if (this.#closed) throw closed();
    return crew;
  }

  #lost(reason: string, gone: Promise<void>): void {
    this.#crew = undefined;
    this.#gone = gone;
    if (!this.#closed) this.restarts.emit({ reason });
  }
}

function runInline(executor: LoneExecutor): void {
  try {
    executor.run();
  } catch (cause) {
    throw new StarlingError(
      'worker_failed',
      `A kernel failed on the calling thread: ${messageOf(cause)}. The step it worked on is lost.`,
      { cause },
    );
  }
}

function closed(): StarlingError {
  return new StarlingError('closed', 'The compute team was closed.');
}
