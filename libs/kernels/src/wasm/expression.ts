import type { ByteSink } from './byte-sink.js';

/** The WebAssembly types this builder knows. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** Type codes of the binary format. */
export const VALUE_TYPE_CODES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/**
 * A piece of code that leaves one value of type `T`. It is a recipe, not a value: every place it is used in computes it anew,
 * so keep in a local what is needed twice.
 */
export interface Expr<T extends ValueType> {
  readonly type: T;
  write(sink: ByteSink): void;
}

/** What an operand may be: an expression, or a plain number (bigint for i64) that becomes a constant. */
export type Operand<T extends ValueType> = Expr<T> | (T extends 'i64' ? bigint : T extends 'v128' ? never : number);

const CONST_CODES = { i32: 0x41, i64: 0x42, f32: 0x43, f64: 0x44 } as const;

/** A constant. i32 and i64 may be given signed or unsigned. */
export function constant<T extends 'i32' | 'i64' | 'f32' | 'f64'>(type: T, value: number | bigint): Expr<T> {
  return {
    type,
    write(sink) {
      sink.u8(CONST_CODES[type]);
      if (type === 'f32') sink.f32(Number(value));
      else if (type === 'f64') sink.f64(Number(value));
      else sink.signed(BigInt(value), type === 'i32' ? 32 : 64);
    },
  };
}

/** Turns an operand into an expression of the given type. */
export function lift<T extends ValueType>(type: T, operand: Operand<T>): Expr<T> {
  if (typeof operand === 'object') return operand as Expr<T>;
  return constant(type as 'i32', operand as number) as Expr<ValueType> as Expr<T>;
}

/** An instruction's code: one byte, or a prefix byte (0xfc, 0xfd SIMD, 0xfe atomics) and a number. */
export type Opcode = number | readonly [prefix: number, code: number];

/** Writes an instruction's code. */
function writeOpcode(sink: ByteSink, opcode: Opcode): void {
  if (typeof opcode === 'number') sink.u8(opcode);
  else sink.u8(opcode[0]).u32(opcode[1]);
}

function compute<R extends ValueType>(
  type: R,
  opcode: Opcode,
  operands: readonly Expr<ValueType>[],
  immediates: readonly number[] = [],
): Expr<R> {
  return {
    type,
    write(sink) {
      for (const operand of operands) operand.write(sink);
      writeOpcode(sink, opcode);
      sink.raw(immediates);
    },
  };
}

/** An instruction of one operand: `unary('f32', 'f32', 0x91)` is f32.sqrt. */
export function unary<A extends ValueType, R extends ValueType>(result: R, a: A, opcode: Opcode) {
  return (x: Operand<A>): Expr<R> => compute(result, opcode, [lift(a, x)]);
}

/** An instruction of two operands. */
export function binary<A extends ValueType, B extends ValueType, R extends ValueType>(
  result: R,
  a: A,
  b: B,
  opcode: Opcode,
) {
  return (x: Operand<A>, y: Operand<B>): Expr<R> => compute(result, opcode, [lift(a, x), lift(b, y)]);
}

/** An instruction of three operands. */
export function ternary<A extends ValueType, B extends ValueType, C extends ValueType, R extends ValueType>(
  result: R,
  a: A,
  b: B,
  c: C,
  opcode: Opcode,
) {
  return (x: Operand<A>, y: Operand<B>, z: Operand<C>): Expr<R> =>
    compute(result, opcode, [lift(a, x), lift(b, y), lift(c, z)]);
}

/** An instruction on a vector and a lane number: extract_lane. */
export function extractLane<R extends ValueType>(result: R, opcode: Opcode) {
  return (vector: Expr<'v128'>, lane: number): Expr<R> => compute(result, opcode, [vector], [lane]);
}

/** replace_lane: the vector with one lane changed. */
export function replaceLane<A extends ValueType>(a: A, opcode: Opcode) {
  return (vector: Expr<'v128'>, lane: number, value: Operand<A>): Expr<'v128'> =>
    compute('v128', opcode, [vector, lift(a, value)], [lane]);
}

/** i8x16.shuffle and v128.const carry 16 immediate bytes. */
export function withImmediates(
  opcode: Opcode,
  operands: readonly Expr<'v128'>[],
  bytes: readonly number[],
): Expr<'v128'> {
  return compute('v128', opcode, operands, bytes);
}

/** Writes a memory argument: the natural alignment is only promised where `align` says so; V8 treats all alike, atomics need theirs. */
export function writeMemoryArgument(sink: ByteSink, alignLog2: number, offset: number): void {
  sink.u32(alignLog2).u32(offset);
}

/** A load: `load('f32', 0x2a)(address, offset)`. The offset is a constant and costs nothing; it must not be negative. */
export function load<R extends ValueType>(result: R, opcode: Opcode, alignLog2 = 0) {
  return (address: Operand<'i32'>, offset = 0): Expr<R> => ({
    type: result,
    write(sink) {
      lift('i32', address).write(sink);
      writeOpcode(sink, opcode);
      writeMemoryArgument(sink, alignLog2, offset);
    },
  });
}

/** An atomic read-modify-write: gives the value before it. */
export function atomicUpdate<T extends ValueType>(type: T, opcode: Opcode, alignLog2: number) {
  return (address: Operand<'i32'>, value: Operand<T>, offset = 0): Expr<T> => ({
    type,
    write(sink) {
      lift('i32', address).write(sink);
      lift(type, value).write(sink);
      writeOpcode(sink, opcode);
      writeMemoryArgument(sink, alignLog2, offset);
    },
  });
}

/** A piece of code that leaves nothing. It does nothing until a FunctionBuilder's `do` emits it. */
export interface Statement {
  readonly type: 'statement';
  write(sink: ByteSink): void;
}

/** A store: `store('f32', 0x38)(address, value, offset)`. */
export function store<T extends ValueType>(type: T, opcode: Opcode, alignLog2 = 0) {
  return (address: Operand<'i32'>, value: Operand<T>, offset = 0): Statement => ({
    type: 'statement',
    write(sink) {
      lift('i32', address).write(sink);
      lift(type, value).write(sink);
      writeOpcode(sink, opcode);
      writeMemoryArgument(sink, alignLog2, offset);
    },
  });
}
