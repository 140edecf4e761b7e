import type { Placed } from '@starling/kernels';
import { temperatureTable } from '@starling/kernels/internal';
import type { TemperatureSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';

/** Factors of the step's tokens, one float for each, made once for each memory. */
export function temperatureFactors(graph: Graph, { scale, offset, interval }: TemperatureSpec): Placed {
  const key = `temperature ${scale} ${offset} ${interval}`;
  const factors = graph.buffer(key, 'tokens', 4).place;
  graph.prologue(key, () => ({
    per: 'tokens',
    factor: 1,
    chunk: 64,
    calls: [temperatureTable({ positions: graph.step.part('positions'), factors, scale, offset, interval })],
  }));
  return factors;
}
