import type { Clock } from '@starling/core';
import {
  StepRunner,
  asStarlingError,
  type PlannedSequence,
  type Scheduler,
  type SequenceHandle,
  type StepMachine,
  type StepPlan,
} from '@starling/scheduler';
import type { ModelRuntime } from '@starling/transformer';
import { Breather } from './breather.js';
import type { ModelEvent } from './events.js';

/** Whoever the rows of a sequence are for. */
export interface RowConsumer {
  /** A step that works on the sequence begins. */
  onStep?(planned: PlannedSequence, now: number): void;
  /**
   * One of the sequence's rows: logits `(n_vocab)`, or of a sequence that is embedded a vector; valid until the promise settles. For the
   * last row of a complete sequence the consumer appends a token, forks, or finishes. What it throws ends the sequence.
   */
  takeRow(planned: PlannedSequence, row: number, logits: Float32Array, breather: Breather): void | Promise<void>;
}

export interface StepLoopParts {
  readonly name: string;
  readonly runtime: ModelRuntime;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly emit: (event: ModelEvent) => void;
  /** Done before each step. */
  readonly beforeStep?: () => Promise<void>;
}

/** The main thread is not kept longer than this without a turn for others. */
const MAX_BUSY_MS = 5;

/** Plans, runs and samples steps as long as there is anything to do; sleeps otherwise. */
export class StepLoop {
  readonly #parts: StepLoopParts;
  readonly #consumers = new Map<SequenceHandle, RowConsumer>();
  #running: Promise<void> | undefined;
  readonly #waiting: (() => void)[] = [];
  readonly #held = new Set<Promise<void>>();
  readonly #steps: StepRunner;
  #breather: Breather;
  #isWoken = false;
  #beganAt = 0;
  #computedAt = 0;

  constructor(parts: StepLoopParts) {
    this.#parts = parts;
    const { scheduler, runtime, clock } = parts;
    this.#breather = new Breather(MAX_BUSY_MS, clock);
    this.#steps = new StepRunner(scheduler, machineOf(runtime), {
      takeRow: (planned, row, values) => this.#takeRow(planned, row, values),
      onPlan: (plan) => this.#onPlan(plan),
      onComputed: () => (this.#computedAt = clock()),
    });
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

  /** Settles between two steps, once what the last one left behind is kept. */
  between(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.wake();
    });
  }

  /** Starts working if it sleeps. */
  wake(): void {
    this.#isWoken = true;
    this.#running ??= this.#run();
  }

  /** Waits for something from outside that gives it work: it is not settled before. */
  hold(work: Promise<void>): void {
    const held = work.finally(() => {
      this.#held.delete(held);
      this.wake();
    });
    this.#held.add(held);
  }

  /** Settles when there is nothing to do, and nothing is held. */
  async settled(): Promise<void> {
    while (this.#running !== undefined || this.#held.size > 0) await (this.#running ?? Promise.race(this.#held));
  }

  async #run(): Promise<void> {
    // Requests that come in the same task start in the same step.
    await Promise.resolve();
    this.#breather = new Breather(MAX_BUSY_MS, this.#parts.clock);
    while (this.#isWoken) {
      this.#isWoken = false;
      try {
        while (await this.#runOnce()) if (this.#breather.isDue) await this.#breather.pause();
      } catch (error) {
        this.#parts.scheduler.failAll(asStarlingError(error));
      }
    }
    this.#running = undefined;
  }

  /** A step; false if there is nothing to do. */
  async #runOnce(): Promise<boolean> {
    const { clock, emit, name: model } = this.#parts;
    await this.#steps.keepStates();
    for (const resolve of this.#waiting.splice(0)) resolve();
    await this.#parts.beforeStep?.();
    const report = await this.#steps.step();
    if (report === undefined) return false;
    const { plan } = report;
    if (report.kind === 'failed')
      emit({
        kind: 'step_failed',
        model,
        code: report.error.code,
        message: report.error.message,
        willRetry: report.willRetry,
      });
    // What nobody asked for is in no figure of what was asked.
    else if (plan.askedSequences > 0)
      emit({
        kind: 'step',
        model,
        durationMs: this.#computedAt - this.#beganAt,
        sampleMs: clock() - this.#computedAt,
        sequences: plan.askedSequences,
        promptTokens: plan.promptTokens,
        decodedTokens: plan.decodeTokens,
        drafts: plan.sequences.reduce((sum, { drafted }) => sum + (drafted > 0 ? 1 : 0), 0),
      });
    return true;
  }

  #onPlan({ sequences }: StepPlan): void {
    this.#beganAt = this.#parts.clock();
    for (const planned of sequences) this.#consumers.get(planned.sequence)?.onStep?.(planned, this.#beganAt);
  }

  async #takeRow(planned: PlannedSequence, row: number, values: Float32Array): Promise<void> {
    await this.#consumers.get(planned.sequence)?.takeRow(planned, row, values, this.#breather);
    if (this.#breather.isDue) await this.#breather.pause();
  }
}

/** What a scheduler's steps are run with: the runtime. Whoever embeds a text pools its rows. */
function machineOf(runtime: ModelRuntime): StepMachine {
  return {
    info: runtime.info,
    stateBytes: runtime.stateBytes,
    step: (batch) => runtime.step(batch),
    takeWaitedMs: () => runtime.takeWaitedMs?.() ?? 0,
    embed: (batch) => runtime.hidden(batch),
    copyPage: (from, to) => runtime.copyPage(from, to),
    saveState: (slot, into) => runtime.saveState(slot, into),
    loadState: (slot, from, position) => runtime.loadState(slot, from, position),
  };
}
