import { TemplateFailure } from '../error.js';
import { Undefined } from '../values/undefined.js';
import { Callable, NO_ARGUMENTS, Tuple, type CallArguments, type Value } from '../values/value.js';
import { NativeFunction } from '../values/objects.js';
import { areEqual } from './operators.js';

/** The `loop` of a for block. Its items are known before it begins, as far as `length` and its like need. */
export class Loop extends Callable {
  readonly typeName = 'LoopContext';
  index0 = -1;
  private changed: Value | undefined;

  constructor(
    private readonly items: readonly Value[],
    private readonly depth0: number,
    private readonly recurse: ((items: Value, depth: number) => Value) | undefined,
  ) {
    super();
  }

  override attribute(name: string): Value | undefined {
    const { index0, items } = this;
    const big = (value: number): bigint => BigInt(value);
    switch (name) {
      case 'index':
        return big(index0 + 1);
      case 'index0':
        return big(index0);
      case 'revindex':
        return big(items.length - index0);
      case 'revindex0':
        return big(items.length - index0 - 1);
      case 'first':
        return index0 === 0;
      case 'last':
        return index0 === items.length - 1;
      case 'length':
        return big(items.length);
      case 'depth':
        return big(this.depth0 + 1);
      case 'depth0':
        return big(this.depth0);
      case 'previtem':
        return index0 > 0 ? items[index0 - 1] : new Undefined('there is no previous item');
      case 'nextitem':
        return index0 + 1 < items.length ? items[index0 + 1] : new Undefined('there is no next item');
      case 'cycle':
        return new NativeFunction('cycle', ({ positional }) => {
          if (positional.length === 0) throw new TemplateFailure('TypeError', 'no items for cycling given');
          return positional[index0 % positional.length];
        });
      case 'changed':
        return new NativeFunction('changed', ({ positional }) => {
          const now = new Tuple(positional);
          const isNew = this.changed === undefined || !areEqual(this.changed, now);
          this.changed = now;
          return isNew;
        });
      default:
        return undefined;
    }
  }

  override call({ positional }: CallArguments = NO_ARGUMENTS): Value {
    if (this.recurse === undefined)
      throw new TemplateFailure('TypeError', "The loop must have the 'recursive' marker to be called recursively.");
    if (positional.length !== 1) throw new TemplateFailure('TypeError', 'loop() takes one argument');
    return this.recurse(positional[0], this.depth0 + 1);
  }
}
