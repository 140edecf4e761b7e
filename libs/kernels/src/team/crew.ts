import { StarlingError } from '@starling/core';
import { awaitChange } from './await-change.js';
import { controlWords, maximumThreads, workerWordAddress } from './control-block.js';
import { buildCursorModule, phaseCursor, type PhaseCursor } from './phase-cursor.js';
import { StallWatch } from './stall-watch.js';
import { StepPrograms } from './step-programs.js';
import type { TeamOptions } from './team-options.js';
import type { TeamWorker, WorkerFactory } from './worker-protocol.js';

/** What a crew needs of a team. */
export type CrewOptions = Pick<TeamOptions, 'memories' | 'modules' | 'kernels' | 'scratch' | 'stallMs'> & {
  readonly workers: WorkerFactory;
};

/** Told when a crew has failed; `gone` resolves when all its workers have ended. */
export type OnLost = (reason: string, gone: Promise<void>) => void;

/** One set of workers, from start to the first failure. */
export class Crew {
  readonly #control: Int32Array;
  readonly #workers: readonly TeamWorker[];
  readonly #cursor: PhaseCursor;
  readonly #programs: StepPrograms<undefined>;
  readonly #onLost: OnLost;
  readonly #stalls: StallWatch;
  #fail: ((error: StarlingError) => void) | undefined;
  #lost: StarlingError | undefined;

  private constructor(
    control: Int32Array,
    workers: readonly TeamWorker[],
    cursor: PhaseCursor,
    onLost: OnLost,
    stallMs?: number,
  ) {
    this.#control = control;
    this.#workers = workers;
    this.#cursor = cursor;
    this.#programs = new StepPrograms(control, () => undefined);
    this.#onLost = onLost;
    this.#stalls = new StallWatch(control, stallMs, (reason) => this.#lose(reason));
  }

  /** Starts workers over the memories, whatever state those before them left the control block in. */
  static async hire(options: CrewOptions, onLost: OnLost): Promise<Crew> {
    const { memories, modules, kernels, scratch, stallMs } = options;
    if (scratch.length > maximumThreads)
      throw new StarlingError(
        'invalid_argument',
        `A team has at most ${maximumThreads} workers, not ${scratch.length}.`,
      );
    const control = memories[0].words;
    const cursorModule = buildCursorModule();
    const cursor = phaseCursor(cursorModule, memories[0].memory);
    control[controlWords.done] = 0;
    control[controlWords.sleepers] = 0;
    const idlePhase = (control[controlWords.cursorPhase] + 1) | 0;
    Atomics.store(control, controlWords.firstPhase, (idlePhase + 1) | 0);
    cursor.setPhase(idlePhase);
    const announced = Atomics.load(control, controlWords.announced);
    const workers = scratch.map(() => options.workers.spawn());
    const crew = new Crew(control, workers, cursor, onLost, stallMs);
    const started = new Promise<void>((resolve, reject) => {
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
          memories: memories.map(({ memory }) => memory),
          modules,
          kernels,
          cursor: cursorModule,
          phaseAddress: workerWordAddress(thread),
          scratch: scratch[thread],
          threads: workers.length,
          announced,
        });
      });
    });
    await crew.#stalls.during('start', started);
    crew.#keepAlive(false);
    return crew;
  }

  /** Announces a step, whose counts are set, and waits until it is finished. */
  async run(program: number): Promise<void> {
    if (this.#lost) throw this.#lost;
    const control = this.#control;
    const phases = this.#programs.at(program);
    const start = this.#programs.nextWithWork(phases, 0);
    if (start === phases.length) return;
    this.#keepAlive(true);
    try {
      const finished = new Promise<void>((resolve, reject) => {
        this.#fail = reject;
        const before = Atomics.load(control, controlWords.finished);
        const firstPhase = (Atomics.load(control, controlWords.cursorPhase) + 1) | 0;
        control[controlWords.step] = (before + 1) | 0;
        Atomics.store(control, controlWords.firstPhase, firstPhase);
        Atomics.store(control, controlWords.program, program);
        // From here on workers that are awake may begin; those asleep are woken next.
        this.#cursor.setPhase((firstPhase + start) | 0);
        Atomics.add(control, controlWords.announced, 1);
        Atomics.notify(control, controlWords.announced);
        awaitChange(control, controlWords.finished, before).then(resolve, reject);
      });
      await this.#stalls.during('step', finished);
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
    const error = new StarlingError(
      'worker_failed',
      `A compute worker failed: ${reason}. The step it worked on is lost; new workers are started for the next one.`,
      { details: { reason } },
    );
    this.#onLost(reason, this.dismiss(error));
  }

  #keepAlive(on: boolean): void {
    for (const worker of this.#workers) worker.keepAlive(on);
  }
}
