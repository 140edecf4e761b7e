import { messageOf, StarlingError } from '@starling/core';
import { maximumMemoryBytes, wasmPageBytes, wholePages } from './memory-layout.js';

/**
 * A WebAssembly memory of fixed size with the views that scripts need. It never grows: a view stays valid as long as it is held. A shared one can be
 * handed to workers, which make their own views over the same bytes.
 */
export class ComputeMemory {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.floats = new Float32Array(memory.buffer);
    this.doubles = new Float64Array(memory.buffer);
  }

  /**
   * Makes a memory, zeroed. The system gives it real pages as they are first written.
   * @param shared whether workers take part; pages of the web that are not cross-origin isolated can share nothing
   * @throws StarlingError `out_of_memory`
   */
  static create(byteLength: number, shared = true): ComputeMemory {
    if (byteLength > maximumMemoryBytes) throw noRoom(byteLength, 'a WebAssembly memory ends at 4 GiB');
    const pages = wholePages(byteLength) / wasmPageBytes;
    try {
      return new ComputeMemory(new WebAssembly.Memory({ initial: pages, maximum: pages, shared }));
    } catch (cause) {
      throw noRoom(byteLength, messageOf(cause), cause);
    }
  }
}

function noRoom(byteLength: number, why: string, cause?: unknown): StarlingError {
  return new StarlingError('out_of_memory', `A memory of ${byteLength} bytes could not be made: ${why}.`, {
    details: { bytes: byteLength },
    cause,
  });
}
