import { NO_CALLS, STUCK, type Call, type Machine, type MachineSource, type StateBudget } from '../machine/machine.js';
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

interface Progress {
  readonly items: ArrayProgress;
  /** The items so far as JSON texts, sorted, where they have to differ. */
  readonly used: readonly string[];
}

/** Reads an array that follows a plan. */
export class ArrayMachine extends StructureMachine<Progress> {
  readonly start: number;
  readonly #plan: ArrayPlan;
  readonly #values: (expression: Expression, used: readonly string[]) => Machine;

  /** @param values the machine of the values that satisfy a condition, apart from those used */
  constructor(
    plan: ArrayPlan,
    values: (expression: Expression, used: readonly string[]) => Machine,
    hasSpace: boolean,
    budget: StateBudget,
  ) {
    super(PHASES, hasSpace, budget);
    this.#plan = plan;
    this.#values = values;
    this.start = this.state(OPEN, { items: plan.start, used: [] });
  }

  *prepare(): Generator<MachineSource> {
    for (const { value } of this.#plan.options(this.#plan.start)) yield () => this.#values(value, []);
  }

  protected step(phase: number, progress: Progress, byte: number): number {
    if (phase === OPEN) return byte === 0x5b ? this.state(FIRST, progress) : STUCK;
    if (phase !== FIRST && phase !== AFTER_ITEM) return STUCK;
    if (byte === 0x5d)
      return this.#plan.canEnd(progress.items) ? this.state(END, { items: this.#plan.start, used: [] }) : STUCK;
    return phase === AFTER_ITEM && byte === 0x2c && this.#plan.options(progress.items).length > 0
      ? this.state(ITEM, progress)
      : STUCK;
  }

  protected allowsSpace(phase: number): boolean {
    return phase !== OPEN && phase !== END;
  }

  protected keyOf({ items, used }: Progress): string {
    return `${items.index} ${items.counts.join()} ${used.length === 0 ? '' : JSON.stringify(used)}`;
  }

  protected partsOf(phase: number, progress: Progress): readonly Call[] {
    const options = phase === FIRST || phase === ITEM ? this.#plan.options(progress.items) : [];
    if (options.length === 0) return NO_CALLS;
    const unique = this.#plan.form.unique !== undefined;
    return options.map(({ value, next }) => {
      const begin = (): { machine: Machine; start: number } => {
        const machine = this.#values(value, progress.used);
        return { machine, start: machine.start };
      };
      const resume = (_exit: number, read: () => Uint8Array): number =>
        this.state(AFTER_ITEM, { items: next, used: unique ? [...progress.used, valueText(read())].sort() : [] });
      return new PartCall(begin, resume, { capture: unique, isDetour: this.#plan.canEnd(progress.items) });
    });
  }
}

const decoder = new TextDecoder();

/** A scalar's text; for strings, however they are spelled, the one that `JSON.stringify` writes. */
function valueText(json: Uint8Array): string {
  const text = decoder.decode(json);
  return text.startsWith('"') ? JSON.stringify(JSON.parse(text)) : text;
}
