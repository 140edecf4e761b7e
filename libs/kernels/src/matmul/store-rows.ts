import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { v128 } from '../wasm/simd-ops.js';
import { HALF_ROWS, HALVES, PANEL_ROWS } from './quant-spec.js';

/** The two vectors of a panel's eight rows. */
export type Halves = readonly [Local<'v128'>, Local<'v128'>];

/** Stores a panel's eight floats. (The two stores next to each other are what V8 begins to join vectors from.) */
export function emitStorePanel(f: CodeBuilder, address: Local<'i32'>, [low, high]: Halves): void {
  f.do(v128.store(address, low), v128.store(address, high, 16));
}

/** Stores the first `rows` (1..8) of a panel's floats: nothing is written for rows that the matrix does not have. */
export function emitStoreRows(f: CodeBuilder, address: Local<'i32'>, halves: Halves, rows: Local<'i32'>): void {
  f.if(
    i32.geU(rows, PANEL_ROWS),
    () => emitStorePanel(f, address, halves),
    () =>
      halves.forEach((vector, half) => {
        for (let lane = 0; lane < HALF_ROWS; lane++) {
          const row = HALF_ROWS * half + lane;
          f.if(i32.gtU(rows, row), () => f.do(v128.store32Lane(address, vector, lane, 4 * row)));
        }
      }),
  );
}

/**
 * Stores the sums of one panel of each stream, `distance` bytes apart, and moves on to the next panel. A single stream may end with a
 * panel of fewer rows.
 * @param sums (streams, 2)
 * @param left panels still to come
 */
export function emitStoreStreams(
  f: CodeBuilder,
  output: Local<'i32'>,
  distance: Local<'i32'>,
  sums: readonly Local<'v128'>[],
  left: Local<'i32'>,
  lastRows: Local<'i32'>,
): void {
  const streams = sums.length / HALVES;
  if (streams === 1)
    f.if(
      left,
      () => emitStorePanel(f, output, [sums[0], sums[1]]),
      () => emitStoreRows(f, output, [sums[0], sums[1]], lastRows),
    );
  else {
    const place = f.local('i32', output);
    for (let stream = 0; stream < streams; stream++) {
      emitStorePanel(f, place, [sums[HALVES * stream], sums[HALVES * stream + 1]]);
      f.set(place, i32.add(place, distance));
    }
  }
  f.advance(output, 4 * PANEL_ROWS);
}

/**
 * Starts the sums of a tile: at 0, or where a tile over the columns before has left them. (More rows are read than there may be; those
 * sums are never stored.)
 * @param sums (tokens, panels, 2)
 */
export function emitStartTile(
  f: CodeBuilder,
  output: Local<'i32'>,
  stride: Local<'i32'>,
  sums: readonly (readonly Local<'v128'>[])[],
  continued: Local<'i32'>,
): void {
  f.if(continued, () => {
    const place = f.local('i32', output);
    for (const row of sums) {
      row.forEach((sum, i) => f.set(sum, v128.load(place, 16 * i)));
      f.advance(place, stride);
    }
  });
}

/** Bytes of scratch that storing a tile needs. */
export const SPARE_BYTES = 4 * PANEL_ROWS;

/**
 * Stores the sums of a tile. Those of a last panel that lacks rows go through scratch: picking lanes of vectors would make V8 keep
 * them apart, and what they are addressed by, all through the tile's loop.
 * @param sums (tokens, panels, 2)
 * @param lastRows rows of the last panel
 * @param spare SPARE_BYTES of scratch
 */
export function emitStoreTile(
  f: CodeBuilder,
  output: Local<'i32'>,
  stride: Local<'i32'>,
  sums: readonly (readonly Local<'v128'>[])[],
  lastRows: Local<'i32'>,
  spare: Local<'i32'>,
): void {
  const [place, from, end] = f.locals('i32', 3);
  for (const row of sums) {
    f.set(place, output);
    const panels = row.length / HALVES;
    for (let panel = 0; panel < panels; panel++) {
      const halves = [row[HALVES * panel], row[HALVES * panel + 1]] as const;
      if (panel < panels - 1) emitStorePanel(f, place, halves);
      else {
        f.if(
          i32.geU(lastRows, PANEL_ROWS),
          () => emitStorePanel(f, place, halves),
          () => {
            emitStorePanel(f, spare, halves);
            f.set(end, i32.add(spare, i32.shl(lastRows, 2)));
            f.for(from, spare, end, 4, () => {
              f.do(f32.store(place, f32.load(from)));
              f.advance(place, 4);
            });
          },
        );
      }
      f.advance(place, 4 * PANEL_ROWS);
    }
    f.advance(output, stride);
  }
}
