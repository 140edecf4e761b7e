import { TemplateFailure } from '../error.js';
import { Str, type Origin } from './str.js';
import { visit, Written } from './walk.js';

/**
 * A value of a template: Python's None is null, bool boolean, int bigint (exact, however large), float number. Everything else is an
 * object of this library; no object of JavaScript's is reachable, so neither are prototypes.
 */
export type Value = null | boolean | bigint | number | Str | List | Tuple | Dict | PyObject;

export class List {
  constructor(readonly items: Value[]) {}

  get typeName(): string {
    return 'list';
  }
}

export class Tuple {
  constructor(readonly items: readonly Value[]) {}

  get typeName(): string {
    return 'tuple';
  }
}

/** A tuple whose items have names too. */
export class NamedTuple extends Tuple {
  constructor(
    private readonly names: readonly string[],
    items: readonly Value[],
  ) {
    super(items);
  }

  attribute(name: string): Value | undefined {
    const at = this.names.indexOf(name);
    return at < 0 ? undefined : this.items[at];
  }
}

/** Arguments of a call, before they are matched to parameters. */
export interface CallArguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

export const NO_ARGUMENTS: CallArguments = { positional: [], named: new Map() };

/** Every other kind of object that templates meet: what is missing, functions, macros, loops, iterators, views. */
export abstract class PyObject {
  /** Name of its type, as Python's messages have it. */
  abstract readonly typeName: string;

  /** The attribute `name`, if there is one. */
  attribute(_name: string): Value | undefined {
    return undefined;
  }

  /** The text that `{{ x }}` shows. */
  show(): string {
    return `<${this.typeName} object>`;
  }

  isTrue(): boolean {
    return true;
  }
}

/** Something that can be called. */
export abstract class Callable extends PyObject {
  abstract call(args: CallArguments): Value;
}

/** An object that gives its items, again and again or once. */
export abstract class PyIterable extends PyObject {
  abstract iterate(): Iterator<Value>;

  /** Number of items, if it is known without walking them. */
  size(): number | undefined {
    return undefined;
  }
}

type Key = string | bigint | number | null | object;

/** A dict of Python: keys of any scalar or tuple of them, told apart as Python does (1, 1.0 and True are one key), in order of insertion. */
export class Dict {
  private readonly entries = new Map<Key, [key: Value, value: Value]>();

  constructor(
    pairs: Iterable<readonly [Value, Value]> = [],
    /** Which value of the caller's it is. */
    readonly origin?: Origin,
  ) {
    for (const [key, value] of pairs) this.set(key, value);
  }

  get typeName(): string {
    return 'dict';
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: Value): Value | undefined {
    return this.entries.get(hashOf(key))?.[1];
  }

  /** The value of a string key. */
  getText(key: string): Value | undefined {
    return this.entries.get(stringHash(key))?.[1];
  }

  has(key: Value): boolean {
    return this.entries.has(hashOf(key));
  }

  /** As Python: the key that was there first stays. */
  set(key: Value, value: Value): void {
    const hash = hashOf(key);
    const entry = this.entries.get(hash);
    if (entry === undefined) this.entries.set(hash, [key, value]);
    else entry[1] = value;
  }

  delete(key: Value): boolean {
    return this.entries.delete(hashOf(key));
  }

  clear(): void {
    this.entries.clear();
  }

  keys(): Value[] {
    return Array.from(this.entries.values(), ([key]) => key);
  }

  values(): Value[] {
    return Array.from(this.entries.values(), ([, value]) => value);
  }

  pairs(): IterableIterator<readonly [Value, Value]> {
    return this.entries.values();
  }

  copy(): Dict {
    return new Dict(this.pairs());
  }
}

/** A primitive that is the same for keys that Python holds equal. Strings that begin with NUL get another one, so that tuples can begin with it. */
function hashOf(key: Value, depth = 0, written = new Written()): Key {
  visit(depth);
  if (key instanceof Str) return stringHash(key.text);
  if (key === null) return null;
  switch (typeof key) {
    case 'bigint':
      return key;
    case 'boolean':
      return key ? 1n : 0n;
    case 'number':
      return Number.isInteger(key) ? BigInt(key) : key;
    default:
  }
  if (key instanceof Tuple)
    return `\0(${key.items.map((item) => part(hashOf(item, depth + 1, written), written)).join('')}`;
  if (key instanceof List || key instanceof Dict)
    throw new TemplateFailure('TypeError', `unhashable type: '${key.typeName}'`);
  return key;
}

function stringHash(text: string): string {
  return text.charCodeAt(0) === 0 ? `\0${text}` : text;
}

/** A hash as part of a tuple's, with its length before it so that no two tuples give the same. */
function part(hash: Key, written: Written): string {
  if (typeof hash === 'object' && hash !== null)
    throw new TemplateFailure('TypeError', 'tuples of objects are not supported as keys: use strings or numbers');
  const text =
    typeof hash === 'bigint' ? `i${hash}` : typeof hash === 'number' ? `f${hash}` : hash === null ? 'n' : `s${hash}`;
  written.add(text.length);
  return `${text.length}:${text}`;
}

/** The name of a value's type, as Python's messages have it. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'float';
    default:
      return value.typeName;
  }
}
