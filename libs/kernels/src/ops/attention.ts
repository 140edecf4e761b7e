import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import {
  aheadBytes,
  blockKeys,
  emitFinish,
  emitQueryOverBlock,
  emitStart,
  headsAtOnce,
  queryStateBytes,
  type Ahead,
} from './attention-query.js';
import {
  attentionFields,
  type AttentionEmitter,
  type AttentionFields,
  type AttentionShape,
} from './attention-shape.js';
import { defineKernel, type KernelDefinition, type KernelEmitter } from './kernel-definition.js';
import { kvHeadLayout } from './kv-layout.js';
import { emitReadPage, unpackedBytes } from './kv-read.js';
import { rowAddress } from './rows.js';

/** Words of a tile record: consecutive tokens of one sequence, which share the reading of its pages. */
export const tileWords = { rowBegin: 0, rowCount: 1, pageTable: 2, keyEnd: 3 } as const;
export const tileRecordWords = 4;

/** Tokens of a tile, at most, so that the running sums of all its queries stay in the first caches. */
export function tileTokens(group: number): number {
  return Math.max(1, Math.floor(32 / group));
}

/** Scratch that a worker needs. */
export function attentionScratchBytes(shape: AttentionShape): number {
  return statesBytes(shape) + weightsBytes(shape) + unpackedBytes(shape.kv);
}

/**
 * Attention of tiles of queries over the pages of their sequences, page by page with a running maximum (Milakov and Gimelshein, 2018;
 * Dao et al., 2022). The sums of a query are made page by page from the first page it sees, whatever the tile: so a token's result has the
 * same bits whether it comes alone or in a prompt.
 */
export function attention(shape: AttentionShape): KernelDefinition<AttentionFields> {
  return defineKernel(attentionName(shape), attentionFields, (k) => {
    const { f, at, begin, end, scratch } = k;
    const { kv, parts } = shape;
    const tileHeads = kv.heads * parts;
    const unit = f.local('i32');
    const tile = f.local('i32');
    const part = f.local('i32');
    const places: TilePlaces = {
      rowBegin: f.local('i32'),
      rowEnd: f.local('i32'),
      pageTable: f.local('i32'),
      keyEnd: f.local('i32'),
      headPages: f.local('i32'),
      query: f.local('i32'),
      output: f.local('i32'),
      sinks: f.local('i32'),
      slopes: f.local('i32'),
      weights: f.local('i32', i32.add(scratch, statesBytes(shape))),
      unpacked: f.local('i32', i32.add(scratch, statesBytes(shape) + weightsBytes(shape))),
    };
    const group = (bytes: number): Expr<'i32'> => i32.mul(part, (shape.group / parts) * bytes);
    f.for(unit, begin, end, 1, () => {
      f.set(tile, i32.add(at.tiles, i32.mul(i32.divU(unit, tileHeads), 4 * tileRecordWords)));
      f.set(part, i32.remU(unit, tileHeads));
      f.set(places.rowBegin, i32.load(tile, 4 * tileWords.rowBegin));
      f.set(places.rowEnd, i32.add(places.rowBegin, i32.load(tile, 4 * tileWords.rowCount)));
      f.set(places.pageTable, i32.load(tile, 4 * tileWords.pageTable));
      f.set(places.keyEnd, i32.load(tile, 4 * tileWords.keyEnd));
      f.set(places.headPages, i32.add(at.pages, i32.mul(i32.divU(part, parts), kvHeadLayout(kv).headBytes)));
      f.set(places.query, i32.add(at.query, group(4 * kv.keyLength)));
      f.set(places.output, i32.add(at.output, group(4 * kv.valueLength)));
      f.set(places.sinks, i32.add(at.sinks, group(4)));
      f.set(places.slopes, i32.add(at.slopes, group(slopeBytes(shape))));
      emitTile(k as unknown as AttentionEmitter, shape, places);
    });
  });
}

interface TilePlaces {
  readonly rowBegin: Local<'i32'>;
  readonly rowEnd: Local<'i32'>;
  readonly pageTable: Local<'i32'>;
  readonly keyEnd: Local<'i32'>;
  /** This head's part of page 0. */
  readonly headPages: Local<'i32'>;
  /** Row 0 of the unit's first head. */
  readonly query: Local<'i32'>;
  readonly output: Local<'i32'>;
  readonly sinks: Local<'i32'>;
  readonly slopes: Local<'i32'>;
  readonly weights: Local<'i32'>;
  readonly unpacked: Local<'i32'>;
}

function emitTile(k: AttentionEmitter, shape: AttentionShape, places: TilePlaces): void {
  const { f, at, scratch } = k;
  const { kv } = shape;
  const position = (row: Expr<'i32'>): Expr<'i32'> => i32.load(i32.add(at.positions, i32.shl(row, 2)));
  const row = f.local('i32');
  const here = f.local('i32');
  const state = f.local('i32');
  const page = f.local('i32');
  const pageStart = f.local('i32');
  const keyEnd = f.local('i32', shape.causal ? i32.add(position(i32.sub(places.rowEnd, 1)), 1) : places.keyEnd);
  const isSymmetric = shape.window && !shape.causal;
  if (isSymmetric) f.set(keyEnd, lesser(keyEnd, i32.add(position(i32.sub(places.rowEnd, 1)), at.window)));
  const source = f.local('i32');
  const low = f.local('i32');
  const high = f.local('i32');
  const atOnce = headsAtOnce(shape, k.wide);
  const [queries, states, weights] = [0, 1, 2].map(() => f.locals('i32', atOnce));
  const block = blockKeys(kv);
  const floats = { keys: f.local('i32'), values: f.local('i32') };
  const { headBytes } = kvHeadLayout(kv);
  const ahead: Ahead | undefined =
    headBytes < aheadBytes
      ? undefined
      : { begin: f.local('i32'), next: f.local('i32'), last: f.local('i32'), seen: f.local('i32', 0) };

  f.set(state, scratch);
  weights.forEach((place, h) => f.set(place, i32.add(places.weights, 4 * block * h)));
  f.for(row, places.rowBegin, places.rowEnd, 1, () =>
    forHeads(k, shape, 1, (head) => {
      emitStart(k, shape, state, i32.add(places.sinks, i32.shl(head, 2)));
      f.advance(state, queryStateBytes(kv));
    }),
  );

  f.set(page, 0);
  if (hasStart(shape)) {
    f.set(low, firstSeen(k, shape, places, position(places.rowBegin)));
    f.set(page, i32.select(i32.gtS(low, 0), i32.divU(low, kv.pageTokens), 0));
  }
  f.set(pageStart, i32.mul(page, kv.pageTokens));
  const headOfPage = (number: Expr<'i32'>): Expr<'i32'> =>
    i32.add(places.headPages, i32.mul(i32.load(i32.add(places.pageTable, i32.shl(number, 2))), at.pageStride));
  f.while(i32.ltU(pageStart, keyEnd), () => {
    f.set(source, headOfPage(page));
    if (ahead) {
      // Behind the last page: that page again.
      f.set(ahead.begin, i32.ltU(i32.add(pageStart, kv.pageTokens), keyEnd));
      f.set(ahead.begin, headOfPage(i32.add(page, ahead.begin)));
      f.set(ahead.next, ahead.begin);
      f.set(ahead.last, i32.add(ahead.begin, headBytes - aheadBytes));
    }
    emitReadPage(k as unknown as KernelEmitter, kv, source, places.unpacked, floats);
    f.set(state, scratch);
    f.for(row, places.rowBegin, places.rowEnd, 1, () => {
      f.set(here, i32.sub(position(row), pageStart));
      forHeads(k, shape, atOnce, (head) => {
        queries.forEach((query, h) =>
          f.set(
            query,
            i32.add(rowAddress(places.query, row, at.queryStride), i32.mul(i32.add(head, h), 4 * kv.keyLength)),
          ),
        );
        states.forEach((place, h) => f.set(place, i32.add(state, h * queryStateBytes(kv))));
        for (let first = 0; first < kv.pageTokens; first += block) {
          const end = shape.causal ? i32.add(here, 1 - first) : i32.sub(i32.sub(keyEnd, pageStart), first);
          f.set(high, end);
          if (isSymmetric) f.set(high, lesser(high, i32.sub(i32.add(here, at.window), first)));
          f.set(high, i32.select(i32.gtS(high, block), block, high));
          f.set(low, 0);
          if (hasStart(shape)) {
            f.set(low, i32.sub(firstSeen(k, shape, places, i32.add(here, pageStart)), i32.add(pageStart, first)));
            f.set(low, i32.select(i32.gtS(low, 0), low, 0));
          }
          f.if(i32.gtS(high, low), () =>
            emitQueryOverBlock(k, shape, {
              heads: queries.map((query, h) => ({
                query,
                state: states[h],
                weights: weights[h],
                slope: i32.add(places.slopes, i32.mul(i32.add(head, h), slopeBytes(shape))),
              })),
              low,
              high,
              distance: i32.sub(here, first),
              keys: i32.add(floats.keys, 4 * first),
              values: i32.add(floats.values, 4 * first * kv.valueLength),
              ahead,
            }),
          );
        }
        f.advance(state, atOnce * queryStateBytes(kv));
      });
    });
    f.advance(page, 1);
    f.advance(pageStart, kv.pageTokens);
  });
  if (ahead) f.do(i32.store(places.weights, ahead.seen));

  f.set(state, scratch);
  f.for(row, places.rowBegin, places.rowEnd, 1, () =>
    forHeads(k, shape, 1, (head) => {
      emitFinish(
        k,
        shape,
        state,
        i32.add(rowAddress(places.output, row, at.outputStride), i32.mul(head, 4 * kv.valueLength)),
      );
      f.advance(state, queryStateBytes(kv));
    }),
  );
}

const lesser = (a: Local<'i32'>, b: Expr<'i32'>): Expr<'i32'> => i32.select(i32.gtS(b, a), a, b);

/** Bytes of what each head has in `slopes`. */
const slopeBytes = ({ relativeReach }: AttentionShape): number =>
  4 * (relativeReach === undefined ? 1 : 2 * relativeReach + 1);

/** Whether queries do not see all keys before them. */
const hasStart = ({ window, afterEnd }: AttentionShape): boolean => window || afterEnd === true;

/** The first position that a query sees, which may lie before the sequence. */
function firstSeen(
  { at }: AttentionEmitter,
  { chunked, afterEnd }: AttentionShape,
  { keyEnd }: TilePlaces,
  position: Expr<'i32'>,
): Expr<'i32'> {
  if (afterEnd) return keyEnd;
  return chunked ? i32.mul(i32.divU(position, at.window), at.window) : i32.sub(i32.add(position, 1), at.window);
}

/** For every head of a unit, or for the first of each `step` of them. */
function forHeads(
  { f }: AttentionEmitter,
  shape: AttentionShape,
  step: number,
  body: (head: Local<'i32'>) => void,
): void {
  const head = f.local('i32');
  f.for(head, 0, shape.group / shape.parts, step, () => body(head));
}

/** Weights of the heads that may be worked on together. */
const weightsBytes = ({ kv }: AttentionShape): number => 2 * 4 * blockKeys(kv);

const statesBytes = (shape: AttentionShape): number =>
  tileTokens(shape.group) * (shape.group / shape.parts) * queryStateBytes(shape.kv);

function attentionName({ kv, group, parts, relativeReach, ...features }: AttentionShape): string {
  const flags = Object.entries(features)
    .filter(([, on]) => on)
    .map(([name]) => name);
  if (relativeReach !== undefined) flags.push(`relative${relativeReach}`);
  return ['attention', kv.format, kv.heads, kv.keyLength, kv.valueLength, kv.pageTokens, group, parts, ...flags].join(
    '_',
  );
}
