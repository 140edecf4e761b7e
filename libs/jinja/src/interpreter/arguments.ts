import { TemplateFailure } from '../error.js';
import { Str } from '../values/str.js';
import { Undefined } from '../values/undefined.js';
import { typeName, type CallArguments, type Value } from '../values/value.js';
import { asNumber } from './operators.js';

/** The arguments of a built-in, matched to its parameters. */
export class Bound {
  private readonly values: ReadonlyMap<string, Value>;

  /** @throws TemplateFailure TypeError for an argument that the built-in does not have, or has twice */
  constructor(
    private readonly what: string,
    parameters: readonly string[],
    { positional, named }: CallArguments,
  ) {
    if (positional.length > parameters.length)
      throw new TemplateFailure(
        'TypeError',
        `${what}() takes at most ${parameters.length} arguments, ${positional.length} were given`,
      );
    const values = new Map(positional.map((value, i) => [parameters[i], value] as const));
    for (const [name, value] of named) {
      if (!parameters.includes(name))
        throw new TemplateFailure('TypeError', `${what}() got an unexpected keyword argument '${name}'`);
      if (values.has(name))
        throw new TemplateFailure('TypeError', `${what}() got multiple values for argument '${name}'`);
      values.set(name, value);
    }
    this.values = values;
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  value(name: string): Value | undefined {
    return this.values.get(name);
  }

  required(name: string): Value {
    const value = this.values.get(name);
    if (value === undefined)
      throw new TemplateFailure('TypeError', `${this.what}() missing required argument '${name}'`);
    return value;
  }

  text(name: string): Str {
    const value = this.required(name);
    if (value instanceof Str) return value;
    if (value instanceof Undefined) throw value.failure();
    throw new TemplateFailure('TypeError', `${this.what}(): '${name}' must be str, not ${typeName(value)}`);
  }

  optionalText(name: string): Str | undefined {
    const value = this.values.get(name);
    return value === undefined || value === null ? undefined : this.text(name);
  }

  integer(name: string, otherwise: number): number {
    const value = this.values.get(name);
    if (value === undefined) return otherwise;
    const number = asNumber(value);
    if (typeof number !== 'bigint')
      throw new TemplateFailure('TypeError', `${this.what}(): '${name}' must be an integer, not ${typeName(value)}`);
    return Number(number);
  }
}
