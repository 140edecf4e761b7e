import { StarlingError, assert, isStarlingError, messageOf } from '@starling/core';
import type { PageBytes, SequenceStates } from '@starling/kvcache';
import type { ModelRunner, SequenceInput } from './model-runner.js';
import type { Scheduler } from './scheduler.js';
import type { PlannedSequence, StateSave, StepPlan } from './step-plan.js';

/**
 * What steps are run with. Beside steps it does what the sequences that it is given ask for: pages are copied where some are shared (a
 * `cacheKey`, `fork`), states moved for recurrent layers, vectors computed for what is embedded.
 */
export interface StepMachine extends ModelRunner, Partial<Pick<PageBytes, 'copyPage'>>, Partial<SequenceStates> {
  /** Computes tokens of texts that are embedded, and gives the vectors of those that are asked for (`outputs`). */
  embed?(
    batch: readonly SequenceInput[],
    options: { readonly pooling: string },
  ): Promise<{ readonly rows: number; readonly vectors: Float32Array }>;
}

/**
 * Takes one of a step's rows: logits `(n_vocab)`, or of a sequence that is embedded a vector; valid until the promise settles. For the last
 * row of a complete sequence whoever takes it appends a token, forks, parks, or finishes. What it throws ends the sequence.
 */
export type RowTaker = (planned: PlannedSequence, row: number, values: Float32Array) => void | Promise<void>;

export interface StepHooks {
  readonly takeRow: RowTaker;
  /** A step begins. */
  readonly onPlan?: (plan: StepPlan) => void;
  /** It is computed and noted; its rows are taken next. */
  readonly onComputed?: (plan: StepPlan) => void;
}

/** How a step went. */
export type StepReport =
  | { readonly kind: 'done'; readonly plan: StepPlan }
  /** Its sequences have failed, or with `willRetry` come again. */
  | { readonly kind: 'failed'; readonly plan: StepPlan; readonly error: StarlingError; readonly willRetry: boolean };

/** What a step gave: rows of equal width, in the order of the plan. */
interface Rows {
  readonly values: Float32Array;
  readonly width: number;
}

/** A step whose failure may pass is tried this often before its sequences fail. */
const MAX_ATTEMPTS = 2;

/** Runs the steps that a scheduler plans. */
export class StepRunner {
  readonly #scheduler: Scheduler;
  readonly #machine: StepMachine;
  readonly #hooks: StepHooks;
  #failures = 0;

  constructor(scheduler: Scheduler, machine: StepMachine, hooks: StepHooks) {
    this.#scheduler = scheduler;
    this.#machine = machine;
    this.#hooks = hooks;
  }

  /** Keeps states that the last step left behind; what waits for them may begin then. */
  async keepStates(): Promise<void> {
    await this.#save(this.#scheduler.takeSaves());
  }

  /** Runs the next step; undefined if there is nothing to compute. @throws what `onPlan` and `onComputed` throw */
  async step(): Promise<StepReport | undefined> {
    await this.keepStates();
    const plan = this.#scheduler.plan();
    if (plan === undefined) return undefined;
    this.#hooks.onPlan?.(plan);
    let rows: Rows;
    // What was waited for beside the steps is not of this one.
    this.#machine.takeWaitedMs?.();
    try {
      await this.#prepare(plan);
      rows = await this.#compute(plan);
    } catch (thrown) {
      return this.#failed(plan, asStarlingError(thrown));
    }
    this.#failures = 0;
    this.#scheduler.commit(plan, this.#machine.takeWaitedMs?.());
    this.#hooks.onComputed?.(plan);
    await this.keepStates();
    await this.#distribute(plan, rows);
    return { kind: 'done', plan };
  }

  async #compute({ batch, pooling }: StepPlan): Promise<Rows> {
    const machine = this.#machine;
    if (pooling === undefined) {
      const { rows, logits } = await machine.step(batch);
      return { values: logits, width: logits.length / rows };
    }
    if (machine.embed === undefined) throw lacking('embed', 'sequences are embedded');
    const { rows, vectors } = await machine.embed(batch, { pooling });
    return { values: vectors, width: vectors.length / rows };
  }

  /** Puts pages and states in place that the step begins with. */
  async #prepare({ saves, copies, loads }: StepPlan): Promise<void> {
    const machine = this.#machine;
    await this.#save(saves.splice(0));
    if (copies.length > 0 && machine.copyPage === undefined) throw lacking('copyPage', 'sequences share pages');
    for (; copies.length > 0; copies.shift()) await machine.copyPage?.(...copies[0]);
    if (loads.length > 0 && machine.loadState === undefined) throw lacking('loadState', 'layers are recurrent');
    for (const { slot, state } of loads) await machine.loadState?.(slot, state.bytes, state.position);
  }

  /** Keeps states of recurrent layers, while they are still where they are wanted. */
  async #save(saves: readonly StateSave[]): Promise<void> {
    if (saves.length > 0 && this.#machine.saveState === undefined) throw lacking('saveState', 'layers are recurrent');
    for (const { slot, position, keep } of saves) {
      const bytes = new Uint8Array(this.#machine.stateBytes ?? 0);
      const saved = await this.#machine.saveState?.(slot, bytes);
      assert(saved === position, `the state of slot ${slot} is at ${saved}, where ${position} was expected`);
      keep({ position, bytes });
    }
  }

  async #distribute({ sequences }: StepPlan, { values, width }: Rows): Promise<void> {
    for (const planned of sequences) {
      for (let row = 0; row < planned.rows && planned.sequence.state !== 'ended'; row++) {
        const at = (planned.firstRow + row) * width;
        try {
          await this.#hooks.takeRow(planned, row, values.subarray(at, at + width));
        } catch (error) {
          this.#scheduler.fail(planned.sequence, asStarlingError(error));
        }
      }
    }
  }

  /** A failure that may pass is tried again; else the sequences of the step fail, and only those. */
  #failed(plan: StepPlan, error: StarlingError): StepReport {
    const willRetry = error.kind.retryable && ++this.#failures < MAX_ATTEMPTS;
    this.#scheduler.rollback(plan, { recompute: (this.#machine.stateBytes ?? 0) > 0 });
    if (!willRetry) {
      this.#failures = 0;
      for (const { sequence } of plan.sequences) this.#scheduler.fail(sequence, error);
    }
    return { kind: 'failed', plan, error, willRetry };
  }
}

/** Runs steps until there is nothing to compute. What `takeRow` throws, and a step that fails, ends the sequences that it was about. */
export async function runSteps(scheduler: Scheduler, machine: StepMachine, takeRow: RowTaker): Promise<void> {
  const runner = new StepRunner(scheduler, machine, { takeRow });
  while (await runner.step());
}

/** What was thrown, as an error with a code. */
export function asStarlingError(thrown: unknown): StarlingError {
  if (isStarlingError(thrown)) return thrown;
  return new StarlingError(isOutOfMemory(thrown) ? 'out_of_memory' : 'internal', messageOf(thrown), { cause: thrown });
}

/** What engines throw where there is no memory for an array, in their words. */
const isOutOfMemory = (thrown: unknown): boolean =>
  thrown instanceof RangeError && /allocation failed|out of memory|could not allocate/i.test(thrown.message);

const lacking = (method: string, why: string): StarlingError =>
  new StarlingError('not_supported', `the machine that computes steps has no ${method}, and ${why}`);
