import { TemplateFailure } from '../error.js';
import { MAX_RANGE } from '../limits.js';
import { Bound } from '../interpreter/arguments.js';
import { asNumber, itemsOf } from '../interpreter/operators.js';
import type { Budget } from '../interpreter/budget.js';
import { Namespace, NativeFunction, Range } from '../values/objects.js';
import { showValue } from '../values/show.js';
import { Str } from '../values/str.js';
import { Dict, PyObject, typeName, type CallArguments, type Value } from '../values/value.js';
import { strftime, type WallTime } from './strftime.js';

/** Functions that every template has. */
export function globalsOf(budget: Budget, now: () => WallTime): ReadonlyMap<string, Value> {
  const functions: readonly (readonly [string, (args: CallArguments) => Value])[] = [
    ['range', rangeOf],
    ['dict', (args) => new Dict(pairsOf(args, budget))],
    [
      'namespace',
      (args) =>
        new Namespace(new Map(pairsOf(args, budget).map(([key, value]) => [showValue(key).text, value] as const))),
    ],
    ['cycler', ({ positional }) => new Cycler(positional)],
    ['joiner', (args) => new Joiner(new Bound('joiner', ['sep'], args).optionalText('sep') ?? new Str(', ')).function],
    [
      'raise_exception',
      (args) => {
        throw new TemplateFailure(
          'raised',
          showValue(new Bound('raise_exception', ['message'], args).required('message')).text,
        );
      },
    ],
    [
      'strftime_now',
      (args) => new Str(strftime(now(), new Bound('strftime_now', ['format'], args).text('format').text)),
    ],
  ];
  return new Map(functions.map(([name, body]) => [name, new NativeFunction(name, body)] as const));
}

function rangeOf({ positional, named }: CallArguments): Value {
  if (named.size > 0) throw new TemplateFailure('TypeError', 'range() takes no keyword arguments');
  const numbers = positional.map((value) => {
    const number = asNumber(value);
    if (typeof number !== 'bigint')
      throw new TemplateFailure('TypeError', `'${typeName(value)}' object cannot be interpreted as an integer`);
    return number;
  });
  if (numbers.length < 1 || numbers.length > 3)
    throw new TemplateFailure('TypeError', `range expected 1 to 3 arguments, got ${numbers.length}`);
  const [start, stop, step] = numbers.length === 1 ? [0n, numbers[0], 1n] : [numbers[0], numbers[1], numbers[2] ?? 1n];
  if (step === 0n) throw new TemplateFailure('ValueError', 'range() arg 3 must not be zero');
  const range = new Range(start, stop, step);
  if (range.size() > MAX_RANGE)
    throw new TemplateFailure(
      'OverflowError',
      `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`,
    );
  return range;
}

function pairsOf({ positional, named }: CallArguments, budget: Budget): (readonly [Value, Value])[] {
  const [first] = positional;
  const own = [...named].map(([key, value]) => [new Str(key), value] as const);
  if (first === undefined) return own;
  if (first instanceof Dict) return [...first.pairs(), ...own];
  const pairs = itemsOf(first, budget).map((item) => {
    const [key, value, ...rest] = itemsOf(item, budget);
    if (key === undefined || value === undefined || rest.length > 0)
      throw new TemplateFailure('ValueError', 'dictionary update sequence element has another length than 2');
    return [key, value] as const;
  });
  return [...pairs, ...own];
}

class Cycler extends PyObject {
  readonly typeName = 'Cycler';
  private position = 0;

  constructor(private readonly items: readonly Value[]) {
    super();
    if (items.length === 0) throw new TemplateFailure('TemplateRuntimeError', 'at least one item has to be provided');
  }

  override attribute(name: string): Value | undefined {
    if (name === 'current') return this.items[this.position];
    if (name === 'next') {
      return new NativeFunction('next', () => {
        const item = this.items[this.position];
        this.position = (this.position + 1) % this.items.length;
        return item;
      });
    }
    if (name !== 'reset') return undefined;
    return new NativeFunction('reset', () => {
      this.position = 0;
      return null;
    });
  }
}

/** Empty when it is first called, the separator afterwards. */
class Joiner {
  private isUsed = false;
  readonly function: NativeFunction;

  constructor(separator: Str) {
    this.function = new NativeFunction('joiner', () => {
      const text = this.isUsed ? separator : new Str('');
      this.isUsed = true;
      return text;
    });
  }
}
