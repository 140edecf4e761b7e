import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32x4 } from '../wasm/simd-ops.js';

/**
 * Vector constants of one function, each in a local. Those named by `hold` are read at the head of the function and stay in
 * registers as far as these reach; others are read from the instance where they are used.
 */
export class ConstantPool {
  readonly #held = new Map<string, Local<'v128'>>();

  constructor(
    private readonly module: ModuleBuilder,
    private readonly f: CodeBuilder,
  ) {}

  /** Sixteen equal bytes. */
  bytes(value: number): Expr<'v128'> {
    return this.#held.get(`b${value}`) ?? this.module.splatConstantI8(value);
  }

  /** Four equal 32-bit words. */
  words(value: number): Expr<'v128'> {
    return this.#held.get(`w${value}`) ?? this.module.splatConstantI32(value);
  }

  /** Four equal floats. */
  floats(value: number): Expr<'v128'> {
    return this.#held.get(`f${value}`) ?? this.module.splatConstantF32(value);
  }

  /** Reads constants into locals here. */
  hold(constants: {
    readonly bytes?: readonly number[];
    readonly words?: readonly number[];
    readonly floats?: readonly number[];
  }): void {
    for (const value of constants.bytes ?? []) this.#hold(`b${value}`, Math.imul(value & 255, 0x01010101));
    for (const value of constants.words ?? []) this.#hold(`w${value}`, value);
    for (const value of constants.floats ?? [])
      this.#hold(`f${value}`, new Int32Array(new Float32Array([value]).buffer)[0]);
  }

  /** Spread over the lanes by an instruction: V8 can make vectors of 256 bits of that, not of a vector that is read. */
  #hold(key: string, word: number): void {
    if (!this.#held.has(key)) this.#held.set(key, this.f.local('v128', i32x4.splat(this.module.wordConstant(word))));
  }
}
