import {
  atomicUpdate,
  binary,
  constant,
  load,
  store,
  ternary,
  unary,
  type Expr,
  type Operand,
  type ValueType,
  lift,
  type Statement,
} from './expression.js';

type Two<T extends ValueType, R extends ValueType = T> = (x: Operand<T>, y: Operand<T>) => Expr<R>;
const on =
  <T extends ValueType>(type: T) =>
  (opcode: number): Two<T> =>
    binary(type, type, type, opcode);
const compare =
  <T extends ValueType>(type: T) =>
  (opcode: number): Two<T, 'i32'> =>
    binary('i32', type, type, opcode);

const i = on('i32');
const ic = compare('i32');
/** 32-bit integers, and addresses. Names are those of the WebAssembly specification in camel case. */
export const i32 = {
  const: (value: number) => constant('i32', value),
  add: i(0x6a),
  sub: i(0x6b),
  mul: i(0x6c),
  divS: i(0x6d),
  divU: i(0x6e),
  remS: i(0x6f),
  remU: i(0x70),
  and: i(0x71),
  or: i(0x72),
  xor: i(0x73),
  shl: i(0x74),
  shrS: i(0x75),
  shrU: i(0x76),
  rotl: i(0x77),
  clz: unary('i32', 'i32', 0x67),
  ctz: unary('i32', 'i32', 0x68),
  popcnt: unary('i32', 'i32', 0x69),
  eqz: unary('i32', 'i32', 0x45),
  eq: ic(0x46),
  ne: ic(0x47),
  ltS: ic(0x48),
  ltU: ic(0x49),
  gtS: ic(0x4a),
  gtU: ic(0x4b),
  leS: ic(0x4c),
  leU: ic(0x4d),
  geS: ic(0x4e),
  geU: ic(0x4f),
  wrapI64: unary('i32', 'i64', 0xa7),
  reinterpretF32: unary('i32', 'f32', 0xbc),
  truncSatF32S: unary('i32', 'f32', [0xfc, 0]),
  load: load('i32', 0x28),
  load8S: load('i32', 0x2c),
  load8U: load('i32', 0x2d),
  load16S: load('i32', 0x2e),
  load16U: load('i32', 0x2f),
  store: store('i32', 0x36),
  store8: store('i32', 0x3a),
  store16: store('i32', 0x3b),
  select: select('i32'),
  atomicLoad: load('i32', [0xfe, 0x10], 2),
  atomicStore: store('i32', [0xfe, 0x17], 2),
  atomicAdd: atomicUpdate('i32', [0xfe, 0x1e], 2),
  atomicSub: atomicUpdate('i32', [0xfe, 0x25], 2),
  atomicOr: atomicUpdate('i32', [0xfe, 0x33], 2),
  atomicExchange: atomicUpdate('i32', [0xfe, 0x41], 2),
  /** Sets the word to `replacement` if it holds `expected`; gives the value before. */
  atomicCompareExchange: (
    address: Operand<'i32'>,
    expected: Operand<'i32'>,
    replacement: Operand<'i32'>,
  ): Expr<'i32'> => atomicThree(0x48, address, expected, lift('i32', replacement)),
  /** Sleeps while the word holds `expected`, at most `nanoseconds` (-1n: for ever): 0 woken, 1 not equal, 2 timed out. Traps on a browser's main thread. */
  atomicWait: (address: Operand<'i32'>, expected: Operand<'i32'>, nanoseconds: Operand<'i64'>): Expr<'i32'> =>
    atomicThree(0x01, address, expected, lift('i64', nanoseconds)),
  /** Wakes at most `count` sleepers (-1: all); gives their number. */
  atomicNotify: atomicUpdate('i32', [0xfe, 0x00], 2),
};

function atomicThree(
  code: number,
  address: Operand<'i32'>,
  expected: Operand<'i32'>,
  third: Expr<ValueType>,
): Expr<'i32'> {
  return {
    type: 'i32',
    write(sink) {
      lift('i32', address).write(sink);
      lift('i32', expected).write(sink);
      third.write(sink);
      sink.u8(0xfe).u32(code).u32(2).u32(0);
    },
  };
}

function select<T extends ValueType>(type: T) {
  const pick = ternary(type, type, type, 'i32', 0x1b);
  return (condition: Operand<'i32'>, whenTrue: Operand<T>, whenFalse: Operand<T>): Expr<T> =>
    pick(whenTrue, whenFalse, condition);
}

const l = on('i64');
const lc = compare('i64');
/** 64-bit integers; plain operands are bigints. */
export const i64 = {
  const: (value: bigint) => constant('i64', value),
  add: l(0x7c),
  sub: l(0x7d),
  mul: l(0x7e),
  remU: l(0x82),
  and: l(0x83),
  or: l(0x84),
  xor: l(0x85),
  shl: l(0x86),
  shrS: l(0x87),
  shrU: l(0x88),
  rotl: l(0x89),
  eqz: unary('i32', 'i64', 0x50),
  eq: lc(0x51),
  ne: lc(0x52),
  ltS: lc(0x53),
  ltU: lc(0x54),
  gtS: lc(0x55),
  gtU: lc(0x56),
  extendI32S: unary('i64', 'i32', 0xac),
  extendI32U: unary('i64', 'i32', 0xad),
  load: load('i64', 0x29),
  store: store('i64', 0x37),
  select: select('i64'),
  atomicLoad: load('i64', [0xfe, 0x11], 3),
  atomicStore: store('i64', [0xfe, 0x18], 3),
  atomicAdd: atomicUpdate('i64', [0xfe, 0x1f], 3),
};

const f = on('f32');
const fc = compare('f32');
/** 32-bit floats. */
export const f32 = {
  const: (value: number) => constant('f32', value),
  add: f(0x92),
  sub: f(0x93),
  mul: f(0x94),
  div: f(0x95),
  min: f(0x96),
  max: f(0x97),
  copysign: f(0x98),
  abs: unary('f32', 'f32', 0x8b),
  neg: unary('f32', 'f32', 0x8c),
  ceil: unary('f32', 'f32', 0x8d),
  floor: unary('f32', 'f32', 0x8e),
  trunc: unary('f32', 'f32', 0x8f),
  nearest: unary('f32', 'f32', 0x90),
  sqrt: unary('f32', 'f32', 0x91),
  eq: fc(0x5b),
  ne: fc(0x5c),
  lt: fc(0x5d),
  gt: fc(0x5e),
  le: fc(0x5f),
  ge: fc(0x60),
  convertI32S: unary('f32', 'i32', 0xb2),
  convertI32U: unary('f32', 'i32', 0xb3),
  demoteF64: unary('f32', 'f64', 0xb6),
  reinterpretI32: unary('f32', 'i32', 0xbe),
  load: load('f32', 0x2a),
  store: store('f32', 0x38),
  select: select('f32'),
};

const d = on('f64');
const dc = compare('f64');
/** 64-bit floats. */
export const f64 = {
  const: (value: number) => constant('f64', value),
  add: d(0xa0),
  sub: d(0xa1),
  mul: d(0xa2),
  div: d(0xa3),
  min: d(0xa4),
  max: d(0xa5),
  abs: unary('f64', 'f64', 0x99),
  neg: unary('f64', 'f64', 0x9a),
  sqrt: unary('f64', 'f64', 0x9f),
  floor: unary('f64', 'f64', 0x9c),
  nearest: unary('f64', 'f64', 0x9e),
  lt: dc(0x63),
  gt: dc(0x64),
  le: dc(0x65),
  ge: dc(0x66),
  convertI32S: unary('f64', 'i32', 0xb7),
  promoteF32: unary('f64', 'f32', 0xbb),
  load: load('f64', 0x2b),
  store: store('f64', 0x39),
  select: select('f64'),
};

/** Orders memory accesses of this thread before and after it. */
export const atomicFence: Statement = {
  type: 'statement',
  write: (sink) => void sink.u8(0xfe).u32(0x03).u8(0),
};

/** Copies `length` bytes; the ranges may overlap. */
export function memoryCopy(to: Operand<'i32'>, from: Operand<'i32'>, length: Operand<'i32'>): Statement {
  return {
    type: 'statement',
    write(sink) {
      for (const operand of [to, from, length]) lift('i32', operand).write(sink);
      sink.u8(0xfc).u32(10).u8(0).u8(0);
    },
  };
}

/** Sets `length` bytes to `value`. */
export function memoryFill(to: Operand<'i32'>, value: Operand<'i32'>, length: Operand<'i32'>): Statement {
  return {
    type: 'statement',
    write(sink) {
      for (const operand of [to, value, length]) lift('i32', operand).write(sink);
      sink.u8(0xfc).u32(11).u8(0);
    },
  };
}
