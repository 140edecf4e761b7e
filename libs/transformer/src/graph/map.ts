import type { LinearSpec, MapSpec } from '../architecture/block-spec.js';
import { applyCall } from './activation.js';
import type { Graph } from './graph.js';
import { biasCalls, convertFor, matrixOf, multiply, type Product } from './linear.js';
import type { Rows } from './rows.js';

/** The linear map that reads the input. */
export const firstOf = ({ first, last }: MapSpec): LinearSpec => first ?? last;

/** A map, what it reads and where its result goes. */
export type MapProduct = readonly [map: MapSpec, input: Rows, output: Rows];

/** Maps that do not depend on each other, of rows that have been converted for the matrices of their first parts: those, then the others. */
export function maps(graph: Graph, ...all: readonly MapProduct[]): void {
  const { kind } = all[0][1].buffer;
  const steps = all.map(([spec, input, to], i) => ({
    spec,
    input,
    to,
    between: spec.first ? graph.rows(`map ${i}`, spec.first.rows, kind) : to,
  }));
  products(
    graph,
    steps.map(({ spec, input, between }) => [firstOf(spec), input, between]),
  );
  const second = steps.filter(({ spec }) => spec.first);
  graph.perRow(
    kind,
    ...second.flatMap(({ spec, between }) => [
      ...(spec.activation ? [applyCall(spec.activation, between)] : []),
      ...convertFor(graph, between, [matrixOf(graph, spec.last)]),
    ]),
  );
  products(
    graph,
    second.map(({ spec, between, to }) => [spec.last, between, to]),
  );
}

function products(graph: Graph, all: readonly Product[]): void {
  if (all.length === 0) return;
  multiply(graph, ...all);
  graph.perRow(all[0][1].buffer.kind, ...all.flatMap(([linear, , to]) => biasCalls(graph, linear, to)));
}
