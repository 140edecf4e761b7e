import { alignUp, checkedSum, StarlingError } from '@starling/core';

/** Bytes a wasm32 memory can hold: 65,536 pages of 64 KiB, less one so that an end address fits 32 bits. */
export const maximumMemoryBytes = 2 ** 32 - 65536;

/** Bytes of a page of WebAssembly. */
export const wasmPageBytes = 65536;

/** Bytes of the memory that is made for so many: whole pages of WebAssembly, at least one. */
export const wholePages = (byteLength: number): number =>
  wasmPageBytes * Math.max(1, Math.ceil(byteLength / wasmPageBytes));

/** A run of bytes in a memory, [address, address + bytes). */
export interface Region {
  readonly label: string;
  readonly address: number;
  readonly bytes: number;
}

/**
 * Plans what lies where in a memory before it is made, so that it can be made at its final size.
 * Regions never overlap, never move, and are aligned to 64 bytes (a cache line) unless told otherwise.
 */
export class MemoryLayout {
  readonly regions: Region[] = [];
  #end = 0;

  /** Bytes planned so far. */
  get byteLength(): number {
    return this.#end;
  }

  /** Bytes of a memory that holds what was planned so far. */
  get memoryBytes(): number {
    return wholePages(this.#end);
  }

  /**
   * Sets bytes aside.
   * @param alignment a power of two
   * @throws StarlingError `out_of_memory` if the layout would pass 4 GiB
   */
  reserve(label: string, bytes: number, alignment = 64): Region {
    const address = alignUp(this.#end, alignment);
    const end = checkedSum([address, bytes], { code: 'out_of_memory', what: `region '${label}'` });
    if (end > maximumMemoryBytes) {
      throw new StarlingError(
        'out_of_memory',
        `'${label}' needs ${bytes} bytes, and only ${maximumMemoryBytes - address} are left in its WebAssembly memory.`,
        {
          details: { region: label, bytes, available: maximumMemoryBytes - address },
        },
      );
    }
    const region = { label, address, bytes };
    this.regions.push(region);
    this.#end = end;
    return region;
  }
}
