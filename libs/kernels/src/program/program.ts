import type { ModuleBuilder } from '../wasm/module-builder.js';
import type { KernelBuild } from '../matmul/dot-mode.js';
import type { StepCount } from '../team/control-block.js';
import type { ScriptKernelName } from '../ops/script-kernels.js';

/** Something in a memory whose address is known once the memory has been laid out. */
export interface Placed {
  /** Byte address in its memory. @throws before the layout is made */
  readonly address: number;
}

/** What a kernel finds in its descriptor, one 32-bit word each. */
export type Operand = number | Placed | { readonly float: number };

/**
 * The code behind a call.
 * - `wasm`: an export `(descriptor, begin, end)` of a module, which reads its operands from the descriptor;
 * - `matrix`: an export of the matmul module, which takes its operands as arguments, see matrix-calls.ts;
 * - `script`: a function of script-kernels.ts, for what is rare or small.
 */
export type KernelRef =
  | { readonly kind: 'wasm'; readonly module: string; readonly name: string }
  | { readonly kind: 'matrix'; readonly role: MatrixRole; readonly name: string }
  | { readonly kind: 'script'; readonly name: ScriptKernelName };

/** What kernels of the ops module are built for. */
export type OpsBuild = Pick<KernelBuild, 'relaxed' | 'wide'>;

/** Code that can be added to a module under a name. */
export interface KernelSource {
  readonly name: string;
  emit(module: ModuleBuilder, build: OpsBuild): void;
}

/** What a kernel of the matmul module does. */
export type MatrixRole = 'multiply' | 'multiplyExperts' | 'convert' | 'lookup' | 'pack';

export interface KernelCall {
  readonly kernel: KernelRef;
  readonly operands: readonly Operand[];
  /** What the ops module needs to hold for this call. */
  readonly source?: KernelSource;
}

/**
 * Work cut into units (rows of a matrix, tokens, heads of tokens): `factor` of them for each of the step's count `per`.
 * Workers take `chunk` units at a time and run all calls over them one after another; so a call may read what an earlier
 * call of the same task wrote for the same units, and nothing that other units write.
 */
export interface Task {
  readonly per: StepCount;
  readonly factor: number;
  readonly chunk: number;
  /** Units that workers take at a time in steps of several tokens. Default: `chunk`. */
  readonly batchChunk?: number;
  readonly calls: readonly KernelCall[];
}

/** Which memory something belongs to; known once the model has been cut into ranges of layers. */
export interface Home {
  readonly index: number;
}

/** Tasks that may run at the same time, in any order. A barrier follows: the next phase sees all that this one wrote. */
export interface Phase {
  readonly home: Home;
  readonly tasks: readonly Task[];
}
