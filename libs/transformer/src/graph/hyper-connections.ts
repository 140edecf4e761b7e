import type { KernelCall, Placed } from '@starling/kernels';
import {
  addBias,
  addRows,
  addWeightedRows,
  gatedActivations,
  multiplyRows,
  scaleRows,
  weightRows,
} from '@starling/kernels/internal';
import type { HyperReadSpec, LinearSpec, SharedReadSpec } from '../architecture/block-spec.js';
import { applyCall } from './activation.js';
import { countOf, type Graph } from './graph.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { normCall } from './norm.js';
import { columnsOf, type Rows } from './rows.js';

/** What a block reads before its norm; by which weights what it gives is added to each row of the stream, if that is several. */
export interface StreamRead {
  readonly rows: Rows;
  readonly shares?: Rows;
}

/** What a block reads of a stream of several rows, and the weights by which what it gives is added to each. */
export function hyperRead(graph: Graph, spec: HyperReadSpec, stream: Rows): StreamRead {
  const { streams, norm, down, up, inject } = spec;
  const { kind } = stream.buffer;
  const width = stream.columns / streams;
  const normal = graph.rows('hyper normal', stream.columns, kind);
  const matrices = [down, ...(inject ? [inject] : [])].map((linear) => matrixOf(graph, linear));
  graph.parallel({
    per: countOf(kind),
    factor: streams,
    chunk: streams,
    calls: [normCall(graph, norm, stream, normal, { groups: streams, columns: width })],
  });
  graph.perRow(kind, ...convertFor(graph, normal, matrices));
  const short = graph.rows('hyper short', down.rows, kind);
  const shares = inject && graph.rows('hyper shares', streams, kind);
  const maps: [LinearSpec, Rows][] = [
    [down, short],
    ...(inject && shares ? [[inject, shares] as [LinearSpec, Rows]] : []),
  ];
  linearMaps(graph, normal, ...maps);
  graph.perRow(
    kind,
    scaleCall(short, 1 / streams),
    applyCall('silu', short),
    ...convertFor(graph, short, [matrixOf(graph, up)]),
  );
  if (shares) graph.perRow(kind, scaleCall(shares, 1 / streams), applyCall('sigmoid', shares), scaleCall(shares, 2));
  const gate = graph.rows('hyper gate', stream.columns, kind);
  linearMaps(graph, short, [up, gate]);
  const rows = graph.rows('hyper mean', width, kind);
  const rowBytes = 4 * stream.columns;
  const gated = {
    input: gate.at,
    inputStride: gate.stride,
    up: normal.at,
    upStride: normal.stride,
    output: gate.at,
    outputStride: gate.stride,
    rowBytes,
    blockBytes: rowBytes,
    blocks: 1,
  };
  graph.perRow(kind, gatedActivations.sigmoid.call(gated), ...meanCalls(gate, streams, rows));
  return { rows, shares };
}

/** The same where the weights are made of all rows at once. */
export function sharedRead(graph: Graph, spec: SharedReadSpec, stream: Rows): StreamRead {
  const { streams, epsilon, map, floor, magnitude } = spec;
  const { kind } = stream.buffer;
  const width = stream.columns / streams;
  const normal = graph.rows('hyper normal', stream.columns, kind);
  graph.perRow(
    kind,
    normCall(graph, { kind: 'rms', epsilon }, stream, normal),
    ...convertFor(graph, normal, [matrixOf(graph, map)]),
  );
  const weights = graph.rows('hyper weights', map.rows, kind);
  linearMaps(graph, normal, [map, weights]);
  const bytes = 4 * map.rows;
  const perHalf = (first: number, second: number): Float32Array =>
    Float32Array.from({ length: map.rows }, (_, i) => (i < streams ? first : second));
  const times = (source: Placed): KernelCall =>
    multiplyRows.call({ target: weights.at, targetStride: weights.stride, source, sourceStride: 0, bytes });
  const plus = (bias: Placed): KernelCall =>
    addBias.call({ target: weights.at, tokenStride: weights.stride, groups: 1, bias, bytes });
  graph.perRow(
    kind,
    times(
      graph.vector(
        `each half's ${spec.scales.name}`,
        { tensor: spec.scales, derive: (scales) => perHalf(scales[0], scales[1]) },
        bytes,
      ),
    ),
    plus(graph.tensor(spec.bases)),
    applyCall('sigmoid', weights),
    times(graph.vector(`${map.rows} hyper magnitudes`, perHalf(1, magnitude), bytes)),
    plus(graph.vector(`${map.rows} hyper floors`, perHalf(floor, floor), bytes)),
  );
  const rows = graph.rows('hyper sum', width, kind);
  const sum = Array.from({ length: streams }, (_, i) => {
    const [part, factor] = [columnsOf(stream, i * width, width), columnsOf(weights, i, 1)];
    return (i === 0 ? weightRows : addWeightedRows).call({
      target: rows.at,
      targetStride: rows.stride,
      source: part.at,
      sourceStride: part.stride,
      factors: factor.at,
      factorsStride: factor.stride,
      bytes: 4 * width,
    });
  });
  graph.perRow(kind, ...sum);
  if (map.rows === streams) return { rows };
  const [from, shares] = [columnsOf(weights, streams, streams), graph.rows('hyper shares', streams, kind)];
  graph.perRow(
    kind,
    scaleRows.call({
      input: from.at,
      inputStride: from.stride,
      output: shares.at,
      outputStride: shares.stride,
      bytes: 4 * streams,
      scale: 1,
    }),
  );
  return { rows, shares };
}

/** Adds what a block has given to each row of the stream, by the weights of `hyperRead`. */
export function hyperAdd(graph: Graph, stream: Rows, rows: Rows, shares: Rows): void {
  const calls = Array.from({ length: shares.columns }, (_, i) => {
    const [part, share] = [columnsOf(stream, i * rows.columns, rows.columns), columnsOf(shares, i, 1)];
    return addWeightedRows.call({
      target: part.at,
      targetStride: part.stride,
      source: rows.at,
      sourceStride: rows.stride,
      factors: share.at,
      factorsStride: share.stride,
      bytes: 4 * rows.columns,
    });
  });
  graph.perRow(stream.buffer.kind, ...calls);
}

const scaleCall = (rows: Rows, scale: number): KernelCall =>
  scaleRows.call({
    input: rows.at,
    inputStride: rows.stride,
    output: rows.at,
    outputStride: rows.stride,
    bytes: 4 * rows.columns,
    scale,
  });

/** The mean of rows that lie side by side. */
function meanCalls(wide: Rows, count: number, mean: Rows): KernelCall[] {
  const [scale, bytes] = [1 / count, 4 * mean.columns];
  return Array.from({ length: count }, (_, i) => {
    const part = columnsOf(wide, i * mean.columns, mean.columns);
    return i === 0
      ? scaleRows.call({
          input: part.at,
          inputStride: part.stride,
          output: mean.at,
          outputStride: mean.stride,
          bytes,
          scale,
        })
      : addRows.call({
          target: mean.at,
          targetStride: mean.stride,
          source: part.at,
          sourceStride: part.stride,
          bytes,
          scale,
        });
  });
}
