import { NO_CALLS, STUCK, type Call, type Machine, type MachineSource, type StateBudget } from '../machine/machine.js';
import type { Expression } from '../schema/model.js';
import type { ObjectPlan } from '../schema/object-plan.js';
import type { KeySpelling } from './key-machine.js';
import { PlannedObjectMachine, type Progress } from './planned-object-machine.js';
import { PartCall } from './structure-machine.js';

const OPEN = 0;
/** After the brace: a key, or the end. */
const FIRST = 1;
/** After a comma: a key. */
const KEY = 2;
const COLON = 3;
const VALUE = 4;
const AFTER_VALUE = 5;
const PHASES = 7;
const END = 6;

/** Reads a JSON object that follows a plan: keys in any order (or the plan's), each at most once where that matters. */
export class ObjectMachine extends PlannedObjectMachine {
  readonly start: number;
  readonly #values: (value: Expression) => Machine;

  /** @param values the machine of the values that satisfy a condition */
  constructor(
    plan: ObjectPlan,
    values: (value: Expression) => Machine,
    spelling: KeySpelling,
    hasSpace: boolean,
    budget: StateBudget,
  ) {
    super(PHASES, hasSpace, plan, spelling, budget);
    this.#values = values;
    this.start = this.state(OPEN, this.begun);
  }

  override *prepare(): Generator<MachineSource> {
    yield* super.prepare();
    for (const value of this.plan.usableValues()) yield () => this.#values(value);
  }

  protected step(phase: number, progress: Progress, byte: number): number {
    switch (phase) {
      case OPEN:
        return byte === 0x7b ? this.state(FIRST, progress) : STUCK;
      case COLON:
        return byte === 0x3a ? this.state(VALUE, progress) : STUCK;
      case FIRST:
        return byte === 0x7d && this.plan.canEnd(progress) ? this.#ended(progress) : STUCK;
      case AFTER_VALUE:
        if (byte === 0x7d) return this.plan.canEnd(progress) ? this.#ended(progress) : STUCK;
        return byte === 0x2c && this.mayGoOn(progress) ? this.state(KEY, progress) : STUCK;
      default:
        return STUCK;
    }
  }

  protected allowsSpace(phase: number): boolean {
    return phase !== OPEN && phase !== END;
  }

  protected partsOf(phase: number, progress: Progress): readonly Call[] {
    if (phase === VALUE) {
      return this.plan.valueOptions(progress, progress.group).map(({ value, next }) => {
        const begin = (): { machine: Machine; start: number } => {
          const machine = this.#values(value);
          return { machine, start: machine.start };
        };
        return new PartCall(begin, () => this.state(AFTER_VALUE, { ...progress, ...next, group: 0 }), {
          isDetour: !this.plan.isRequired(progress, progress.group),
        });
      });
    }
    if ((phase !== FIRST && phase !== KEY) || !this.mayGoOn(progress)) return NO_CALLS;
    return [this.keyCall(progress, (after) => this.state(COLON, after))];
  }

  /** The end of the object: one state, whatever came before. */
  #ended(progress: Progress): number {
    return this.state(END, { ...progress, ...this.begun });
  }
}
