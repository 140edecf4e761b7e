import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, i32x4, i8x16, v128 } from '../wasm/simd-ops.js';
import type { AttentionEmitter, AttentionShape } from './attention-shape.js';
import type { KernelEmitter } from './kernel-definition.js';
import type { KvShape } from './kv-layout.js';
import { laneSum } from './rows.js';
import { emitExpNegative, emitTanh } from './vector-math.js';

/*
 * The running state of one query and head, in a worker's scratch:
 *
 * | bytes | content |
 * |---|---|
 * | 0..15 | largest score so far, in four lanes |
 * | 16..31 | sum of the weights so far, relative to that score, in four lanes |
 * | 32.. | sum of the weighted values, valueLength floats |
 */
const largestAt = 0;
const weightAt = 16;
const sumsAt = 32;

/** Vectors kept in registers at a time. */
const registerVectors = 8;

/** Keys that are taken in at a time: their scores stay in registers. */
export const blockKeys = ({ pageTokens }: KvShape): number => Math.min(4 * registerVectors, pageTokens);

export function queryStateBytes({ valueLength }: KvShape): number {
  return sumsAt + 4 * valueLength;
}

/** Begins a query: nothing seen, or the head's sink alone, which has weight 1 and no value. */
export function emitStart({ f }: AttentionEmitter, shape: AttentionShape, state: Local<'i32'>, sink: Expr<'i32'>): void {
  f.do(v128.store(state, shape.sinks ? v128.load32Splat(sink) : f32x4.splat(-Infinity), largestAt));
  f.do(v128.store(state, f32x4.replaceLane(f32x4.splat(0), 0, shape.sinks ? 1 : 0), weightAt));
  const offset = f.local('i32');
  f.for(offset, 0, 4 * shape.kv.valueLength, 16, () => f.do(v128.store(i32.add(state, offset), f32x4.splat(0), sumsAt)));
}

/** Ends a query: output = sum of weighted values / sum of weights. */
export function emitFinish({ f }: AttentionEmitter, shape: AttentionShape, state: Local<'i32'>, output: Expr<'i32'>): void {
  const to = f.local('i32', output);
  const total = f.local('v128', v128.load(state, weightAt));
  const inverse = f.local('v128', f32x4.splat(f32.div(1, laneSum(total))));
  const offset = f.local('i32');
  f.for(offset, 0, 4 * shape.kv.valueLength, 16, () => f.do(v128.store(i32.add(to, offset), f32x4.mul(v128.load(i32.add(state, offset), sumsAt), inverse))));
}

/** A run of neighbouring keys of a page, and who looks at them. */
export interface QueryOverBlock {
  readonly query: Local<'i32'>;
  readonly state: Local<'i32'>;
  /** Scratch for a float for each key. */
  readonly weights: Local<'i32'>;
  /** The block's keys that the query sees, [low, high), not empty. */
  readonly low: Local<'i32'>;
  readonly high: Local<'i32'>;
  /** Position of the query less that of the block's first key. */
  readonly distance: Expr<'i32'>;
  /** Address of the head's slope. */
  readonly slope: Expr<'i32'>;
  /** Addresses of the block's first key and value in the page. */
  readonly keys: Expr<'i32'>;
  readonly values: Expr<'i32'>;
}

/** Takes one block of keys into a query's state. */
export function emitQueryOverBlock(k: AttentionEmitter, shape: AttentionShape, places: QueryOverBlock): void {
  const { valueLength } = shape.kv;
  const scores = emitProducts(k, shape.kv, places);
  emitScores(k, shape, places, scores);
  const correction = emitWeights(k, places, scores);
  for (let first = 0; first < valueLength; first += 4 * registerVectors) {
    emitWeightedValues(k, shape.kv, places, correction, first, Math.min(registerVectors, Math.ceil((valueLength - first) / 4)));
  }
}

/** query . key for all keys of the block: lanes are keys, each summed in order of the query's elements. */
function emitProducts(k: AttentionEmitter, kv: KvShape, places: QueryOverBlock): Local<'v128'>[] {
  const { f, madd } = k;
  const sums = f.locals('v128', blockKeys(kv) / 4);
  const element = f.local('v128');
  const from = f.local('i32', places.query);
  const end = f.local('i32', i32.add(places.query, 4 * kv.keyLength));
  const key = f.local('i32', places.keys);
  for (const sum of sums) f.set(sum, f32x4.splat(0));
  f.loop((again) => {
    for (let unrolled = 0; unrolled < 4; unrolled++) {
      f.set(element, v128.load32Splat(from, 4 * unrolled));
      sums.forEach((sum, i) => f.set(sum, madd(element, v128.load(key, 4 * kv.pageTokens * unrolled + 16 * i), sum)));
    }
    f.advance(from, 16);
    f.advance(key, 16 * kv.pageTokens);
    f.branchIf(again, i32.ltU(from, end));
  });
  return sums;
}

/** Turns products into scores: scaled, bounded, lowered with the distance; -Infinity where the query does not see the key. */
function emitScores(k: AttentionEmitter, shape: AttentionShape, places: QueryOverBlock, scores: readonly Local<'v128'>[]): void {
  const { f, at, module } = k;
  const scale = f.local('v128', f32x4.splat(at.scale));
  for (const score of scores) f.set(score, f32x4.mul(score, scale));
  if (shape.softcap) {
    const cap = f.local('v128', f32x4.splat(at.softcap));
    for (const score of scores) f.set(score, f32x4.mul(emitTanh(k as unknown as KernelEmitter, f32x4.div(score, cap)), cap));
  }
  const index = f.local('v128');
  const forKeys = (body: (score: Local<'v128'>) => void): void => {
    f.set(index, module.vectorConstant(new Uint8Array(new Int32Array([0, 1, 2, 3]).buffer)));
    for (const score of scores) {
      body(score);
      f.set(index, i32x4.add(index, k.int(4)));
    }
  };
  if (shape.alibi) {
    const slope = f.local('v128', v128.load32Splat(places.slope));
    const distance = f.local('v128', i32x4.splat(places.distance));
    forKeys((score) => f.set(score, f32x4.sub(score, f32x4.mul(slope, f32x4.convertI32x4S(i32x4.abs(i32x4.sub(distance, index)))))));
  }
  f.if(i32.ne(i32.sub(places.high, places.low), blockKeys(shape.kv)), () => {
    const low = f.local('v128', i32x4.splat(places.low));
    const high = f.local('v128', i32x4.splat(places.high));
    forKeys((score) => f.set(score, v128.bitselect(score, k.float(-Infinity), v128.and(i32x4.geS(index, low), i32x4.ltS(index, high)))));
  });
}

/** Turns scores into weights relative to the largest score so far, in scratch, and gives the factor for what was summed before. */
function emitWeights(k: AttentionEmitter, { state, weights }: QueryOverBlock, scores: readonly Local<'v128'>[]): Local<'v128'> {
  const { f } = k;
  const emitter = k as unknown as KernelEmitter;
  const before = f.local('v128', v128.load(state, largestAt));
  const top = f.local('v128', scores[0]);
  for (const score of scores.slice(1)) f.set(top, f32x4.pmax(top, score));
  f.set(top, f32x4.pmax(top, i8x16.shuffle(top, top, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7])));
  f.set(top, f32x4.pmax(top, i8x16.shuffle(top, top, [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11])));
  f.set(top, f32x4.pmax(before, top));
  f.do(v128.store(state, top, largestAt));
  const factor = emitExpNegative(emitter, f32x4.sub(before, top));
  const total = f.local('v128', f32x4.mul(v128.load(state, weightAt), factor));
  scores.forEach((score, i) => {
    const weight = emitExpNegative(emitter, f32x4.sub(score, top));
    f.set(total, f32x4.add(total, weight));
    f.do(v128.store(weights, weight, 16 * i));
  });
  f.do(v128.store(state, total, weightAt));
  return factor;
}

/** sums[first + ...] = sums * correction + weights . values for 4 * `vectors` elements of the values, in order of the keys. */
function emitWeightedValues(k: AttentionEmitter, kv: KvShape, { weights, values, low, high, state }: QueryOverBlock, correction: Local<'v128'>, first: number, vectors: number): void {
  const { f, madd } = k;
  const sums = f.locals('v128', vectors);
  const weight = f.local('v128');
  const from = f.local('i32', i32.add(weights, i32.shl(low, 2)));
  const end = f.local('i32', i32.add(weights, i32.shl(high, 2)));
  const value = f.local('i32', i32.add(i32.add(values, 4 * first), i32.mul(low, 4 * kv.valueLength)));
  sums.forEach((sum, i) => f.set(sum, f32x4.mul(v128.load(state, sumsAt + 4 * first + 16 * i), correction)));
  f.loop((again) => {
    f.set(weight, v128.load32Splat(from));
    sums.forEach((sum, i) => f.set(sum, madd(weight, v128.load(value, 16 * i), sum)));
    f.advance(from, 4);
    f.advance(value, 4 * kv.valueLength);
    f.branchIf(again, i32.ltU(from, end));
  });
  sums.forEach((sum, i) => f.do(v128.store(state, sum, sumsAt + 4 * first + 16 * i)));
}
