import { assert } from '@starling/core';
import { ByteSink } from './byte-sink.js';
import { constant, VALUE_TYPE_CODES, type Expr, type ValueType } from './expression.js';
import { FunctionBuilder, type FunctionRef, type Signature } from './function-builder.js';
import { v128 } from './simd-ops.js';

/** Pages of 64 KiB; a shared memory needs a maximum. */
export interface MemoryLimits {
  readonly initialPages: number;
  readonly maximumPages: number;
  readonly shared: boolean;
}

interface Import {
  readonly module: string;
  readonly name: string;
}

interface Global {
  readonly type: ValueType;
  readonly initial: Expr<ValueType>;
}

/**
 * Assembles a WebAssembly module in the binary format.
 *
 * Order: import the memory and functions first, then define functions; a function can call only those defined before it.
 */
export class ModuleBuilder {
  private readonly types: string[] = [];
  private readonly typeBytes: number[][] = [];
  private readonly functionImports: (Import & { readonly type: number })[] = [];
  private memoryImport: (Import & { readonly limits: MemoryLimits }) | undefined;
  private readonly functions: { readonly name: string; readonly type: number; readonly body: number[] }[] = [];
  private readonly exports: { readonly name: string; readonly kind: number; readonly index: number }[] = [];
  private readonly globals: Global[] = [];
  private readonly vectorConstants = new Map<string, Expr<'v128'>>();
  private readonly wordConstants = new Map<number, Expr<'i32'>>();

  /** Imports the one memory. */
  importMemory(module: string, name: string, limits: MemoryLimits): void {
    assert(this.memoryImport === undefined, 'a module imports one memory');
    this.memoryImport = { module, name, limits };
  }

  /** Imports a function; before any function is defined. */
  importFunction<const P extends readonly ValueType[], R extends ValueType | undefined = undefined>(
    module: string,
    name: string,
    signature: Signature<P, R>,
  ): FunctionRef<P, R> {
    assert(this.functions.length === 0, 'imports come before definitions');
    this.functionImports.push({ module, name, type: this.typeIndex(signature) });
    return { index: this.functionImports.length - 1, name, signature };
  }

  /**
   * Defines a function. `body` gets the builder and the parameters. With `export: true` its name is exported.
   */
  function<const P extends readonly ValueType[], R extends ValueType | undefined = undefined>(
    name: string,
    signature: Signature<P, R> & { readonly export?: boolean },
    body: (f: FunctionBuilder<P, R>, ...params: FunctionBuilder<P, R>['params']) => void,
  ): FunctionRef<P, R> {
    const builder = new FunctionBuilder<P, R>(signature);
    body(builder, ...builder.params);
    const index = this.functionImports.length + this.functions.length;
    this.functions.push({ name, type: this.typeIndex(signature), body: builder.encode() });
    if (signature.export) this.exports.push({ name, kind: 0, index });
    return { index, name, signature };
  }

  /**
   * A vector constant that is read from the instance instead of being built by instructions at each use. Set a local from it
   * at the head of a function. Equal constants share a place. (It is a mutable global, so that no engine folds it back.)
   */
  vectorConstant(bytes: ArrayLike<number>): Expr<'v128'> {
    const values = Array.from(bytes, (byte) => byte & 0xff);
    assert(values.length === 16, 'a vector has 16 bytes');
    const key = values.join();
    let known = this.vectorConstants.get(key);
    if (!known) {
      known = this.global(v128.const(values));
      this.vectorConstants.set(key, known);
    }
    return known;
  }

  /** A 32-bit constant that the compiler takes for a variable, see `vectorConstant`. */
  wordConstant(value: number): Expr<'i32'> {
    let known = this.wordConstants.get(value);
    if (!known) {
      known = this.global(constant('i32', value));
      this.wordConstants.set(value, known);
    }
    return known;
  }

  /** Four equal 32-bit lanes from a number taken as i32 (or its bits), see `vectorConstant`. */
  splatConstantI32(value: number): Expr<'v128'> {
    return this.vectorConstant(new Uint8Array(new Int32Array(4).fill(value).buffer));
  }

  /** Four equal floats, see `vectorConstant`. */
  splatConstantF32(value: number): Expr<'v128'> {
    return this.vectorConstant(new Uint8Array(new Float32Array(4).fill(value).buffer));
  }

  /** Sixteen equal bytes, see `vectorConstant`. */
  splatConstantI8(value: number): Expr<'v128'> {
    return this.vectorConstant(new Array<number>(16).fill(value));
  }

  /** The module's bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const out = new ByteSink().raw([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, count: number, write: (sink: ByteSink) => void): void => {
      if (count === 0) return;
      const content = new ByteSink().u32(count);
      write(content);
      out.u8(id).block(content.bytes);
    };
    const importCount = this.functionImports.length + (this.memoryImport ? 1 : 0);
    section(1, this.types.length, (s) => this.typeBytes.forEach((bytes) => s.raw(bytes)));
    section(2, importCount, (s) => this.writeImports(s));
    section(3, this.functions.length, (s) => this.functions.forEach(({ type }) => s.u32(type)));
    section(6, this.globals.length, (s) => this.writeGlobals(s));
    section(7, this.exports.length, (s) =>
      this.exports.forEach(({ name, kind, index }) => s.text(name).u8(kind).u32(index)),
    );
    section(10, this.functions.length, (s) => this.functions.forEach(({ body }) => s.block(body)));
    out.u8(0).block(this.nameSection());
    return new Uint8Array(out.bytes);
  }

  /** The custom section from which profilers and stack traces know the functions' names. */
  private nameSection(): number[] {
    const names = new ByteSink().u32(this.functions.length);
    this.functions.forEach(({ name }, i) => names.u32(this.functionImports.length + i).text(name));
    return new ByteSink().text('name').u8(1).block(names.bytes).bytes;
  }

  private global<T extends ValueType>(initial: Expr<T>): Expr<T> {
    const index = this.globals.push({ type: initial.type, initial }) - 1;
    return { type: initial.type, write: (sink) => void sink.u8(0x23).u32(index) };
  }

  private writeImports(sink: ByteSink): void {
    for (const { module, name, type } of this.functionImports) sink.text(module).text(name).u8(0).u32(type);
    if (!this.memoryImport) return;
    const { module, name, limits } = this.memoryImport;
    sink
      .text(module)
      .text(name)
      .u8(2)
      .u8(limits.shared ? 3 : 1)
      .u32(limits.initialPages)
      .u32(limits.maximumPages);
  }

  private writeGlobals(sink: ByteSink): void {
    for (const { type, initial } of this.globals) {
      sink.u8(VALUE_TYPE_CODES[type]).u8(1);
      initial.write(sink);
      sink.u8(0x0b);
    }
  }

  private typeIndex({ params, result }: Signature): number {
    const key = `${params.join()}:${result ?? ''}`;
    const known = this.types.indexOf(key);
    if (known >= 0) return known;
    const bytes = new ByteSink().u8(0x60).block(params.map((type) => VALUE_TYPE_CODES[type]));
    bytes.block(result === undefined ? [] : [VALUE_TYPE_CODES[result]]);
    this.typeBytes.push(bytes.bytes);
    return this.types.push(key) - 1;
  }
}
