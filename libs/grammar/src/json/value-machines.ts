import { isEmpty, wordsOf } from '../automata/algebra.js';
import type { Dfa } from '../automata/dfa.js';
import { DfaAutomaton } from '../machine/code-automaton.js';
import { JsonStringMachine } from '../machine/json-string-machine.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import { TextMachine } from '../machine/utf8-machine.js';
import { keyOfNumbers, numbersDfa } from '../number/number-dfa.js';
import { ArrayPlan } from '../schema/array-plan.js';
import type { Expression, Shape } from '../schema/model.js';
import { ObjectPlan } from '../schema/object-plan.js';
import type { ShapeBuilder } from '../schema/shape-builder.js';
import { settleObject } from '../schema/settle-object.js';
import { boundUnique, scalarTexts } from '../schema/unique-items.js';
import { ArrayMachine } from './array-machine.js';
import { ChoiceMachine } from './choice-machine.js';
import type { JsonStyle } from './json-style.js';
import { ObjectMachine } from './object-machine.js';

/** Makes the machines of a schema's values when they are first reached; conditions with the same strings or scalars share theirs. */
export class ValueMachines {
  readonly #builder: ShapeBuilder;
  readonly #inhabited: (expression: Expression) => boolean;
  readonly #style: JsonStyle;
  readonly #budget: StateBudget;
  readonly #machines = new Map<Expression, Machine>();
  readonly #strings = new Map<Dfa, Machine>();
  readonly #scalars = new Map<string, Machine>();
  readonly #unusedMachines = new Map<string, Machine>();

  constructor(builder: ShapeBuilder, inhabited: (expression: Expression) => boolean, style: JsonStyle, budget: StateBudget) {
    this.#builder = builder;
    this.#inhabited = inhabited;
    this.#style = style;
    this.#budget = budget;
  }

  /** The machine of the values that satisfy a condition, of which there must be some. */
  machine(expression: Expression): Machine {
    let machine = this.#machines.get(expression);
    if (!machine) {
      const options = this.#options(this.#builder.shapeOf(expression));
      machine = options.length === 1 ? options[0] : new ChoiceMachine(options);
      this.#machines.set(expression, machine);
    }
    return machine;
  }

  #options(shape: Shape): Machine[] {
    const { table } = this.#builder;
    const options: Machine[] = [];
    const literals = wordsOf([...shape.literals]);
    if (!isEmpty(literals)) options.push(this.#text([...shape.literals].sort().join(), () => literals));
    const numbers = numbersDfa(shape.numbers);
    if (!isEmpty(numbers)) options.push(this.#text(shape.numbers.map(keyOfNumbers).sort().join(), () => numbers));
    if (!isEmpty(shape.strings)) options.push(this.#string(shape.strings));
    for (const form of shape.arrays) {
      const plan = new ArrayPlan(table, boundUnique(this.#builder, form), this.#inhabited);
      if (plan.isPossible)
        options.push(
          new ArrayMachine(
            plan,
            (value, used) => (plan.form.unique ? this.#unused(value, used) : this.machine(value)),
            this.#style.maxSpace,
            this.#budget,
          ),
        );
    }
    for (const form of shape.objects.flatMap((one) => settleObject(table, one))) {
      const plan = new ObjectPlan(table, form, this.#inhabited, this.#style.order);
      if (plan.isPossible) options.push(new ObjectMachine(plan, (value) => this.machine(value), this.#style, this.#budget));
    }
    return options;
  }

  /** The machine of the scalars that satisfy a condition, apart from those used; the plan's bound on items says that there are others. */
  #unused(expression: Expression, used: readonly string[]): Machine {
    const key = `${expression.id} ${JSON.stringify(used)}`;
    let machine = this.#unusedMachines.get(key);
    if (!machine) {
      const { literals, strings, numbers } = scalarTexts(this.#builder.shapeOf(expression), used);
      const texts = [wordsOf(literals), numbers].filter((dfa) => !isEmpty(dfa)).map((dfa) => new TextMachine(new DfaAutomaton(dfa), this.#budget));
      machine = new ChoiceMachine(isEmpty(strings) ? texts : [...texts, this.#string(strings)]);
      this.#unusedMachines.set(key, machine);
    }
    return machine;
  }

  /** The machine of numbers or literals; equal keys mean equal texts. */
  #text(key: string, dfa: () => Dfa): Machine {
    let machine = this.#scalars.get(key);
    if (!machine) this.#scalars.set(key, (machine = new TextMachine(new DfaAutomaton(dfa()), this.#budget)));
    return machine;
  }

  #string(strings: Dfa): Machine {
    let machine = this.#strings.get(strings);
    if (!machine) this.#strings.set(strings, (machine = new JsonStringMachine(new DfaAutomaton(strings), this.#style.escapes, this.#budget)));
    return machine;
  }
}
