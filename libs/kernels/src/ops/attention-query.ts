import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, i32x4, v128 } from '../wasm/simd-ops.js';
import type { AttentionEmitter, AttentionShape } from './attention-shape.js';
import type { KernelEmitter } from './kernel-definition.js';
import type { KvShape } from './kv-layout.js';
import { laneSum } from './rows.js';
import { emitExp, emitTanh } from './vector-math.js';

/*
 * The running state of one query and head, in a worker's scratch:
 *
 * | bytes | content |
 * |---|---|
 * | 0..3 | largest score so far |
 * | 16..31 | sum of the weights so far, relative to that score, in four lanes |
 * | 32.. | sum of the weighted values, valueLength floats |
 */
const largestAt = 0;
const weightAt = 16;
const sumsAt = 32;

/** Vectors kept in registers at a time. */
const registerVectors = 8;

export function queryStateBytes({ valueLength }: KvShape): number {
  return sumsAt + 4 * valueLength;
}

/** Begins a query: nothing seen, or the head's sink alone, which has weight 1 and no value. */
export function emitStart({ f }: AttentionEmitter, shape: AttentionShape, state: Local<'i32'>, sink: Expr<'i32'>): void {
  f.do(f32.store(state, shape.sinks ? f32.load(sink) : -Infinity, largestAt));
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

export interface QueryOverPage {
  readonly query: Expr<'i32'>;
  readonly state: Local<'i32'>;
  /** Scratch of pageTokens floats. */
  readonly scores: Local<'i32'>;
  /** The page's keys that the query sees, [low, high), not empty. */
  readonly low: Local<'i32'>;
  readonly high: Local<'i32'>;
  /** Position of the query less that of the page's first key. */
  readonly distance: Expr<'i32'>;
  /** Address of the head's slope. */
  readonly slope: Expr<'i32'>;
  readonly keys: Local<'i32'>;
  readonly values: Local<'i32'>;
}

/** Takes one page into a query's state. */
export function emitQueryOverPage(k: AttentionEmitter, shape: AttentionShape, places: QueryOverPage): void {
  const { f } = k;
  const { pageTokens, valueLength } = shape.kv;
  const query = f.local('i32', places.query);
  for (let first = 0; first < pageTokens; first += 4 * registerVectors) {
    emitProducts(k, shape.kv, query, places, first, Math.min(registerVectors, (pageTokens - first) / 4));
  }
  const correction = emitWeights(k, shape, places);
  for (let first = 0; first < valueLength; first += 4 * registerVectors) {
    emitWeightedValues(k, shape.kv, places, correction, first, Math.min(registerVectors, Math.ceil((valueLength - first) / 4)));
  }
}

/** scores[first + ...] = query . key for 4 * `vectors` keys: lanes are keys, summed in order of the query's elements. */
function emitProducts(k: AttentionEmitter, kv: KvShape, query: Local<'i32'>, { keys, scores }: QueryOverPage, first: number, vectors: number): void {
  const { f, madd } = k;
  const sums = f.locals('v128', vectors);
  const element = f.local('v128');
  const from = f.local('i32', query);
  const end = f.local('i32', i32.add(query, 4 * kv.keyLength));
  const key = f.local('i32', i32.add(keys, 4 * first));
  for (const sum of sums) f.set(sum, f32x4.splat(0));
  f.while(i32.ltU(from, end), () => {
    for (let unrolled = 0; unrolled < 4; unrolled++) {
      f.set(element, v128.load32Splat(from, 4 * unrolled));
      sums.forEach((sum, i) => f.set(sum, madd(element, v128.load(key, 4 * kv.pageTokens * unrolled + 16 * i), sum)));
    }
    f.advance(from, 16);
    f.advance(key, 16 * kv.pageTokens);
  });
  sums.forEach((sum, i) => f.do(v128.store(scores, sum, 4 * first + 16 * i)));
}

/** Turns the scores into weights relative to the largest score so far, and gives the factor for what was summed before. */
function emitWeights(k: AttentionEmitter, shape: AttentionShape, places: QueryOverPage): Local<'v128'> {
  const { f, at, module } = k;
  const { pageTokens } = shape.kv;
  const { scores, state } = places;
  const emitter = k as unknown as KernelEmitter;
  const low = f.local('v128', i32x4.splat(places.low));
  const high = f.local('v128', i32x4.splat(places.high));
  const index = f.local('v128', module.vectorConstant(new Uint8Array(new Int32Array([0, 1, 2, 3]).buffer)));
  const scale = f.local('v128', f32x4.splat(at.scale));
  const cap = f.local('v128', f32x4.splat(at.softcap));
  const slope = shape.alibi ? f.local('v128', v128.load32Splat(places.slope)) : undefined;
  const distance = f.local('v128', i32x4.splat(places.distance));
  const score = f.local('v128');
  const top = f.local('v128', f32x4.splat(-Infinity));
  const none = f.local('v128', top);
  const offset = f.local('i32');
  f.for(offset, 0, 4 * pageTokens, 16, () => {
    f.set(score, f32x4.mul(v128.load(i32.add(scores, offset)), scale));
    if (shape.softcap) f.set(score, f32x4.mul(emitTanh(emitter, f32x4.div(score, cap)), cap));
    if (slope) f.set(score, f32x4.sub(score, f32x4.mul(slope, f32x4.convertI32x4S(i32x4.abs(i32x4.sub(distance, index))))));
    f.set(score, v128.bitselect(score, none, v128.and(i32x4.geS(index, low), i32x4.ltS(index, high))));
    f.set(top, f32x4.max(top, score));
    f.do(v128.store(i32.add(scores, offset), score));
    f.set(index, i32x4.add(index, module.splatConstantI32(4)));
  });
  const before = f.local('f32', f32.load(state, largestAt));
  const largest = f.local('f32', f32.max(before, f32.max(f32.max(f32x4.extractLane(top, 0), f32x4.extractLane(top, 1)), f32.max(f32x4.extractLane(top, 2), f32x4.extractLane(top, 3)))));
  f.do(f32.store(state, largest, largestAt));
  const correction = emitExp(emitter, f32x4.splat(f32.sub(before, largest)));
  const factor = f.local('v128', correction);
  const base = f.local('v128', f32x4.splat(largest));
  const total = f.local('v128', f32x4.mul(v128.load(state, weightAt), factor));
  f.for(offset, 0, 4 * pageTokens, 16, () => {
    const weight = emitExp(emitter, f32x4.sub(v128.load(i32.add(scores, offset)), base));
    f.set(total, f32x4.add(total, weight));
    f.do(v128.store(i32.add(scores, offset), weight));
  });
  f.do(v128.store(state, total, weightAt));
  return factor;
}

/** sums[first + ...] = sums * correction + weights . values for 4 * `vectors` elements of the values, in order of the keys. */
function emitWeightedValues(k: AttentionEmitter, kv: KvShape, { scores, values, low, high, state }: QueryOverPage, correction: Local<'v128'>, first: number, vectors: number): void {
  const { f, madd } = k;
  const sums = f.locals('v128', vectors);
  const weight = f.local('v128');
  const from = f.local('i32', i32.add(scores, i32.shl(low, 2)));
  const end = f.local('i32', i32.add(scores, i32.shl(high, 2)));
  const value = f.local('i32', i32.add(i32.add(values, 4 * first), i32.mul(low, 4 * kv.valueLength)));
  sums.forEach((sum, i) => f.set(sum, f32x4.mul(v128.load(state, sumsAt + 4 * first + 16 * i), correction)));
  f.while(i32.ltU(from, end), () => {
    f.set(weight, v128.load32Splat(from));
    sums.forEach((sum, i) => f.set(sum, madd(weight, v128.load(value, 16 * i), sum)));
    f.advance(from, 4);
    f.advance(value, 4 * kv.valueLength);
  });
  sums.forEach((sum, i) => f.do(v128.store(state, sum, sumsAt + 4 * first + 16 * i)));
}
