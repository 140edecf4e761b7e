import { subtract, wordsOf } from '../automata/algebra.js';
import { NO_CALLS, STUCK, type Call, type Machine, type StateBudget } from '../machine/machine.js';
import type { Expression } from '../schema/model.js';
import type { ObjectPlan, ObjectProgress } from '../schema/object-plan.js';
import type { JsonStyle } from './json-style.js';
import { KeyMachine } from './key-machine.js';
import { PartCall, StructureMachine } from './structure-machine.js';

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

interface Progress extends ObjectProgress {
  /** The group whose value comes next. */
  readonly group: number;
  /** The keys so far, sorted, where they have to differ. */
  readonly used: readonly string[];
}

/** Reads an object that follows a plan: keys in any order (or the plan's), each at most once where that matters. */
export class ObjectMachine extends StructureMachine<Progress> {
  readonly start: number;
  readonly #plan: ObjectPlan;
  readonly #values: (value: Expression) => Machine;
  readonly #style: JsonStyle;
  readonly #keyBudget: StateBudget;
  readonly #isEndless: boolean;
  readonly #keyMachines = new Map<string, KeyMachine>();

  /** @param values the machine of the values that satisfy a condition */
  constructor(plan: ObjectPlan, values: (value: Expression) => Machine, style: JsonStyle, budget: StateBudget) {
    super(PHASES, style.maxSpace, budget);
    this.#plan = plan;
    this.#values = values;
    this.#style = style;
    this.#keyBudget = budget;
    this.#isEndless = plan.needsDistinct && plan.isEndless;
    this.start = this.state(OPEN, { ...plan.start, group: 0, used: [] });
  }

  protected step(phase: number, progress: Progress, byte: number): number {
    switch (phase) {
      case OPEN:
        return byte === 0x7b ? this.state(FIRST, progress) : STUCK;
      case COLON:
        return byte === 0x3a ? this.state(VALUE, progress) : STUCK;
      case FIRST:
        return byte === 0x7d && this.#plan.canEnd(progress) ? this.#ended(progress) : STUCK;
      case AFTER_VALUE:
        if (byte === 0x7d) return this.#plan.canEnd(progress) ? this.#ended(progress) : STUCK;
        return byte === 0x2c && this.#mayGoOn(progress) ? this.state(KEY, progress) : STUCK;
      default:
        return STUCK;
    }
  }

  protected allowsSpace(phase: number): boolean {
    return phase !== OPEN && phase !== END;
  }

  protected keyOf({ seen, met, count, last, group, used }: Progress): string {
    return `${seen.toString(36)} ${met} ${count} ${last} ${group} ${used.length === 0 ? '' : JSON.stringify(used)}`;
  }

  protected partsOf(phase: number, progress: Progress): readonly Call[] {
    if (phase === VALUE) {
      return this.#plan.valueOptions(progress, progress.group).map(({ value, next }) => {
        const begin = (): { machine: Machine; start: number } => {
          const machine = this.#values(value);
          return { machine, start: machine.start };
        };
        return new PartCall(begin, () => this.state(AFTER_VALUE, { ...progress, ...next, group: 0 }));
      });
    }
    if ((phase !== FIRST && phase !== KEY) || !this.#mayGoOn(progress)) return NO_CALLS;
    const begin = (): { machine: Machine; start: number } => {
      const machine = this.#keyMachine(progress.used);
      return { machine, start: machine.startWith(this.#plan.available(progress)) };
    };
    const resume = (label: number, read: () => Uint8Array): number => {
      const group = label - 1;
      return this.state(COLON, {
        ...this.#plan.after(progress, group),
        group,
        used: this.#plan.needsDistinct ? withText(progress.used, read()) : [],
      });
    };
    return [new PartCall(begin, resume, { capture: this.#plan.needsDistinct })];
  }

  /** The end of the object: one state, whatever came before. */
  #ended(progress: Progress): number {
    return this.state(END, { ...progress, ...this.#plan.start, group: 0, used: [] });
  }

  #mayGoOn(progress: Progress): boolean {
    const available = this.#plan.available(progress);
    // With keys used, what remains is worked out only where it may be nothing.
    if (progress.used.length > 0 && available !== 0n && this.#isEndless) return true;
    return this.#keyMachine(progress.used).startWith(available) !== STUCK;
  }

  #keyMachine(used: readonly string[]): KeyMachine {
    const key = used.join('\u0000');
    let machine = this.#keyMachines.get(key);
    if (!machine) {
      const keys = used.length === 0 ? this.#plan.keys : subtract(this.#plan.keys, wordsOf(used));
      this.#keyMachines.set(key, (machine = new KeyMachine(keys, this.#style.escapes, this.#keyBudget)));
    }
    return machine;
  }
}

const decoder = new TextDecoder();

/** The texts with one more, given as the bytes of a JSON string; sorted, so that the order of keys makes no difference. */
function withText(texts: readonly string[], json: Uint8Array): readonly string[] {
  return [...texts, JSON.parse(decoder.decode(json)) as string].sort();
}
