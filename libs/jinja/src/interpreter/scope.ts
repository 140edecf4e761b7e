import type { Value } from '../values/value.js';

/** Names that are visible at a place: its own, then those around it. */
export class Scope {
  private readonly names = new Map<string, Value>();

  constructor(private readonly outer?: Scope) {}

  get(name: string): Value | undefined {
    let value = this.names.get(name);
    for (let scope = this.outer; value === undefined && scope !== undefined; scope = scope.outer)
      value = scope.names.get(name);
    return value;
  }

  set(name: string, value: Value): void {
    this.names.set(name, value);
  }
}
