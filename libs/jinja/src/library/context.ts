import type { Budget } from '../interpreter/budget.js';
import type { CallArguments, Value } from '../values/value.js';

/** What filters and tests need of the interpreter. */
export interface FilterContext {
  readonly budget: Budget;
  call(callee: Value, args: CallArguments): Value;
  attribute(value: Value, name: string): Value;
  subscript(value: Value, key: Value): Value;
  filter(name: string, value: Value, args: CallArguments): Value;
  test(name: string, value: Value, args: CallArguments): boolean;
  hasFilter(name: string): boolean;
}

export type Filter = (value: Value, args: CallArguments, context: FilterContext) => Value;
