import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { v128 } from '../wasm/simd-ops.js';

/** Stores the first `rows` (1..4) lanes of a vector: nothing is written for rows that the matrix does not have. */
export function emitStoreRows(f: CodeBuilder, address: Local<'i32'>, vector: Local<'v128'>, rows: Local<'i32'>): void {
  f.if(
    i32.geU(rows, 4),
    () => f.do(v128.store(address, vector)),
    () => {
      f.do(v128.store32Lane(address, vector, 0));
      f.if(i32.geU(rows, 2), () => f.do(v128.store32Lane(address, vector, 1, 4)));
      f.if(i32.geU(rows, 3), () => f.do(v128.store32Lane(address, vector, 2, 8)));
    },
  );
}
