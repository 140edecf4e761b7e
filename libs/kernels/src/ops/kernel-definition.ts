import type { KernelCall, KernelSource, OpsBuild, Placed } from '../program/program.js';
import type { Expr } from '../wasm/expression.js';
import type { FunctionBuilder, Local } from '../wasm/function-builder.js';
import { ModuleBuilder } from '../wasm/module-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, i32x4 } from '../wasm/simd-ops.js';

/** The name under which a team knows the module of all operations that are not matrix products. */
export const opsModuleName = 'ops';

/** What an operand is: the address of something placed in memory, an integer (counts, strides in bytes), or a float. */
export type FieldKind = 'address' | 'int' | 'float';
export type Fields = Readonly<Record<string, FieldKind>>;

type OperandValue<K extends FieldKind> = K extends 'address' ? Placed | number : number;
export type OperandValues<F extends Fields> = { readonly [Name in keyof F]: OperandValue<F[Name]> };
type OperandLocals<F extends Fields> = { readonly [Name in keyof F]: Local<F[Name] extends 'float' ? 'f32' : 'i32'> };

/** What the emitter of a kernel works with. */
export interface KernelEmitter<F extends Fields = Fields> {
  readonly module: ModuleBuilder;
  readonly f: FunctionBuilder;
  /** a * b + c: in one instruction with relaxed SIMD. */
  readonly madd: (a: Expr<'v128'>, b: Expr<'v128'>, c: Expr<'v128'>) => Expr<'v128'>;
  readonly relaxed: boolean;
  /** Whether the engine joins pairs of vectors: twice as many floats then stay in registers. */
  readonly wide: boolean;
  /** Four equal floats, or 32-bit integers, read once at the head of the kernel. */
  readonly float: (value: number) => Expr<'v128'>;
  readonly int: (value: number) => Expr<'v128'>;
  /** Units to work on, [begin, end). */
  readonly begin: Local<'i32'>;
  readonly end: Local<'i32'>;
  /** This worker's scratch. */
  readonly scratch: Local<'i32'>;
  /** The operands, read from the descriptor. */
  readonly at: OperandLocals<F>;
}

/**
 * A kernel of the ops module: an export `(descriptor, begin, end, scratch)`. The descriptor holds one word for each field, in
 * the order in which they are declared.
 */
export interface KernelDefinition<F extends Fields = Fields> extends KernelSource {
  readonly fields: F;
  /** A call with these operands, for a task of a program. */
  call(operands: OperandValues<F>): KernelCall;
}

/** Declares a kernel. */
export function defineKernel<const F extends Fields>(
  name: string,
  fields: F,
  body: (kernel: KernelEmitter<F>) => void,
): KernelDefinition<F> {
  const kernel = { kind: 'wasm', module: opsModuleName, name } as const;
  const definition: KernelDefinition<F> = {
    name,
    fields,
    call: (operands) => ({
      kernel,
      source: definition,
      operands: Object.entries(fields).map(([field, kind]) => {
        const value: Placed | number = operands[field];
        return kind === 'float' ? { float: value as number } : value;
      }),
    }),
    emit(module, build) {
      // Emitted twice: the first time only to learn which constants the body needs, so that they can be read at its head.
      const wanted = new Map<string, number | Float32>();
      define(new ModuleBuilder(), build, () => (value, to) => {
        wanted.set(keyOf(value), value);
        return splat(to, value);
      });
      define(module, build, (f) => {
        const held = new Map(Array.from(wanted, ([key, value]) => [key, f.local('v128', splat(module, value))]));
        return (value) => held.get(keyOf(value))!;
      });
    },
  };

  function define(
    module: ModuleBuilder,
    { relaxed, wide }: OpsBuild,
    head: (f: FunctionBuilder) => (value: number | Float32, module: ModuleBuilder) => Expr<'v128'>,
  ): void {
    module.function(
      name,
      { params: ['i32', 'i32', 'i32', 'i32'], export: true },
      (builder, descriptor, begin, end, scratch) => {
        const f = builder as unknown as FunctionBuilder;
        const constant = head(f);
        const entries = Object.entries(fields).map(([field, kind], index) => {
          const local =
            kind === 'float'
              ? f.local('f32', f32.load(descriptor, 4 * index))
              : f.local('i32', i32.load(descriptor, 4 * index));
          return [field, local];
        });
        body({
          module,
          f,
          madd: relaxed ? f32x4.relaxedMadd : (a, b, c) => f32x4.add(f32x4.mul(a, b), c),
          relaxed,
          wide,
          float: (value) => constant({ float: value }, module),
          int: (value) => constant(value, module),
          begin,
          end,
          scratch,
          at: Object.fromEntries(entries) as OperandLocals<F>,
        });
      },
    );
  }
  return definition;
}

/** A constant that is a float; plain numbers are integers. */
interface Float32 {
  readonly float: number;
}

const keyOf = (value: number | Float32): string =>
  typeof value === 'number' ? `i${value}` : `f${Object.is(value.float, -0) ? '-0' : value.float}`;

/** Spread over the lanes by an instruction, not read as a vector: so V8 can join vectors that it is used with. */
const splat = (module: ModuleBuilder, value: number | Float32): Expr<'v128'> =>
  i32x4.splat(
    module.wordConstant(typeof value === 'number' ? value : new Int32Array(new Float32Array([value.float]).buffer)[0]),
  );
