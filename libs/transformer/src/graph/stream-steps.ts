import { addBias, addRows, gatherRows, scaleByValue, scaleRows } from '@starling/kernels/internal';
import type { StreamStep } from '../architecture/model-spec.js';
import type { Graph } from './graph.js';
import { normCall } from './norm.js';
import { addNgrams } from './ngrams.js';
import { injected, perLayerInputsName } from './per-layer-inputs.js';
import type { Rows } from './rows.js';

/**
 * Steps of the residual stream beside the blocks of layers.
 * @param kept copies of the stream of all tokens, by name; the stream itself may be down to the rows that go on
 */
export function streamSteps(
  graph: Graph,
  steps: readonly StreamStep[] = [],
  stream: Rows,
  kept: Map<string, Rows>,
): void {
  const { kind } = stream.buffer;
  const bytes = 4 * stream.columns;
  const target = { target: stream.at, targetStride: stream.stride };
  for (const step of steps) {
    if (step.kind === 'shift') {
      graph.perRow(
        kind,
        addBias.call({
          target: stream.at,
          tokenStride: stream.stride,
          groups: 1,
          bias: graph.tensor(step.vector),
          bytes,
        }),
      );
    } else if (step.kind === 'scale') {
      const { factor } = step;
      const inPlace = {
        input: stream.at,
        inputStride: stream.stride,
        output: stream.at,
        outputStride: stream.stride,
        bytes,
      };
      graph.perRow(
        kind,
        typeof factor === 'number'
          ? scaleRows.call({ ...inPlace, scale: factor })
          : scaleByValue.call({ ...target, factor: graph.tensor(factor), bytes }),
      );
    } else if (step.kind === 'norm') {
      graph.perRow(kind, normCall(graph, step.norm, stream, stream));
    } else if (step.kind === 'inject') {
      const more = injected(graph, step.injection, kept.get(perLayerInputsName)!, stream);
      graph.perRow(kind, addRows.call({ ...target, source: more.at, sourceStride: more.stride, bytes, scale: 1 }));
    } else if (step.kind === 'ngrams') {
      addNgrams(graph, step.ngrams, stream);
    } else if (step.kind === 'keep') {
      const copy = graph.rows(`kept ${step.name}`, stream.columns, kind);
      graph.perRow(
        kind,
        scaleRows.call({
          input: stream.at,
          inputStride: stream.stride,
          output: copy.at,
          outputStride: copy.stride,
          bytes,
          scale: 1,
        }),
      );
      kept.set(step.name, copy);
    } else {
      const source = recalled(graph, kept.get(step.name)!, stream);
      if (step.scale)
        graph.perRow(
          kind,
          scaleByValue.call({
            target: source.at,
            targetStride: source.stride,
            factor: graph.tensor(step.scale),
            bytes,
          }),
        );
      graph.perRow(kind, addRows.call({ ...target, source: source.at, sourceStride: source.stride, bytes, scale: 1 }));
    }
  }
}

/** A copy of kept rows for the rows of the stream, which may be changed. */
function recalled(graph: Graph, rows: Rows, stream: Rows): Rows {
  const { kind } = stream.buffer;
  const copy = graph.rows('recalled', stream.columns, kind);
  const to = { output: copy.at, outputStride: copy.stride, bytes: 4 * stream.columns };
  graph.perRow(
    kind,
    rows.buffer.kind === kind
      ? scaleRows.call({ input: rows.at, inputStride: rows.stride, ...to, scale: 1 })
      : gatherRows.call({ table: rows.at, tableStride: rows.stride, indexes: graph.step.part('outputRows'), ...to }),
  );
  return copy;
}
