import { NO_CALLS, STUCK, type Call, type Machine, type StateBudget } from '../machine/machine.js';
import type { ArrayPlan, ArrayProgress } from '../schema/array-plan.js';
import type { Expression } from '../schema/model.js';
import { PartCall, StructureMachine } from './structure-machine.js';

const OPEN = 0;
/** After the bracket: an item, or the end. */
const FIRST = 1;
/** After a comma: an item. */
const ITEM = 2;
const AFTER_ITEM = 3;
const END = 4;
const PHASES = 5;

/** Reads an array that follows a plan. */
export class ArrayMachine extends StructureMachine<ArrayProgress> {
  readonly start: number;
  readonly #plan: ArrayPlan;
  readonly #values: (expression: Expression) => Machine;

  /** @param values the machine of the values that satisfy a condition */
  constructor(plan: ArrayPlan, values: (expression: Expression) => Machine, maxSpace: number, budget: StateBudget) {
    super(PHASES, maxSpace, budget);
    this.#plan = plan;
    this.#values = values;
    this.start = this.state(OPEN, plan.start);
  }

  protected step(phase: number, progress: ArrayProgress, byte: number): number {
    if (phase === OPEN) return byte === 0x5b ? this.state(FIRST, progress) : STUCK;
    if (phase !== FIRST && phase !== AFTER_ITEM) return STUCK;
    if (byte === 0x5d) return this.#plan.canEnd(progress) ? this.state(END, this.#plan.start) : STUCK;
    return phase === AFTER_ITEM && byte === 0x2c && this.#plan.options(progress).length > 0 ? this.state(ITEM, progress) : STUCK;
  }

  protected allowsSpace(phase: number): boolean {
    return phase !== OPEN && phase !== END;
  }

  protected keyOf({ index, counts }: ArrayProgress): string {
    return `${index} ${counts.join()}`;
  }

  protected partsOf(phase: number, progress: ArrayProgress): readonly Call[] {
    const options = phase === FIRST || phase === ITEM ? this.#plan.options(progress) : [];
    if (options.length === 0) return NO_CALLS;
    return options.map(({ value, next }) => {
      const begin = (): { machine: Machine; start: number } => {
        const machine = this.#values(value);
        return { machine, start: machine.start };
      };
      return new PartCall(begin, () => this.state(AFTER_ITEM, next));
    });
  }
}
