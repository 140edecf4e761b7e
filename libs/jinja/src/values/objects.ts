import { Str } from './str.js';
import { Callable, Dict, PyIterable, PyObject, Tuple, type CallArguments, type Value } from './value.js';

/** A function of the host or of the library. */
export class NativeFunction extends Callable {
  readonly typeName: string = 'function';

  constructor(
    readonly name: string,
    private readonly body: (args: CallArguments) => Value,
  ) {
    super();
  }

  override call(args: CallArguments): Value {
    return this.body(args);
  }

  override show(): string {
    return `<function ${this.name}>`;
  }
}

/** A generator: its items come once, in order, from whoever asks first. */
export class Generator extends PyIterable {
  readonly typeName = 'generator';

  constructor(private readonly items: Iterator<Value>) {
    super();
  }

  override iterate(): Iterator<Value> {
    return this.items;
  }

  override show(): string {
    return '<generator object>';
  }
}

/** What `items`, `keys` and `values` of a dict give: they show what it has now. */
export class DictView extends PyIterable {
  readonly typeName: string;

  constructor(
    private readonly dict: Dict,
    private readonly part: 'items' | 'keys' | 'values',
  ) {
    super();
    this.typeName = `dict_${part}`;
  }

  list(): Value[] {
    if (this.part === 'items') return Array.from(this.dict.pairs(), ([key, value]) => new Tuple([key, value]));
    return this.part === 'keys' ? this.dict.keys() : this.dict.values();
  }

  override iterate(): Iterator<Value> {
    return this.list()[Symbol.iterator]();
  }

  override size(): number {
    return this.dict.size;
  }

  override isTrue(): boolean {
    return this.dict.size > 0;
  }
}

export class Range extends PyIterable {
  readonly typeName = 'range';

  constructor(
    readonly start: bigint,
    readonly stop: bigint,
    readonly step: bigint,
  ) {
    super();
  }

  override size(): number {
    const { start, stop, step } = this;
    const span = step > 0n ? stop - start : start - stop;
    const stride = step > 0n ? step : -step;
    return span <= 0n ? 0 : Number((span + stride - 1n) / stride);
  }

  override *iterate(): Generator_ {
    for (let n = this.size(), value = this.start; n > 0; n--, value += this.step) yield value;
  }

  /** The part of it at these places of it. */
  slice(indices: readonly number[], step: number): Range {
    const first = this.start + BigInt(indices[0] ?? 0) * this.step;
    const stride = this.step * BigInt(step);
    return new Range(first, first + BigInt(indices.length) * stride, stride);
  }

  override isTrue(): boolean {
    return this.size() > 0;
  }

  override show(): string {
    return this.step === 1n ? `range(${this.start}, ${this.stop})` : `range(${this.start}, ${this.stop}, ${this.step})`;
  }
}

type Generator_ = globalThis.Generator<Value, void, undefined>;

/** What `namespace()` makes: the one object whose attributes templates can set. */
export class Namespace extends PyObject {
  readonly typeName = 'Namespace';

  constructor(readonly fields: Map<string, Value>) {
    super();
  }

  override attribute(name: string): Value | undefined {
    return this.fields.get(name);
  }

  dict(): Dict {
    return new Dict(Array.from(this.fields, ([name, value]) => [new Str(name), value] as const));
  }
}
