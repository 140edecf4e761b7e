import { subtract, wordsOf } from '../automata/algebra.js';
import { STUCK, type Call, type MachineSource, type StateBudget } from '../machine/machine.js';
import type { ObjectPlan, ObjectProgress } from '../schema/object-plan.js';
import type { KeyReader, KeySpelling } from './key-machine.js';
import { PartCall, StructureMachine } from './structure-machine.js';

/** What of an object came so far. */
export interface Progress extends ObjectProgress {
  /** The group whose value comes next. */
  readonly group: number;
  /** The keys so far, sorted, where they have to differ. */
  readonly used: readonly string[];
}

/** What all ways to write an object that follows a plan have in common: which keys may come next, and that each comes once where that matters. */
export abstract class PlannedObjectMachine extends StructureMachine<Progress> {
  protected readonly plan: ObjectPlan;
  protected readonly begun: Progress;
  readonly #spelling: KeySpelling;
  readonly #isEndless: boolean;
  readonly #readers = new Map<string, KeyReader>();

  constructor(phaseCount: number, hasSpace: boolean, plan: ObjectPlan, spelling: KeySpelling, budget: StateBudget) {
    super(phaseCount, hasSpace, budget);
    this.plan = plan;
    this.begun = { ...plan.start, group: 0, used: [] };
    this.#spelling = spelling;
    this.#isEndless = plan.needsDistinct && plan.isEndless;
  }

  protected keyOf({ seen, met, count, last, group, used }: Progress): string {
    return `${seen.toString(36)} ${met} ${count} ${last} ${group} ${used.length === 0 ? '' : JSON.stringify(used)}`;
  }

  /** Makes the automaton of the keys. */
  prepare(): Iterable<MachineSource> {
    this.mayGoOn(this.begun);
    return [];
  }

  /** The call that reads the next key. @param after the state behind it, from the progress then */
  protected keyCall(progress: Progress, after: (progress: Progress) => number): Call {
    const begin = (): { machine: KeyReader; start: number } => {
      const machine = this.#reader(progress.used);
      return { machine, start: machine.startWith(this.plan.available(progress)) };
    };
    const resume = (label: number, read: () => Uint8Array): number => {
      const group = label - 1;
      return after({
        ...this.plan.after(progress, group),
        group,
        used: this.plan.needsDistinct ? [...progress.used, this.#spelling.textOf(read())].sort() : [],
      });
    };
    return new PartCall(begin, resume, { capture: this.plan.needsDistinct });
  }

  /** Whether another key may come. */
  protected mayGoOn(progress: Progress): boolean {
    const available = this.plan.available(progress);
    // With keys used, what remains is worked out only where it may be nothing.
    if (progress.used.length > 0 && available !== 0n && this.#isEndless) return true;
    return this.#reader(progress.used).startWith(available) !== STUCK;
  }

  #reader(used: readonly string[]): KeyReader {
    const key = used.join('\u0000');
    let reader = this.#readers.get(key);
    if (!reader)
      this.#readers.set(
        key,
        (reader = this.#spelling.readerOf(
          used.length === 0 ? this.plan.keys : subtract(this.plan.keys, wordsOf(used)),
        )),
      );
    return reader;
  }
}
