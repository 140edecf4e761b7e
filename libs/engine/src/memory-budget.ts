import { StarlingError } from '@starling/core';
import type { ModelMemory } from './model-types.js';

/** Bytes in words that people compare: 1.5 GiB. */
function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** Bytes of which models set some aside. */
export class MemoryBudget {
  limitBytes: number;
  readonly #taken = new Map<object, number>();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const bytes of this.#taken.values()) sum += bytes;
    return sum;
  }

  fits(bytes: number): boolean {
    return this.usedBytes + bytes <= this.limitBytes;
  }

  /**
   * Checks that a model would fit, once `leavingBytes` of others have been given back.
   * @throws StarlingError out_of_memory with figures
   */
  check(name: string, memory: ModelMemory, leavingBytes = 0): void {
    const used = this.usedBytes - leavingBytes;
    if (used + memory.totalBytes <= this.limitBytes) return;
    const { weightBytes, kvBytes, scratchBytes, totalBytes } = memory;
    throw new StarlingError(
      'out_of_memory',
      `model ${name} would take ${formatBytes(totalBytes)} (weights ${formatBytes(weightBytes)}, KV cache ${formatBytes(kvBytes)}, scratch ${formatBytes(scratchBytes)}); ` +
        `${formatBytes(Math.max(0, this.limitBytes - used))} of ${formatBytes(this.limitBytes)} are left: unload a model, or give it a shorter context`,
      { details: { name, ...memory, usedBytes: used, limitBytes: this.limitBytes } },
    );
  }

  /** Sets bytes aside for an owner, in place of what it had. */
  take(owner: object, bytes: number): void {
    this.#taken.set(owner, bytes);
  }

  /** Whether there was anything to give back. */
  giveBack(owner: object): boolean {
    return this.#taken.delete(owner);
  }
}
