import {
  binary,
  extractLane,
  lift,
  load,
  replaceLane,
  store,
  ternary,
  unary,
  withImmediates,
  writeMemoryArgument,
  type Expr,
  type Operand,
  type Statement,
  type ValueType,
} from './expression.js';

type Vector = Expr<'v128'>;
const two = (code: number) => binary('v128', 'v128', 'v128', [0xfd, code]);
const one = (code: number) => unary('v128', 'v128', [0xfd, code]);
const three = (code: number) => ternary('v128', 'v128', 'v128', 'v128', [0xfd, code]);
const shift = (code: number) => binary('v128', 'v128', 'i32', [0xfd, code]);
const splat = <T extends ValueType>(type: T, code: number) => unary('v128', type, [0xfd, code]);
const test = (code: number) => unary('i32', 'v128', [0xfd, code]);
const loadVector = (code: number) => load('v128', [0xfd, code]);

/** Loads of one lane into a vector, the other lanes kept. */
const loadLane =
  (code: number) =>
  (address: Operand<'i32'>, vector: Vector, lane: number, offset = 0): Vector => ({
    type: 'v128',
    write(sink) {
      lift('i32', address).write(sink);
      vector.write(sink);
      writeMemoryArgument(sink.u8(0xfd).u32(code), 0, offset);
      sink.u8(lane);
    },
  });

/** Stores of one lane. */
const storeLane =
  (code: number) =>
  (address: Operand<'i32'>, vector: Vector, lane: number, offset = 0): Statement => ({
    type: 'statement',
    write(sink) {
      lift('i32', address).write(sink);
      vector.write(sink);
      writeMemoryArgument(sink.u8(0xfd).u32(code), 0, offset);
      sink.u8(lane);
    },
  });

/** Whole vectors of 16 bytes. `const` is built anew by newer V8 at each use: in loops, keep a `ModuleBuilder.vectorConstant` in a local instead. */
export const v128 = {
  const: (bytes: ArrayLike<number>): Vector => withImmediates([0xfd, 12], [], Array.from(bytes)),
  load: loadVector(0),
  load8x8S: loadVector(1),
  load8x8U: loadVector(2),
  load16x4S: loadVector(3),
  load16x4U: loadVector(4),
  load32x2S: loadVector(5),
  load32x2U: loadVector(6),
  load8Splat: loadVector(7),
  load16Splat: loadVector(8),
  load32Splat: loadVector(9),
  load64Splat: loadVector(10),
  load32Zero: loadVector(92),
  load64Zero: loadVector(93),
  store: store('v128', [0xfd, 11]),
  load8Lane: loadLane(84),
  load16Lane: loadLane(85),
  load32Lane: loadLane(86),
  load64Lane: loadLane(87),
  store8Lane: storeLane(88),
  store16Lane: storeLane(89),
  store32Lane: storeLane(90),
  store64Lane: storeLane(91),
  not: one(77),
  and: two(78),
  andnot: two(79),
  or: two(80),
  xor: two(81),
  bitselect: three(82),
  anyTrue: test(83),
};

/** 16 lanes of 8 bits. */
export const i8x16 = {
  splat: splat('i32', 15),
  /** Bytes picked from two vectors by 16 constant numbers 0..31. */
  shuffle: (a: Vector, b: Vector, lanes: readonly number[]): Vector => withImmediates([0xfd, 13], [a, b], lanes),
  swizzle: two(14),
  /** Swizzle whose result is only defined for indices 0..15 and for those with the top bit set (0): one instruction everywhere. */
  relaxedSwizzle: two(0x100),
  extractLaneS: extractLane('i32', [0xfd, 21]),
  extractLaneU: extractLane('i32', [0xfd, 22]),
  replaceLane: replaceLane('i32', [0xfd, 23]),
  eq: two(35),
  ne: two(36),
  ltS: two(37),
  ltU: two(38),
  gtS: two(39),
  gtU: two(40),
  leS: two(41),
  leU: two(42),
  geS: two(43),
  geU: two(44),
  abs: one(96),
  neg: one(97),
  popcnt: one(98),
  allTrue: test(99),
  bitmask: test(100),
  narrowI16x8S: two(101),
  narrowI16x8U: two(102),
  shl: shift(107),
  shrS: shift(108),
  shrU: shift(109),
  add: two(110),
  addSatS: two(111),
  addSatU: two(112),
  sub: two(113),
  subSatS: two(114),
  subSatU: two(115),
  minS: two(118),
  minU: two(119),
  maxS: two(120),
  maxU: two(121),
  avgrU: two(123),
};

/** 8 lanes of 16 bits. */
export const i16x8 = {
  splat: splat('i32', 16),
  extractLaneS: extractLane('i32', [0xfd, 24]),
  extractLaneU: extractLane('i32', [0xfd, 25]),
  replaceLane: replaceLane('i32', [0xfd, 26]),
  eq: two(45),
  ne: two(46),
  ltS: two(47),
  ltU: two(48),
  gtS: two(49),
  gtU: two(50),
  leS: two(51),
  leU: two(52),
  geS: two(53),
  geU: two(54),
  extaddPairwiseI8x16S: one(124),
  extaddPairwiseI8x16U: one(125),
  abs: one(128),
  neg: one(129),
  q15mulrSatS: two(130),
  allTrue: test(131),
  bitmask: test(132),
  narrowI32x4S: two(133),
  narrowI32x4U: two(134),
  extendLowI8x16S: one(135),
  extendHighI8x16S: one(136),
  extendLowI8x16U: one(137),
  extendHighI8x16U: one(138),
  shl: shift(139),
  shrS: shift(140),
  shrU: shift(141),
  add: two(142),
  addSatS: two(143),
  addSatU: two(144),
  sub: two(145),
  subSatS: two(146),
  subSatU: two(147),
  mul: two(149),
  minS: two(150),
  minU: two(151),
  maxS: two(152),
  maxU: two(153),
  extmulLowI8x16S: two(156),
  extmulHighI8x16S: two(157),
  extmulLowI8x16U: two(158),
  extmulHighI8x16U: two(159),
  /** Pairs of products, the second operand exact for 0..127 only; what it gives above that depends on the machine. */
  relaxedDotI8x16I7x16S: two(0x112),
};

/** 4 lanes of 32 bits. */
export const i32x4 = {
  splat: splat('i32', 17),
  extractLane: extractLane('i32', [0xfd, 27]),
  replaceLane: replaceLane('i32', [0xfd, 28]),
  eq: two(55),
  ne: two(56),
  ltS: two(57),
  ltU: two(58),
  gtS: two(59),
  gtU: two(60),
  leS: two(61),
  leU: two(62),
  geS: two(63),
  geU: two(64),
  extaddPairwiseI16x8S: one(126),
  extaddPairwiseI16x8U: one(127),
  abs: one(160),
  neg: one(161),
  allTrue: test(163),
  bitmask: test(164),
  extendLowI16x8S: one(167),
  extendHighI16x8S: one(168),
  extendLowI16x8U: one(169),
  extendHighI16x8U: one(170),
  shl: shift(171),
  shrS: shift(172),
  shrU: shift(173),
  add: two(174),
  sub: two(177),
  mul: two(181),
  minS: two(182),
  minU: two(183),
  maxS: two(184),
  maxU: two(185),
  /** Products of 8 pairs of 16-bit lanes, neighbours added. */
  dotI16x8S: two(186),
  extmulLowI16x8S: two(188),
  extmulHighI16x8S: two(189),
  extmulLowI16x8U: two(190),
  extmulHighI16x8U: two(191),
  truncSatF32x4S: one(248),
  truncSatF32x4U: one(249),
  truncSatF64x2SZero: one(252),
  relaxedTruncF32x4S: one(0x101),
  /** sum + products of 4 neighbouring bytes: (signed, 0..127 for sure, sum). */
  relaxedDotI8x16I7x16AddS: three(0x113),
};

/** 2 lanes of 64 bits. */
export const i64x2 = {
  splat: splat('i64', 18),
  extractLane: extractLane('i64', [0xfd, 29]),
  replaceLane: replaceLane('i64', [0xfd, 30]),
  shl: shift(203),
  shrS: shift(204),
  shrU: shift(205),
  add: two(206),
  sub: two(209),
  mul: two(213),
};

/** 4 lanes of 32-bit floats. */
export const f32x4 = {
  splat: splat('f32', 19),
  extractLane: extractLane('f32', [0xfd, 31]),
  replaceLane: replaceLane('f32', [0xfd, 32]),
  eq: two(65),
  ne: two(66),
  lt: two(67),
  gt: two(68),
  le: two(69),
  ge: two(70),
  ceil: one(103),
  floor: one(104),
  trunc: one(105),
  nearest: one(106),
  abs: one(224),
  neg: one(225),
  sqrt: one(227),
  add: two(228),
  sub: two(229),
  mul: two(230),
  div: two(231),
  min: two(232),
  max: two(233),
  pmin: two(234),
  pmax: two(235),
  convertI32x4S: one(250),
  convertI32x4U: one(251),
  demoteF64x2Zero: one(94),
  /** a * b + c with one rounding or with two, as the machine likes. */
  relaxedMadd: three(0x105),
  relaxedNmadd: three(0x106),
  relaxedMin: two(0x10d),
  relaxedMax: two(0x10e),
};

/** 2 lanes of 64-bit floats. */
export const f64x2 = {
  splat: splat('f64', 20),
  extractLane: extractLane('f64', [0xfd, 33]),
  replaceLane: replaceLane('f64', [0xfd, 34]),
  add: two(240),
  sub: two(241),
  mul: two(242),
  div: two(243),
  min: two(244),
  max: two(245),
  sqrt: one(239),
  neg: one(237),
  convertLowI32x4S: one(254),
  promoteLowF32x4: one(95),
};
