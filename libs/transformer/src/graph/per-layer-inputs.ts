import { addRows, gatedActivations, gatherRows, scaleRows } from '@starling/kernels/internal';
import type { InjectionSpec, PerLayerInputsSpec } from '../architecture/model-spec.js';
import type { Graph } from './graph.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { normCall } from './norm.js';
import { columnsOf, type Rows } from './rows.js';

/** What the rows of all layers are called among what is kept of the stream. */
export const perLayerInputsName = 'per-layer inputs';

/** Rows for every layer, side by side, from a table of their own and from the embedded tokens, normed layer by layer. */
export function perLayerInputs(
  graph: Graph,
  { table, tableScale, projection, projectionScale, norm, count, length, scale }: PerLayerInputsSpec,
  x: Rows,
): Rows {
  const columns = count * length;
  graph.moveTo(graph.newHome(perLayerInputsName), x);
  const lookups = graph.rows('per-layer lookups', columns);
  const rows = graph.rows(perLayerInputsName, columns);
  const scaled = (target: Rows, factor: number) =>
    scaleRows.call({
      input: target.at,
      inputStride: target.stride,
      output: target.at,
      outputStride: target.stride,
      bytes: 4 * columns,
      scale: factor,
    });
  const matrix = graph.matrix(table, table.rowCount, columns);
  const lookup = matrix.format.lookup({
    weights: matrix.place,
    columns,
    indexes: graph.step.part('tokenIds'),
    output: lookups.at,
    outputStride: lookups.stride,
  });
  graph.perRow('tokens', lookup, scaled(lookups, tableScale), ...convertFor(graph, x, [matrixOf(graph, projection)]));
  linearMaps(graph, x, [projection, rows]);
  graph.perRow('tokens', scaled(rows, projectionScale));
  graph.parallel({
    per: 'tokens',
    factor: count,
    chunk: 1,
    calls: [normCall(graph, norm, rows, rows, { groups: count, columns: length })],
  });
  graph.perRow(
    'tokens',
    addRows.call({
      target: rows.at,
      targetStride: rows.stride,
      source: lookups.at,
      sourceStride: lookups.stride,
      bytes: 4 * columns,
      scale: 1,
    }),
    scaled(rows, scale),
  );
  return rows;
}

/** norm(projection(activation(gate x) * the layer's row)), for the rows of `x`. */
export function injected(
  graph: Graph,
  { layer, gate, activation, projection, norm }: InjectionSpec,
  all: Rows,
  x: Rows,
): Rows {
  const { kind } = x.buffer;
  const length = gate.rows;
  const gates = graph.rows('injection gates', length, kind);
  const output = graph.rows('injection', x.columns, kind);
  graph.perRow(kind, ...convertFor(graph, x, [matrixOf(graph, gate)]));
  linearMaps(graph, x, [gate, gates]);
  const up = rowsOfKind(graph, columnsOf(all, layer * length, length), x);
  const call = gatedActivations[activation].call({
    input: gates.at,
    inputStride: gates.stride,
    up: up.at,
    upStride: up.stride,
    output: gates.at,
    outputStride: gates.stride,
    rowBytes: 4 * length,
    blockBytes: 4 * length,
    blocks: 1,
  });
  graph.perRow(kind, call, ...convertFor(graph, gates, [matrixOf(graph, projection)]));
  linearMaps(graph, gates, [projection, output]);
  graph.perRow(kind, normCall(graph, norm, output, output));
  return output;
}

/** Columns of all tokens for the rows of `x`, which may be those that go on alone. */
function rowsOfKind(graph: Graph, columns: Rows, x: Rows): Rows {
  const { kind } = x.buffer;
  if (columns.buffer.kind === kind) return columns;
  const some = graph.rows('per-layer input', columns.columns, kind);
  graph.perRow(
    kind,
    gatherRows.call({
      table: columns.at,
      tableStride: columns.stride,
      indexes: graph.step.part('outputRows'),
      output: some.at,
      outputStride: some.stride,
      bytes: 4 * columns.columns,
    }),
  );
  return some;
}
