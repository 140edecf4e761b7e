import { assert } from '@starling/core';
import type { Home, Placed } from '@starling/kernels';

/** An address that is set once, when memory is laid out. */
export class Place implements Placed {
  #address: number | undefined;

  constructor(readonly label: string) {}

  get address(): number {
    assert(this.#address !== undefined, `'${this.label}' has been placed`);
    return this.#address;
  }

  set address(address: number) {
    this.#address = address;
  }
}

/** A place at a distance from another. */
export function offsetPlace(base: Placed, bytes: number): Placed {
  return bytes === 0
    ? base
    : {
        get address() {
          return base.address + bytes;
        },
      };
}

/** The memory of a layer (or of what comes before or after all layers), set when the model is cut into ranges. */
export class RangeHome implements Home {
  index = 0;

  constructor(readonly label: string) {}
}
