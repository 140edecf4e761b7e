import { isEmpty, subtract } from '../automata/algebra.js';
import type { Dfa } from '../automata/dfa.js';
import { Nfa, type Fragment } from '../automata/nfa.js';
import { isBareKey } from '../json/key-machine.js';
import { textBefore } from '../json/raw-text.js';
import type { ValueMachines } from '../json/value-machines.js';
import { grammarError } from '../limits.js';
import { DfaAutomaton } from '../machine/code-automaton.js';
import type { Machine, StateBudget } from '../machine/machine.js';
import type { MachineSource } from '../machine/machine.js';
import { RuleMachine } from '../machine/rule-machine.js';
import { TextMachine } from '../machine/utf8-machine.js';
import { parseRegex } from '../regex/parse-regex.js';
import { regexDfa } from '../regex/regex-dfa.js';
import { objectMachineSteps, type JsonSchemaOptions } from '../schema/compile-json-schema.js';
import type { Expression } from '../schema/model.js';
import type { ObjectPlan } from '../schema/object-plan.js';
import { ARGUMENT_NAME, type JsonType, type LiteralBody, type TaggedBody } from './answer-format.js';
import { typesOfArgument } from './argument-types.js';
import { ArgumentsMachine, type ArgumentSyntax } from './arguments-machine.js';
import { emitMarker, emitTagged } from './emit-marker.js';

/** Text without quotes that a reader would take for another value than a text. */
const LIKE_A_VALUE = regexDfa(
  parseRegex('\\s*(?:[\\[{("\'\\-0-9](?:.|\\s)*|(?:true|false|null|True|False|None)\\s*)'),
  'full',
);
/** Text with the characters for which some formats quote it. */
const MARKUP = regexDfa(parseRegex('[<&\\n]'), 'search');

/**
 * What makes the machine of a tool's arguments where they are not one JSON object.
 * @throws StarlingError invalid_grammar for a schema that cannot be enforced, or whose arguments cannot be written so
 */
export function* argumentsMachineSteps(
  schema: unknown,
  body: TaggedBody | LiteralBody,
  options: JsonSchemaOptions,
): Generator<undefined, (budget: StateBudget) => Machine> {
  const style = body.kind === 'literal' && !isJsonQuote(body.quote) ? { ...options, quote: body.quote } : options;
  return yield* objectMachineSteps(schema, style, (plan, values, budget) => {
    const syntax =
      body.kind === 'tagged' ? new TaggedSyntax(body, schema, values, budget) : new LiteralSyntax(body, values, budget);
    checkPlan(plan, syntax);
    // Where names stand behind values too, they have to be known.
    const isNamed = body.kind === 'tagged' && body.valueEnd.includes(ARGUMENT_NAME);
    return new ArgumentsMachine(plan, syntax, isNamed, budget);
  });
}

/** Whether JSON and Python read a quote themselves. */
function isJsonQuote(quote: string): boolean {
  return quote === '"' || quote === "'";
}

/** Refuses what could not be written, before an answer is begun. */
function checkPlan(plan: ObjectPlan, syntax: ArgumentSyntax): void {
  for (const { key, value } of plan.groups) {
    if (key !== undefined && !isBareKey(key))
      throw grammarError(
        `the argument ${JSON.stringify(key)} cannot be written in this model's way to call tools: name it with letters, digits, _ and -`,
        { argument: key },
      );
    if (key !== undefined) syntax.value(value, key);
  }
}

/** Values between tags: texts as they are, other values as JSON. */
class TaggedSyntax implements ArgumentSyntax {
  readonly first: Machine;
  readonly next: Machine;
  readonly #body: TaggedBody;
  readonly #schema: unknown;
  readonly #values: ValueMachines;
  readonly #budget: StateBudget;
  readonly #known = new Map<Expression, Map<string, Machine>>();

  constructor(body: TaggedBody, schema: unknown, values: ValueMachines, budget: StateBudget) {
    this.#body = body;
    this.#schema = schema;
    this.#values = values;
    this.#budget = budget;
    this.first = this.next = markerMachine(body.argumentStart, budget);
  }

  value(value: Expression, key: string | undefined): Machine {
    const types = key === undefined ? undefined : typesOfArgument(this.#schema, key);
    const isText = this.#body.valueStart.words !== undefined || (types?.every((type) => type === 'string') ?? false);
    const isNamed = this.#body.valueEnd.includes(ARGUMENT_NAME);
    const known = this.#known.get(value) ?? new Map<string, Machine>();
    this.#known.set(value, known);
    const way = `${isText ? 'text' : 'any'} ${isNamed ? (key ?? '') : ''}`;
    let machine = known.get(way);
    if (!machine) known.set(way, (machine = this.#make(value, key, isText)));
    return machine;
  }

  #make(value: Expression, key: string | undefined, isText: boolean): Machine {
    const { strings, others } = this.#values.parts(value);
    const nfa = new Nfa<MachineSource>();
    const end = this.#body.valueEnd.replaceAll(ARGUMENT_NAME, key ?? '');
    const texts = this.#texts(isText ? strings : subtract(strings, LIKE_A_VALUE), firstWord(end));
    const options = [
      ...texts.map(({ before, dfa, after }) =>
        this.#between(
          nfa,
          'string',
          end,
          nfa.sequence([nfa.text(before), nfa.call(textSource(dfa, this.#budget)), nfa.text(after)]),
        ),
      ),
      ...others.map(({ type, machine }) =>
        this.#between(
          nfa,
          type,
          end,
          nfa.call(() => machine),
        ),
      ),
    ];
    if (options.length === 0)
      throw grammarError(
        `no value of the argument ${JSON.stringify(key ?? 'any')} can be written in this model's way to call tools`,
        { argument: key ?? '' },
      );
    return new RuleMachine(nfa, nfa.choice(options), this.#budget);
  }

  /** Texts, and those that have to be quoted. */
  #texts(strings: Dfa, end: string): { readonly before: string; readonly dfa: Dfa; readonly after: string }[] {
    const { valueQuotes: quotes } = this.#body;
    const plain = { before: '', dfa: textBefore(quotes ? subtract(strings, MARKUP) : strings, end), after: '' };
    const quoted = quotes && { before: quotes[0], dfa: textBefore(strings, quotes[1] + end), after: quotes[1] };
    return [plain, ...(quoted ? [quoted] : [])].filter(({ dfa }) => !isEmpty(dfa));
  }

  /** The white space that the template puts around a value is exact: what is more would be the value's. */
  #between(nfa: Nfa<MachineSource>, type: JsonType, end: string, value: Fragment): Fragment {
    const { valueStart, valuePadding } = this.#body;
    const [before, after] = valuePadding;
    const start = valueStart.words
      ? `${valueStart.before}${valueStart.words[type]}${valueStart.after}`
      : valueStart.before;
    return nfa.sequence([
      emitMarker(nfa, start.slice(0, start.length - before.length)),
      nfa.text(before),
      value,
      nfa.text(after),
      emitMarker(nfa, end.slice(after.length)),
    ]);
  }
}

/** Pairs as in a Python call. */
class LiteralSyntax implements ArgumentSyntax {
  readonly first: Machine;
  readonly next: Machine;
  readonly #body: LiteralBody;
  readonly #values: ValueMachines;
  readonly #budget: StateBudget;
  readonly #known = new Map<Expression, Machine>();

  constructor(body: LiteralBody, values: ValueMachines, budget: StateBudget) {
    this.#body = body;
    this.#values = values;
    this.#budget = budget;
    this.first = markerMachine('', budget);
    this.next = markerMachine(body.argumentSeparator, budget);
  }

  value(value: Expression): Machine {
    let machine = this.#known.get(value);
    if (!machine) this.#known.set(value, (machine = this.#make(value)));
    return machine;
  }

  #make(value: Expression): Machine {
    const nfa = new Nfa<MachineSource>();
    const { keyEnd, quote } = this.#body;
    const { strings, others } = this.#values.parts(value);
    const options = others.map(({ machine }) => nfa.call(() => machine));
    // What the model's own quotes cannot hold is written as JSON.
    const own = quote === "'" ? subtract(textBefore(strings, quote), MARKUP_OF_QUOTES) : undefined;
    if (own && !isEmpty(own))
      options.push(
        nfa.sequence([emitTagged(nfa, quote), nfa.call(textSource(own, this.#budget)), emitTagged(nfa, quote)]),
      );
    if (!isEmpty(strings)) {
      const json = this.#values.string(strings);
      options.push(nfa.call(() => json));
    }
    return new RuleMachine(nfa, nfa.sequence([emitMarker(nfa, keyEnd), nfa.choice(options)]), this.#budget);
  }
}

/** Backslashes and line ends mean other characters in some dialects of quotes. */
const MARKUP_OF_QUOTES = regexDfa(parseRegex('[\\\\\\n\\r]'), 'search');

function textSource(dfa: Dfa, budget: StateBudget): MachineSource {
  let machine: Machine | undefined;
  return () => (machine ??= new TextMachine(new DfaAutomaton(dfa), budget));
}

function markerMachine(marker: string, budget: StateBudget): Machine {
  const nfa = new Nfa<MachineSource>();
  return new RuleMachine(nfa, emitMarker(nfa, marker), budget);
}

/** The characters of a marker by which its beginning is found. */
function firstWord(marker: string): string {
  return /\S+/.exec(marker)?.[0] ?? '';
}
