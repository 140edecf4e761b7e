import type { Placed } from '@starling/kernels';
import type { RelativeBiasSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';

/** Keeps what is a whole number from being just below it. */
const ROUNDING = 1e-6;

/** (heads, 2 * reach + 1) biases by the distance of the key from the query, from -reach to reach. */
export function relativeBiases(graph: Graph, { table, bothSides, reach }: RelativeBiasSpec, heads: number): Placed {
  const distances = 2 * reach + 1;
  const buckets = table.rowCount;
  const derive = (values: Float32Array): Float32Array =>
    Float32Array.from(
      { length: heads * distances },
      (_, i) =>
        values[
          relativeBucket((i % distances) - reach, { buckets, bothSides, reach }) * heads + Math.floor(i / distances)
        ],
    );
  return graph.vector(`${table.name} by distance`, { tensor: table, derive }, 4 * heads * distances);
}

/** The bucket of a distance (key less query): half of them, or half of that half on each side, hold one distance each; the others grow by a factor up to `reach`. */
function relativeBucket(
  distance: number,
  { buckets, bothSides, reach }: { readonly buckets: number; readonly bothSides: boolean; readonly reach: number },
): number {
  const side = bothSides ? Math.floor(buckets / 2) : buckets;
  const first = bothSides && distance > 0 ? side : 0;
  const away = bothSides ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(side / 2);
  if (away < exact) return first + away;
  const share = Math.log(away / exact) / Math.log(reach / exact);
  return first + Math.min(side - 1, exact + Math.floor(share * (side - exact) + ROUNDING));
}
