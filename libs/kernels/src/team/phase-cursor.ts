import { i32, i64 } from '../wasm/scalar-ops.js';
import { ModuleBuilder } from '../wasm/module-builder.js';
import { controlWords } from './control-block.js';

/** Takes chunks of phases. The cursor is one 64-bit number, so that a worker learns at once which chunk it took and of which phase. */
export interface PhaseCursor {
  /** Takes the next chunk: gives its number, and writes the number of its phase to a word that belongs to the caller. */
  take(wordAddress: number): number;
  /** Sets the phase, with chunk 0 next. */
  setPhase(phase: number): void;
}

const cursorAddress = 4 * controlWords.cursorChunk;

/** The module behind a cursor: 64-bit atomics, which scripts only have for BigInt. */
export function buildCursorModule(): WebAssembly.Module {
  const module = new ModuleBuilder();
  module.importMemory('env', 'memory', { initialPages: 1, maximumPages: 65536, shared: true });
  module.function('take', { params: ['i32'], result: 'i32', export: true }, (f, wordAddress) => {
    const taken = f.local('i64', i64.atomicAdd(cursorAddress, 1n));
    f.do(i32.store(wordAddress, i32.wrapI64(i64.shrU(taken, 32n))));
    f.result(i32.wrapI64(taken));
  });
  module.function('setPhase', { params: ['i32'], export: true }, (f, phase) => {
    f.do(i64.atomicStore(cursorAddress, i64.shl(i64.extendI32U(phase), 32n)));
  });
  return new WebAssembly.Module(module.encode());
}

/** A cursor over the control block of a memory. */
export function phaseCursor(module: WebAssembly.Module, memory: WebAssembly.Memory): PhaseCursor {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as PhaseCursor;
}
