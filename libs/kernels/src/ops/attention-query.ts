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

/** Vectors kept in registers at a time, for each of the heads that are worked on together. */
const registerVectors = 8;

/**
 * Heads whose queries are worked on together: they share what is read of keys and values, and twice as many sums are under way. Without
 * joined vectors these would not stay in registers.
 */
export const headsAtOnce = ({ group, parts }: AttentionShape, wide: boolean): 1 | 2 =>
  wide && (group / parts) % 2 === 0 ? 2 : 1;

/** Keys that are taken in at a time: their scores stay in registers. */
export const blockKeys = ({ pageTokens }: KvShape): number => Math.min(4 * registerVectors, pageTokens);

export function queryStateBytes({ valueLength }: KvShape): number {
  return sumsAt + 4 * valueLength;
}

/** Begins a query: nothing seen, or the head's sink alone, which has weight 1 and no value. */
export function emitStart(
  { f }: AttentionEmitter,
  shape: AttentionShape,
  state: Local<'i32'>,
  sink: Expr<'i32'>,
): void {
  f.do(v128.store(state, shape.sinks ? v128.load32Splat(sink) : f32x4.splat(-Infinity), largestAt));
  f.do(v128.store(state, f32x4.replaceLane(f32x4.splat(0), 0, shape.sinks ? 1 : 0), weightAt));
  const offset = f.local('i32');
  f.for(offset, 0, 4 * shape.kv.valueLength, 16, () =>
    f.do(v128.store(i32.add(state, offset), f32x4.splat(0), sumsAt)),
  );
}

/** Ends a query: output = sum of weighted values / sum of weights. */
export function emitFinish(
  { f }: AttentionEmitter,
  shape: AttentionShape,
  state: Local<'i32'>,
  output: Expr<'i32'>,
): void {
  const to = f.local('i32', output);
  const total = f.local('v128', v128.load(state, weightAt));
  const inverse = f.local('v128', f32x4.splat(f32.div(1, laneSum(total))));
  const offset = f.local('i32');
  f.for(offset, 0, 4 * shape.kv.valueLength, 16, () =>
    f.do(v128.store(i32.add(to, offset), f32x4.mul(v128.load(i32.add(state, offset), sumsAt), inverse))),
  );
}

/** One head's query. */
export interface HeadPlaces {
  readonly query: Local<'i32'>;
  readonly state: Local<'i32'>;
  /** Scratch for a float for each key. */
  readonly weights: Local<'i32'>;
  /** Address of the head's slope, or of its biases. */
  readonly slope: Expr<'i32'>;
}

/** A run of neighbouring keys of a page, and who looks at them. */
export interface QueryOverBlock {
  /** Heads of one token. */
  readonly heads: readonly HeadPlaces[];
  /** The block's keys that the query sees, [low, high), not empty. */
  readonly low: Local<'i32'>;
  readonly high: Local<'i32'>;
  /** Position of the query less that of the block's first key. */
  readonly distance: Expr<'i32'>;
  /** Addresses of the block's first key and value in the page. */
  readonly keys: Expr<'i32'>;
  readonly values: Expr<'i32'>;
  /** What is read next, if anything is to be touched. */
  readonly ahead?: Ahead;
}

/** A run of memory that is touched, a line at a time, between what is computed: reading it later then does not wait for memory. */
export interface Ahead {
  /** Where the run begins, the next place to touch, and the last one that may be. */
  readonly begin: Local<'i32'>;
  readonly next: Local<'i32'>;
  readonly last: Local<'i32'>;
  /** Takes in all that is touched, so that no compiler leaves it out. */
  readonly seen: Local<'i32'>;
}

/** Bytes that are brought by touching one of them, and lines touched at a time. */
const lineBytes = 64;
const linesAtOnce = 4;

/** The least bytes of a run that is touched. */
export const aheadBytes = lineBytes * linesAtOnce;

/** Takes one block of keys into the states of a token's heads. */
export function emitQueryOverBlock(k: AttentionEmitter, shape: AttentionShape, places: QueryOverBlock): void {
  const { valueLength } = shape.kv;
  const scores = emitProducts(k, shape.kv, places);
  places.heads.forEach((head, h) => emitScores(k, shape, places, head, scores[h]));
  emitMask(k, shape, places, scores[0]);
  const corrections = places.heads.map((head, h) => emitWeights(k, head, scores[h]));
  for (let first = 0; first < valueLength; first += 4 * registerVectors) {
    emitWeightedValues(
      k,
      shape.kv,
      places,
      corrections,
      first,
      Math.min(registerVectors, Math.ceil((valueLength - first) / 4)),
    );
  }
}

/** query . key for all keys of the block, by head: lanes are keys, each summed in order of the query's elements. */
function emitProducts(k: AttentionEmitter, kv: KvShape, { heads, keys, ahead }: QueryOverBlock): Local<'v128'>[][] {
  const { f, madd } = k;
  const vectors = blockKeys(kv) / 4;
  const sums = heads.map(() => f.locals('v128', vectors));
  const elements = f.locals('v128', heads.length);
  const keyLanes = f.locals('v128', vectors);
  const from = heads.map(({ query }) => f.local('i32', query));
  const end = f.local('i32', i32.add(heads[0].query, 4 * kv.keyLength));
  const key = f.local('i32', keys);
  // One zero for all: V8 does not join sums that begin with different ones.
  const zero = f.local('v128', f32x4.splat(0));
  for (const sum of sums.flat()) f.set(sum, zero);
  f.loop((again) => {
    if (ahead) {
      const { begin, next, last, seen } = ahead;
      f.set(next, i32.select(i32.leU(next, last), next, begin));
      for (let line = 0; line < linesAtOnce; line++) f.set(seen, i32.or(seen, i32.load(next, lineBytes * line)));
      f.advance(next, aheadBytes);
    }
    for (let unrolled = 0; unrolled < 4; unrolled++) {
      elements.forEach((element, h) => f.set(element, v128.load32Splat(from[h], 4 * unrolled)));
      keyLanes.forEach((lanes, i) => f.set(lanes, v128.load(key, 4 * kv.pageTokens * unrolled + 16 * i)));
      sums.forEach((row, h) => row.forEach((sum, i) => f.set(sum, madd(elements[h], keyLanes[i], sum))));
    }
    for (const place of from) f.advance(place, 16);
    f.advance(key, 16 * kv.pageTokens);
    f.branchIf(again, i32.ltU(from[0], end));
  });
  return sums;
}

/**
 * Turns products into scores, in scratch: scaled, bounded, lowered with the distance. (They go through memory because V8 joins what is
 * stored and loaded side by side, and nothing across the branch that follows.)
 */
function emitScores(
  k: AttentionEmitter,
  shape: AttentionShape,
  places: QueryOverBlock,
  { slope: slopeAt, weights }: HeadPlaces,
  scores: readonly Local<'v128'>[],
): void {
  const { f, at } = k;
  const scale = f.local('v128', f32x4.splat(at.scale));
  for (const score of scores) f.set(score, f32x4.mul(score, scale));
  if (shape.softcap) {
    const cap = f.local('v128', f32x4.splat(at.softcap));
    for (const score of scores)
      f.set(score, f32x4.mul(emitTanh(k as unknown as KernelEmitter, f32x4.div(score, cap)), cap));
  }
  if (shape.alibi) {
    const slope = f.local('v128', v128.load32Splat(slopeAt));
    const distance = f.local('v128', i32x4.splat(places.distance));
    forKeys(k, scores, (score, index) =>
      f.set(score, f32x4.sub(score, f32x4.mul(slope, f32x4.convertI32x4S(i32x4.abs(i32x4.sub(distance, index)))))),
    );
  }
  if (shape.relativeReach !== undefined) addRelativeBiases(k, shape.relativeReach, places, slopeAt, scores);
  scores.forEach((score, i) => f.do(v128.store(weights, score, 16 * i)));
}

/** Adds the head's bias of each key's distance, looked up lane by lane. */
function addRelativeBiases(
  k: AttentionEmitter,
  reach: number,
  { distance }: QueryOverBlock,
  table: Expr<'i32'>,
  scores: readonly Local<'v128'>[],
): void {
  const { f, int } = k;
  const from = f.local('i32', table);
  const back = f.local('v128', i32x4.splat(distance));
  const place = f.local('v128');
  const bias = f.local('v128');
  forKeys(k, scores, (score, index) => {
    f.set(place, i32x4.minS(i32x4.maxS(i32x4.sub(index, back), int(-reach)), int(reach)));
    f.set(place, i32x4.shl(i32x4.add(place, int(reach)), 2));
    for (let lane = 0; lane < 4; lane++)
      f.set(bias, v128.load32Lane(i32.add(from, i32x4.extractLane(place, lane)), bias, lane));
    f.set(score, f32x4.add(score, bias));
  });
}

/** Scores of keys that the token does not see become -Infinity. @param seen locals for one head's keys */
function emitMask(
  k: AttentionEmitter,
  shape: AttentionShape,
  { heads, low, high }: QueryOverBlock,
  seen: readonly Local<'v128'>[],
): void {
  const { f } = k;
  f.if(i32.ne(i32.sub(high, low), blockKeys(shape.kv)), () => {
    const first = f.local('v128', i32x4.splat(low));
    const end = f.local('v128', i32x4.splat(high));
    forKeys(k, seen, (mask, index) => f.set(mask, v128.and(i32x4.geS(index, first), i32x4.ltS(index, end))));
    for (const { weights } of heads) {
      seen.forEach((mask, i) =>
        f.do(v128.store(weights, v128.bitselect(v128.load(weights, 16 * i), k.float(-Infinity), mask), 16 * i)),
      );
    }
  });
}

/** For each vector of keys, with the keys' numbers in the block. */
function forKeys(
  { f, module, int }: AttentionEmitter,
  vectors: readonly Local<'v128'>[],
  body: (vector: Local<'v128'>, index: Local<'v128'>) => void,
): void {
  const index = f.local('v128', module.vectorConstant(new Uint8Array(new Int32Array([0, 1, 2, 3]).buffer)));
  for (const vector of vectors) {
    body(vector, index);
    f.set(index, i32x4.add(index, int(4)));
  }
}

/** Turns the scores in scratch into weights relative to the largest score so far, and gives the factor for what was summed before. */
function emitWeights(
  k: AttentionEmitter,
  { state, weights }: HeadPlaces,
  scores: readonly Local<'v128'>[],
): Local<'v128'> {
  const { f } = k;
  const emitter = k as unknown as KernelEmitter;
  const before = f.local('v128', v128.load(state, largestAt));
  scores.forEach((score, i) => f.set(score, v128.load(weights, 16 * i)));
  const top = f.local('v128', scores[0]);
  for (const score of scores.slice(1)) f.set(top, f32x4.pmax(top, score));
  f.set(top, f32x4.pmax(top, i8x16.shuffle(top, top, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7])));
  f.set(top, f32x4.pmax(top, i8x16.shuffle(top, top, [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11])));
  f.set(top, allLanes(f32x4.pmax(before, top)));
  f.do(v128.store(state, top, largestAt));
  const factor = f.local('v128', allLanes(emitExpNegative(emitter, f32x4.sub(before, top))));
  const total = f.local('v128', f32x4.mul(v128.load(state, weightAt), factor));
  scores.forEach((score, i) => f.do(v128.store(weights, emitExpNegative(emitter, f32x4.sub(score, top)), 16 * i)));
  scores.forEach((_, i) => f.set(total, f32x4.add(total, v128.load(weights, 16 * i))));
  f.do(v128.store(state, total, weightAt));
  return factor;
}

/** A vector whose lanes are equal, as V8 can join it with others. */
const allLanes = (vector: Expr<'v128'>): Expr<'v128'> => f32x4.splat(f32x4.extractLane(vector, 0));

/** By head: sums[first + ...] = sums * correction + weights . values for 4 * `vectors` elements of the values, in order of the keys. */
function emitWeightedValues(
  k: AttentionEmitter,
  kv: KvShape,
  { heads, values, low, high }: QueryOverBlock,
  corrections: readonly Local<'v128'>[],
  first: number,
  vectors: number,
): void {
  const { f, madd } = k;
  const sums = heads.map(() => f.locals('v128', vectors));
  const weights = f.locals('v128', heads.length);
  const valueLanes = f.locals('v128', vectors);
  const from = heads.map((head) => f.local('i32', i32.add(head.weights, i32.shl(low, 2))));
  const end = f.local('i32', i32.add(heads[0].weights, i32.shl(high, 2)));
  const value = f.local('i32', i32.add(i32.add(values, 4 * first), i32.mul(low, 4 * kv.valueLength)));
  sums.forEach((row, h) =>
    row.forEach((sum, i) =>
      f.set(sum, f32x4.mul(v128.load(heads[h].state, sumsAt + 4 * first + 16 * i), corrections[h])),
    ),
  );
  f.loop((again) => {
    weights.forEach((weight, h) => f.set(weight, v128.load32Splat(from[h])));
    valueLanes.forEach((lanes, i) => f.set(lanes, v128.load(value, 16 * i)));
    sums.forEach((row, h) => row.forEach((sum, i) => f.set(sum, madd(weights[h], valueLanes[i], sum))));
    for (const place of from) f.advance(place, 4);
    f.advance(value, 4 * kv.valueLength);
    f.branchIf(again, i32.ltU(from[0], end));
  });
  sums.forEach((row, h) => row.forEach((sum, i) => f.do(v128.store(heads[h].state, sum, sumsAt + 4 * first + 16 * i))));
}
