import { addRows, gatherRows, scaleRows } from '@starling/kernels/internal';
import type { BlockNorms } from '../architecture/block-spec.js';
import type { LayerSpec } from '../architecture/model-spec.js';
import type { Graph } from './graph.js';
import { hyperAdd } from './hyper-connections.js';
import { feed, feedForwardInput, feedForwardInputs, inputOf, mix, routeBy } from './layer-blocks.js';
import { normCall } from './norm.js';
import type { RowKind, Rows } from './rows.js';
import { streamRead } from './stream-read.js';
import { streamSteps } from './stream-steps.js';

/** The residual stream of all tokens, that of the rows that go on after the layer, and copies that were kept. */
export interface LayerStreams {
  readonly x: Rows;
  readonly out: Rows;
  readonly kept: Map<string, Rows>;
  /** Columns of what blocks read and give: those of the stream, unless it is several rows side by side. */
  readonly width: number;
}

/** One layer. Gives the stream that goes on. */
export function buildLayer(
  graph: Graph,
  { leading, mixer, between, feedForward, beside, residualScale, inputScale, restarts, parallel }: LayerSpec,
  { x, out, kept, width }: LayerStreams,
): Rows {
  const normal = graph.rows('normal', width);
  if (leading) {
    const { at, stride } = mix(graph, leading, x, normal);
    graph.perRow(
      'tokens',
      addRows.call({
        target: x.at,
        targetStride: x.stride,
        source: at,
        sourceStride: stride,
        bytes: 4 * x.columns,
        scale: residualScale,
      }),
    );
  }
  const mixerRead = streamRead(graph, mixer?.norms.read, x, kept);
  const mixed = mixer && mix(graph, mixer, mixerRead.rows, normal);
  const narrow = (rows: Rows): Rows => (out === x ? rows : narrowed(graph, rows, out.buffer.kind));
  if (out !== x) narrow(x);
  const { kind } = out.buffer;
  const join = (rows: Rows, shares: Rows | undefined): void =>
    shares ? hyperAdd(graph, out, rows, shares) : add(rows);
  const add = (rows: Rows): void =>
    graph.perRow(
      kind,
      addRows.call({
        target: out.at,
        targetStride: out.stride,
        source: rows.at,
        sourceStride: rows.stride,
        bytes: 4 * x.columns,
        scale: residualScale,
      }),
    );
  const restart = (from: Rows, scale: number | undefined): void => {
    if (scale !== undefined)
      graph.perRow(
        kind,
        scaleRows.call({
          input: from.at,
          inputStride: from.stride,
          output: out.at,
          outputStride: out.stride,
          bytes: 4 * x.columns,
          scale,
        }),
      );
  };
  const sumNorm = ({ norms }: { readonly norms: BlockNorms }): void =>
    graph.perRow(kind, ...(norms.sum ? [normCall(graph, norms.sum, out, out)] : []));
  const mixedOut = mixed && narrow(mixed);
  const inner = parallel || inputScale !== undefined ? narrow(normal) : graph.rows('normal', width, kind);
  const fedBeside =
    beside &&
    feed(
      graph,
      beside,
      'fed beside',
      inputOf(graph, beside.norms, out, graph.rows('normal beside', x.columns, kind), feedForwardInputs(graph, beside)),
    );
  routeBy(graph, feedForward, 'layer', out);
  if (mixer && mixedOut && !parallel) {
    restart(inner, inputScale);
    if (restarts) restart(mixedOut, residualScale);
    else join(mixedOut, mixerRead.shares && narrow(mixerRead.shares));
    sumNorm(mixer);
    streamSteps(graph, between, out, kept);
  }
  if (!feedForward) return out;
  routeBy(graph, feedForward, 'block', out);
  const feedRead = streamRead(graph, feedForward.norms.read, out, kept);
  const fed = feed(graph, feedForward, 'fed', feedForwardInput(graph, feedForward, parallel, feedRead.rows, inner));
  restart(inner, inputScale);
  if (parallel && mixedOut) add(mixedOut);
  join(fed, feedRead.shares);
  if (fedBeside) add(fedBeside);
  if (!parallel) sumNorm(feedForward);
  return out;
}

/** The rows of a buffer that go on, in the buffer of the same name for them. */
export function narrowed(graph: Graph, rows: Rows, kind: RowKind): Rows {
  const some = graph.rows(rows.buffer.name, rows.columns, kind);
  graph.perRow(kind, gather(graph, rows, some, 'outputRows'));
  return some;
}

/** Rows at the places that the step names. */
export const gather = (graph: Graph, from: Rows, to: Rows, indexes: 'outputRows' | 'headRows') =>
  gatherRows.call({
    table: from.at,
    tableStride: from.stride,
    indexes: graph.step.part(indexes),
    output: to.at,
    outputStride: to.stride,
    bytes: 4 * from.columns,
  });
