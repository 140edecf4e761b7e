import type { MacroNode } from '../syntax/tree.js';
import { NativeFunction } from '../values/objects.js';
import { Str } from '../values/str.js';
import { Tuple, type CallArguments, type Value } from '../values/value.js';

/** What `{% macro %}` makes: a function that tells of itself. */
export class Macro extends NativeFunction {
  override readonly typeName = 'Macro';

  constructor(
    private readonly node: MacroNode,
    body: (args: CallArguments) => Value,
  ) {
    super(node.name, body);
  }

  override attribute(name: string): Value | undefined {
    const { parameters, usesCaller, usesKwargs, usesVarargs } = this.node;
    switch (name) {
      case 'name':
        return new Str(this.name);
      case 'arguments':
        return new Tuple(parameters.map((parameter) => new Str(parameter.name)));
      case 'catch_kwargs':
        return usesKwargs;
      case 'catch_varargs':
        return usesVarargs;
      case 'caller':
        return usesCaller;
      default:
        return undefined;
    }
  }

  override show(): string {
    return `<Macro '${this.name}'>`;
  }
}
