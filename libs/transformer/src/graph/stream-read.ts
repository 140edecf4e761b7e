import { addWeightedRows, gatherRows, scoreRows, softmaxRows, weightRows } from '@starling/kernels/internal';
import type { KeptReadSpec, StreamReadSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';
import { hyperRead, sharedRead, type StreamRead } from './hyper-connections.js';
import { columnsOf, type Rows } from './rows.js';

/**
 * What a block reads of the residual stream, before its norm.
 * @param kept copies of the stream of all tokens, by name; the stream itself may be down to the rows that go on
 */
export function streamRead(
  graph: Graph,
  spec: StreamReadSpec | undefined,
  stream: Rows,
  kept: ReadonlyMap<string, Rows>,
): StreamRead {
  if (!spec) return { rows: stream };
  if (spec.kind === 'shared') return sharedRead(graph, spec, stream);
  return spec.kind === 'hyper' ? hyperRead(graph, spec, stream) : { rows: keptRead(graph, spec, stream, kept) };
}

function keptRead(graph: Graph, spec: KeptReadSpec, stream: Rows, kept: ReadonlyMap<string, Rows>): Rows {
  const { kind } = stream.buffer;
  const bytes = 4 * stream.columns;
  const sources = [...spec.kept.map((name) => ofKind(graph, kept.get(name)!, stream)), stream];
  const scores = graph.rows('stream scores', sources.length, kind);
  const target = graph.rows('stream read', stream.columns, kind);
  const weight = graph.tensor(spec.score);
  const scoreOf = (i: number): Rows => columnsOf(scores, i, 1);
  graph.perRow(
    kind,
    ...sources.map(({ at, stride }, i) =>
      scoreRows.call({
        source: at,
        sourceStride: stride,
        weight,
        columns: stream.columns,
        epsilon: spec.epsilon,
        scores: scoreOf(i).at,
        scoresStride: scores.stride,
      }),
    ),
    softmaxRows.call({ values: scores.at, stride: scores.stride, count: sources.length }),
    ...sources.map(({ at, stride }, i) =>
      (i === 0 ? weightRows : addWeightedRows).call({
        target: target.at,
        targetStride: target.stride,
        source: at,
        sourceStride: stride,
        factors: scoreOf(i).at,
        factorsStride: scores.stride,
        bytes,
      }),
    ),
  );
  return target;
}

/** Kept rows, of those that go on if the stream is down to them. */
function ofKind(graph: Graph, rows: Rows, { buffer: { kind } }: Rows): Rows {
  if (rows.buffer.kind === kind) return rows;
  const some = graph.rows(rows.buffer.name, rows.columns, kind);
  graph.perRow(
    kind,
    gatherRows.call({
      table: rows.at,
      tableStride: rows.stride,
      indexes: graph.step.part('outputRows'),
      output: some.at,
      outputStride: some.stride,
      bytes: 4 * rows.columns,
    }),
  );
  return some;
}
