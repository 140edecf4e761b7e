import { StarlingError, isStarlingError, messageOf, type Clock } from '@starling/core';
import type { PlannedSequence, Scheduler, SequenceHandle, StepPlan } from '@starling/scheduler';
import type { ModelRuntime } from '@starling/transformer';
import { Breather } from './breather.js';
import type { ModelEvent } from './events.js';

/** Whoever the rows of a sequence are for. */
export interface RowConsumer {
  /** A step that works on the sequence begins. */
  onStep?(planned: PlannedSequence, now: number): void;
  /**
   * One of the sequence's rows of logits `(n_vocab)`, valid until the promise settles. For the last row of a complete sequence the consumer
   * appends a token, forks, or finishes. What it throws ends the sequence.
   */
  takeRow(planned: PlannedSequence, row: number, logits: Float32Array, breather: Breather): void | Promise<void>;
}

/** Work that needs the runtime to itself for a moment; false: it cannot be done now, ask again after the next step. */
export type BetweenSteps = () => Promise<boolean>;

export interface StepLoopParts {
  readonly name: string;
  readonly runtime: ModelRuntime;
  readonly scheduler: Scheduler;
  /** Page copies that must be made before the next step, in order; emptied here. */
  readonly copies: [from: number, to: number][];
  readonly clock: Clock;
  readonly emit: (event: ModelEvent) => void;
}

/** The main thread is not kept longer than this without a turn for others. */
const MAX_BUSY_MS = 5;

/** A step whose failure may pass is tried this often before its sequences fail. */
const MAX_ATTEMPTS = 2;

/** Plans, runs and samples steps as long as there is anything to do; sleeps otherwise. */
export class StepLoop {
  readonly #parts: StepLoopParts;
  readonly #consumers = new Map<SequenceHandle, RowConsumer>();
  readonly #jobs: BetweenSteps[] = [];
  #running: Promise<void> | undefined;
  #isWoken = false;
  #failures = 0;

  constructor(parts: StepLoopParts) {
    this.#parts = parts;
  }

  /** Whether it is at work, now. */
  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Whose rows go where. Forgotten when the sequence has ended. */
  attach(handle: SequenceHandle, consumer: RowConsumer): void {
    this.#consumers.set(handle, consumer);
    this.wake();
  }

  detach(handle: SequenceHandle): void {
    this.#consumers.delete(handle);
  }

  /** Has work done between two steps; settles when it is done, rejects with what it throws. */
  between(job: BetweenSteps): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#jobs.push(async () => {
        try {
          const isDone = await job();
          if (isDone) resolve();
          return isDone;
        } catch (error) {
          reject(error);
          return true;
        }
      });
      this.wake();
    });
  }

  /** Starts working if it sleeps. */
  wake(): void {
    this.#isWoken = true;
    this.#running ??= this.#run();
  }

  /** Settles when there is nothing to do. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Requests that come in the same task start in the same step.
    await Promise.resolve();
    const breather = new Breather(MAX_BUSY_MS, this.#parts.clock);
    while (this.#isWoken) {
      this.#isWoken = false;
      try {
        while (await this.#runOnce(breather)) if (breather.isDue) await breather.pause();
      } catch (error) {
        this.#parts.scheduler.failAll(asStarlingError(error));
      }
    }
    this.#running = undefined;
  }

  /** A job, then a step; false if there was neither. */
  async #runOnce(breather: Breather): Promise<boolean> {
    const job = this.#jobs.shift();
    if (job && !(await job())) this.#jobs.unshift(job);
    const plan = this.#parts.scheduler.plan();
    if (plan) await this.#step(plan, breather);
    else if (job) await breather.pause();
    return plan !== undefined || this.#jobs.length > 0;
  }

  async #step(plan: StepPlan, breather: Breather): Promise<void> {
    const { runtime, scheduler, clock, emit, name } = this.#parts;
    const start = clock();
    for (const planned of plan.sequences) this.#consumers.get(planned.sequence)?.onStep?.(planned, start);
    let logits: Float32Array;
    try {
      await this.#copyPages();
      ({ logits } = await runtime.step(plan.batch));
    } catch (error) {
      this.#onFailure(plan, error);
      return;
    }
    this.#failures = 0;
    const stepEnd = clock();
    scheduler.commit(plan);
    await this.#distribute(plan, logits, breather);
    emit({
      kind: 'step',
      model: name,
      durationMs: stepEnd - start,
      sampleMs: clock() - stepEnd,
      sequences: plan.sequences.length,
      promptTokens: plan.promptTokens,
      decodedTokens: plan.decodeTokens,
    });
  }

  async #copyPages(): Promise<void> {
    const { copies, runtime } = this.#parts;
    for (; copies.length > 0; copies.shift()) await runtime.copyPage(...copies[0]);
  }

  async #distribute(plan: StepPlan, logits: Float32Array, breather: Breather): Promise<void> {
    const { scheduler, runtime } = this.#parts;
    const { vocabSize } = runtime.info;
    for (const planned of plan.sequences) {
      for (let row = 0; row < planned.rows && planned.sequence.state !== 'ended'; row++) {
        const at = (planned.firstRow + row) * vocabSize;
        try {
          await this.#consumers.get(planned.sequence)?.takeRow(planned, row, logits.subarray(at, at + vocabSize), breather);
        } catch (error) {
          scheduler.fail(planned.sequence, asStarlingError(error));
        }
        if (breather.isDue) await breather.pause();
      }
    }
  }

  /** A failure that may pass is tried again; else the sequences of the step fail, and only those. */
  #onFailure(plan: StepPlan, thrown: unknown): void {
    const { scheduler, runtime, emit, name } = this.#parts;
    const error = asStarlingError(thrown);
    const willRetry = error.kind.retryable && ++this.#failures < MAX_ATTEMPTS;
    emit({ kind: 'step_failed', model: name, code: error.code, message: error.message, willRetry });
    scheduler.rollback(plan, { recompute: runtime.info.hasRecurrentState });
    if (willRetry) return;
    this.#failures = 0;
    for (const { sequence } of plan.sequences) scheduler.fail(sequence, error);
  }
}

/** What was thrown, as an error with a code. */
export function asStarlingError(thrown: unknown): StarlingError {
  return isStarlingError(thrown) ? thrown : new StarlingError('internal', messageOf(thrown), { cause: thrown });
}
