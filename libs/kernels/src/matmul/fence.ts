import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { v128 } from '../wasm/simd-ops.js';
import type { KernelBuild } from './dot-mode.js';

/**
 * Keeps older compilers of V8 (up to that of Node 22) from moving all loads of a long stretch of code to its start, from where most
 * values would have to be spilled to the stack. A branch that is never taken, and would change the sums if it were, makes the
 * compiler finish them first.
 */
export class Fence {
  /** Read anew at each fence: of a condition that it knows already the compiler would keep track. */
  private readonly never: Expr<'i32'> | undefined;

  constructor(
    private readonly f: CodeBuilder,
    module: ModuleBuilder,
    build: KernelBuild,
  ) {
    if (build.fences) this.never = module.wordConstant(0);
  }

  /** What is computed into these locals is computed here. */
  emit(locals: readonly Local<'v128'>[]): void {
    const { never, f } = this;
    if (!never) return;
    f.if(never, () => locals.forEach((local) => f.set(local, v128.const(new Array<number>(16).fill(0)))));
  }
}
