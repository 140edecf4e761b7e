import { isEmpty, wordsOf } from '../automata/algebra.js';
import type { AutomatonMemory } from '../automata/compilation.js';
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
import { bareKeys, isBareKey, jsonKeys, type KeySpelling } from './key-machine.js';
import { ObjectMachine } from './object-machine.js';
import { quotedMachine, textBefore } from './raw-text.js';
import type { JsonType } from '../tools/answer-format.js';

/** Makes the machines of a schema's values when they are first reached; conditions with the same strings or scalars share theirs. */
export class ValueMachines {
  readonly #builder: ShapeBuilder;
  readonly #inhabited: (expression: Expression) => boolean;
  readonly #style: JsonStyle;
  readonly #budget: StateBudget;
  readonly #memory: AutomatonMemory;
  readonly #machines = new Map<Expression, Machine>();
  readonly #strings = new Map<Dfa, Machine>();
  readonly #scalars = new Map<string, Machine>();
  readonly #unusedMachines = new Map<string, Machine>();
  readonly #jsonKeys: KeySpelling;
  readonly #bareKeys: KeySpelling | undefined;

  /** @param memory where automata are looked for and left that are made on the way */
  constructor(
    builder: ShapeBuilder,
    inhabited: (expression: Expression) => boolean,
    style: JsonStyle,
    budget: StateBudget,
    memory: AutomatonMemory,
  ) {
    this.#memory = memory;
    this.#builder = builder;
    this.#inhabited = inhabited;
    this.#style = style;
    this.#budget = budget;
    this.#jsonKeys = jsonKeys(style.escapes, budget);
    this.#bareKeys = style.quote === undefined ? undefined : bareKeys(budget);
  }

  /** The machine of the values that satisfy a condition, of which there must be some. */
  machine(expression: Expression): Machine {
    let machine = this.#machines.get(expression);
    if (!machine) {
      const options = this.#memory.during(() => this.#options(this.#builder.shapeOf(expression)));
      this.#machines.set(expression, (machine = choiceOf(options)));
    }
    return machine;
  }

  /** The texts that satisfy a condition, and a machine for each other type of JSON that does. */
  parts(expression: Expression): ValueParts {
    return this.#memory.during(() => this.#parts(expression));
  }

  #parts(expression: Expression): ValueParts {
    const shape = this.#builder.shapeOf(expression);
    const literals = [...shape.literals];
    const others: [Exclude<JsonType, 'string'>, Machine[]][] = [
      ['boolean', this.#literals(literals.filter((literal) => literal !== 'null'))],
      ['null', this.#literals(literals.filter((literal) => literal === 'null'))],
      ['number', this.#numbers(shape)],
      ['array', this.#arrays(shape)],
      ['object', this.#objects(shape, (plan) => this.#objectMachine(plan))],
    ];
    const machines = others
      .filter(([, options]) => options.length > 0)
      .map(([type, options]) => ({ type, machine: choiceOf(options) }));
    return { strings: shape.strings, others: machines };
  }

  /** One of the objects that satisfy a condition, of which there must be some, each written by a machine of one's own. */
  objects(expression: Expression, make: (plan: ObjectPlan) => Machine): Machine {
    return this.#memory.during(() => choiceOf(this.#objects(this.#builder.shapeOf(expression), make)));
  }

  #options(shape: Shape): Machine[] {
    return [
      ...this.#literals([...shape.literals]),
      ...this.#numbers(shape),
      ...(isEmpty(shape.strings) ? [] : [this.string(shape.strings)]),
      ...this.#arrays(shape),
      ...this.#objects(shape, (plan) => this.#objectMachine(plan)),
    ];
  }

  #literals(literals: readonly string[]): Machine[] {
    return literals.length === 0 ? [] : [this.#text([...literals].sort().join(), () => wordsOf(literals))];
  }

  #numbers(shape: Shape): Machine[] {
    const numbers = numbersDfa(shape.numbers);
    return isEmpty(numbers) ? [] : [this.#text(shape.numbers.map(keyOfNumbers).sort().join(), () => numbers)];
  }

  #arrays(shape: Shape): Machine[] {
    return shape.arrays.flatMap((form) => {
      const plan = new ArrayPlan(this.#builder.table, boundUnique(this.#builder, form), this.#inhabited);
      const values = (value: Expression, used: readonly string[]): Machine =>
        plan.form.unique ? this.#unused(value, used) : this.machine(value);
      return plan.isPossible ? [new ArrayMachine(plan, values, this.#style.hasSpace, this.#budget)] : [];
    });
  }

  #objects(shape: Shape, make: (plan: ObjectPlan) => Machine): Machine[] {
    const { table } = this.#builder;
    return shape.objects
      .flatMap((one) => settleObject(table, one))
      .map((form) => new ObjectPlan(table, form, this.#inhabited, this.#style.order))
      .filter((plan) => plan.isPossible)
      .map(make);
  }

  #objectMachine(plan: ObjectPlan): Machine {
    const isBare = this.#bareKeys !== undefined && plan.groups.every(({ key }) => key === undefined || isBareKey(key));
    return new ObjectMachine(
      plan,
      (value) => this.machine(value),
      isBare && this.#bareKeys ? this.#bareKeys : this.#jsonKeys,
      this.#style.hasSpace,
      this.#budget,
    );
  }

  /** The machine of the scalars that satisfy a condition, apart from those used; the plan's bound on items says that there are others. */
  #unused(expression: Expression, used: readonly string[]): Machine {
    const key = `${expression.id} ${JSON.stringify(used)}`;
    let machine = this.#unusedMachines.get(key);
    if (!machine) {
      const { literals, strings, numbers } = this.#memory.during(() =>
        scalarTexts(this.#builder.shapeOf(expression), used),
      );
      const texts = [wordsOf(literals), numbers]
        .filter((dfa) => !isEmpty(dfa))
        .map((dfa) => new TextMachine(new DfaAutomaton(dfa), this.#budget));
      machine = new ChoiceMachine(isEmpty(strings) ? texts : [...texts, this.string(strings)]);
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

  /** The machine of strings, as the style writes them. */
  string(strings: Dfa): Machine {
    let machine = this.#strings.get(strings);
    if (!machine) {
      const { quote, escapes } = this.#style;
      const plain = quote === undefined ? undefined : textBefore(strings, quote);
      // What holds the quote itself is written as JSON.
      machine =
        quote === undefined || plain === undefined || isEmpty(plain)
          ? new JsonStringMachine(new DfaAutomaton(strings), escapes, this.#budget)
          : quotedMachine(plain, quote, this.#budget);
      this.#strings.set(strings, machine);
    }
    return machine;
  }
}

/** What a condition allows, by the type of the value. */
export interface ValueParts {
  readonly strings: Dfa;
  readonly others: readonly { readonly type: Exclude<JsonType, 'string'>; readonly machine: Machine }[];
}

function choiceOf(options: readonly Machine[]): Machine {
  return options.length === 1 ? options[0] : new ChoiceMachine(options);
}
