import type { Expr, Statement } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, v128 } from '../wasm/simd-ops.js';
import type { KernelEmitter } from './kernel-definition.js';

type Emitter = Pick<KernelEmitter, 'f' | 'begin' | 'end'>;

/**
 * Loops over the units [begin, end) of (token, group): `body` gets the number of the token and of the group, for example the head.
 */
export function forGroups(
  { f, begin, end }: Emitter,
  groups: Local<'i32'>,
  body: (token: Local<'i32'>, group: Local<'i32'>) => void,
): void {
  const unit = f.local('i32');
  const token = f.local('i32', i32.divU(begin, groups));
  const group = f.local('i32', i32.sub(begin, i32.mul(token, groups)));
  f.for(unit, begin, end, 1, () => {
    body(token, group);
    f.advance(group, 1);
    f.if(i32.eq(group, groups), () => {
      f.set(group, 0);
      f.advance(token, 1);
    });
  });
}

/** base + index * stride. */
export function rowAddress(base: Local<'i32'>, index: Local<'i32'>, stride: Local<'i32'>): Expr<'i32'> {
  return i32.add(base, i32.mul(index, stride));
}

/** Loops over a row of `bytes` (a multiple of 16), 16 at a time; `body` gets the offset. */
export function forVectors(
  { f }: Pick<KernelEmitter, 'f'>,
  bytes: Expr<'i32'>,
  body: (offset: Local<'i32'>) => void,
): void {
  const offset = f.local('i32');
  const limit = f.local('i32', bytes);
  f.for(offset, 0, limit, 16, () => body(offset));
}

/** How a part of a row is read and written: whole vectors, or single floats in lane 0. */
export interface ElementAccess {
  load(address: Expr<'i32'>): Expr<'v128'>;
  store(address: Expr<'i32'>, value: Expr<'v128'>): Statement;
}

const wholeVectors: ElementAccess = {
  load: (address) => v128.load(address),
  store: (address, value) => v128.store(address, value),
};
const singleFloats: ElementAccess = {
  load: (address) => v128.load32Zero(address),
  store: (address, value) => v128.store32Lane(address, value, 0),
};

/** Loops over a row of `bytes` (a multiple of 4): vectors first, then what is left float by float. `body` gets the offset and how to access it. */
export function forElements(
  { f }: Pick<KernelEmitter, 'f'>,
  bytes: Local<'i32'>,
  body: (offset: Local<'i32'>, access: ElementAccess) => void,
): void {
  const offset = f.local('i32');
  const whole = f.local('i32', i32.and(bytes, -16));
  f.for(offset, 0, whole, 16, () => body(offset, wholeVectors));
  f.for(offset, whole, bytes, 4, () => body(offset, singleFloats));
}

/** The sum of the four lanes: (0 + 2) + (1 + 3). */
export function laneSum(vector: Expr<'v128'>): Expr<'f32'> {
  return f32.add(
    f32.add(f32x4.extractLane(vector, 0), f32x4.extractLane(vector, 2)),
    f32.add(f32x4.extractLane(vector, 1), f32x4.extractLane(vector, 3)),
  );
}

/**
 * Sums a value over a row of `bytes` (a multiple of 16) into lanes, with four running sums: vector i goes to sum i % 4 while whole
 * groups of four are left, the rest to sum 0. `term` adds its vector at an address and constant offset to a sum.
 */
export function sumRow(
  { f }: Pick<KernelEmitter, 'f'>,
  row: Local<'i32'>,
  bytes: Local<'i32'>,
  term: (address: Local<'i32'>, offset: number, sum: Local<'v128'>) => Expr<'v128'>,
): Expr<'f32'> {
  const sums = f.locals('v128', 4);
  for (const sum of sums) f.set(sum, f32x4.splat(0));
  const address = f.local('i32', row);
  const wholeEnd = f.local('i32', i32.add(row, i32.and(bytes, -64)));
  const end = f.local('i32', i32.add(row, bytes));
  f.while(i32.ltU(address, wholeEnd), () => {
    sums.forEach((sum, i) => f.set(sum, term(address, 16 * i, sum)));
    f.advance(address, 64);
  });
  f.while(i32.ltU(address, end), () => {
    f.set(sums[0], term(address, 0, sums[0]));
    f.advance(address, 16);
  });
  f.set(sums[0], f32x4.add(f32x4.add(sums[0], sums[2]), f32x4.add(sums[1], sums[3])));
  return laneSum(sums[0]);
}

/** Loads the vector at address + offset. */
export const vectorAt = (address: Local<'i32'>, offset: Local<'i32'>): Expr<'v128'> =>
  v128.load(i32.add(address, offset));
