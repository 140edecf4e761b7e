import type { Task } from '@starling/kernels';
import { addRows, matchGates, ngramRows, weightRows } from '@starling/kernels/internal';
import type { NgramSpec } from '../architecture/model-spec.js';
import { convolutionTask } from './convolution.js';
import type { Graph } from './graph.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { normCall } from './norm.js';
import { columnsOf, wholeRows, type Rows } from './rows.js';

/** Adds what stands for the last tokens to the stream, which is that of all tokens. */
export function addNgrams(graph: Graph, spec: NgramSpec, stream: Rows): void {
  const { streams, key, value } = spec;
  const width = stream.columns / streams;
  const groups = { groups: streams, columns: width };
  const found = lookUp(graph, spec);
  const keys = graph.rows('n-gram keys', stream.columns);
  const values = graph.rows('n-gram values', width);
  graph.perRow('tokens', ...convertFor(graph, found, [matrixOf(graph, key), matrixOf(graph, value)]));
  linearMaps(graph, found, [key, keys], [value, values]);
  const queries = graph.rows('n-gram queries', stream.columns);
  const gates = graph.rows('n-gram gates', streams);
  const match = matchGates.call({
    a: keys.at,
    aStride: keys.stride,
    b: queries.at,
    bStride: queries.stride,
    ...groups,
    factor: 1 / Math.sqrt(width),
    gates: gates.at,
    gatesStride: gates.stride,
  });
  graph.parallel({
    per: 'tokens',
    factor: streams,
    chunk: 1,
    calls: [
      normCall(graph, spec.keyNorm, keys, keys, groups),
      normCall(graph, spec.queryNorm, stream, queries, groups),
      match,
    ],
  });

  const gated = graph.rows('n-gram gated', stream.columns);
  const normal = graph.rows('n-gram normal', stream.columns);
  const weighted = Array.from({ length: streams }, (_, i) => {
    const [part, gate] = [columnsOf(gated, i * width, width), columnsOf(gates, i, 1)];
    return weightRows.call({
      target: part.at,
      targetStride: part.stride,
      source: values.at,
      sourceStride: values.stride,
      factors: gate.at,
      factorsStride: gate.stride,
      bytes: 4 * width,
    });
  });
  graph.perRow('tokens', ...weighted);
  graph.parallel({
    per: 'tokens',
    factor: streams,
    chunk: 1,
    calls: [normCall(graph, spec.convolutionNorm, gated, normal, groups)],
  });
  const mixed = graph.rows('n-gram mixed', stream.columns);
  graph.parallel(convolutionTask(graph, spec.convolution, normal, mixed, 'silu'));
  const add = (target: Rows, source: Rows) =>
    addRows.call({
      target: target.at,
      targetStride: target.stride,
      source: source.at,
      sourceStride: source.stride,
      bytes: 4 * stream.columns,
      scale: 1,
    });
  graph.perRow('tokens', add(gated, mixed), add(stream, gated));
}

/** The rows of the table that each token's last tokens choose, one after another. */
function lookUp(graph: Graph, { table, size, perSize, multipliers, ranges, end }: NgramSpec): Rows {
  const length = table.rowLength;
  const count = ranges.length;
  const numbers = graph.buffer('n-gram numbers', 'tokens', 4 * count);
  const slotStride = 4 * (size - 1);
  const choose = ngramRows.call({
    tokens: graph.step.part('tokenIds'),
    sequences: graph.step.part('sequences'),
    state: graph.state(slotStride),
    slotStride,
    multipliers: graph.vector('n-gram multipliers', new Int32Array(BigUint64Array.from(multipliers).buffer), 8 * size),
    ranges: graph.vector(
      'n-gram ranges',
      Int32Array.from(ranges.flatMap(({ count: rows, first }) => [rows, first])),
      8 * count,
    ),
    size,
    perSize,
    end,
    rows: numbers.place,
    rowsStride: numbers.rowBytes,
  });
  graph.parallel({ per: 'sequences', factor: 1, chunk: 1, calls: [choose] });
  const matrix = graph.matrix(table, table.rowCount, length);
  const found = wholeRows(graph.buffer('n-gram rows', 'tokens', 4 * count * length), count * length);
  const look: Task = {
    per: 'tokens',
    factor: count,
    chunk: count,
    calls: [
      matrix.format.lookup({
        weights: matrix.place,
        columns: length,
        indexes: numbers.place,
        output: found.at,
        outputStride: 4 * length,
      }),
    ],
  };
  graph.parallel(look);
  return found;
}
