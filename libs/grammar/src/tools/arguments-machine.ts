import { NO_CALLS, NO_EXIT, STUCK, type Call, type Machine, type StateBudget } from '../machine/machine.js';
import { bareKeys } from '../json/key-machine.js';
import { PlannedObjectMachine, type Progress } from '../json/planned-object-machine.js';
import { PartCall, VALUE_EXIT } from '../json/structure-machine.js';
import type { Expression } from '../schema/model.js';
import type { ObjectPlan } from '../schema/object-plan.js';

/** Before the first argument. */
const FIRST = 0;
const KEY = 1;
const VALUE = 2;
const AFTER_VALUE = 3;
const PHASES = 5;

/** What stands around the arguments of a call that is not written as JSON. */
export interface ArgumentSyntax {
  /** What stands before the first key, and before another. */
  readonly first: Machine;
  readonly next: Machine;
  /** What follows a key: the value, and what stands around it. */
  value(value: Expression, key: string | undefined): Machine;
}

/** Reads the arguments of a call, each as a key and a value between texts; which keys may come, a plan says. */
export class ArgumentsMachine extends PlannedObjectMachine {
  readonly start: number;
  readonly #syntax: ArgumentSyntax;

  /** @param isNamed whether only keys that the plan names may come */
  constructor(plan: ObjectPlan, syntax: ArgumentSyntax, isNamed: boolean, budget: StateBudget) {
    super(
      PHASES,
      false,
      plan,
      bareKeys(budget, isNamed ? plan.groups.flatMap(({ key }) => (key === undefined ? [] : [key])) : undefined),
      budget,
    );
    this.#syntax = syntax;
    this.start = this.state(FIRST, this.begun);
  }

  override exit(state: number): number {
    const { phase, data } = this.place(state);
    return (phase === FIRST || phase === AFTER_VALUE) && this.plan.canEnd(data) ? VALUE_EXIT : NO_EXIT;
  }

  protected step(): number {
    return STUCK;
  }

  protected allowsSpace(): boolean {
    return false;
  }

  protected partsOf(phase: number, progress: Progress): readonly Call[] {
    if (phase === KEY) return [this.keyCall(progress, (after) => this.state(VALUE, after))];
    if (phase === VALUE) {
      const { key } = this.plan.groups[progress.group];
      return this.plan.valueOptions(progress, progress.group).map(({ value, next }) =>
        callOf(
          () => this.#syntax.value(value, key),
          () => this.state(AFTER_VALUE, { ...progress, ...next, group: 0 }),
          !this.plan.isRequired(progress, progress.group),
        ),
      );
    }
    if (!this.mayGoOn(progress)) return NO_CALLS;
    return [
      callOf(
        () => (phase === FIRST ? this.#syntax.first : this.#syntax.next),
        () => this.state(KEY, progress),
      ),
    ];
  }
}

function callOf(make: () => Machine, after: () => number, isDetour = false): Call {
  const begin = (): { machine: Machine; start: number } => {
    const machine = make();
    return { machine, start: machine.start };
  };
  return new PartCall(begin, after, { isDetour });
}
