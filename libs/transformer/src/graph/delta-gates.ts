import type { KernelCall } from '@starling/kernels';
import { addBias, multiplyRows, recurrenceGates, scaleRows } from '@starling/kernels/internal';
import type { LinearSpec, MapSpec } from '../architecture/block-spec.js';
import type { DeltaNetSpec } from '../architecture/mixer-spec.js';
import { applyCall } from './activation.js';
import type { Graph } from './graph.js';
import { firstOf } from './map.js';
import { columnsOf, type Rows } from './rows.js';

/** How strongly each head of a delta net takes in, and how fast it forgets. */
export interface DeltaGates {
  /** What the block's input is mapped to first. */
  readonly maps: readonly (readonly [MapSpec, Rows])[];
  /** What is then done to it. Unit = token. */
  readonly calls: readonly KernelCall[];
  /** (heads) floats. */
  readonly strengths: Rows;
  /** (heads) floats, or (heads, keyLength) for `elements`. */
  readonly decays: Rows;
}

/** Maps that read the block's input. */
export function gateInputs(gates: DeltaNetSpec['gates']): LinearSpec[] {
  if (gates.kind === 'fused') return [gates.both];
  return gates.kind === 'separate' ? [gates.strength, gates.step] : [gates.strength, firstOf(gates.step)];
}

export function deltaGates(graph: Graph, spec: DeltaNetSpec): DeltaGates {
  const { heads, gates } = spec;
  if (gates.kind === 'elements') return elementGates(graph, spec, gates);
  const rows = graph.rows('delta net gate input', 2 * heads);
  const made = graph.rows('recurrence gates', 2 * heads);
  const group = gates.kind === 'fused' ? heads / spec.keyHeads : heads;
  const call = recurrenceGates({
    kind: 'deltaNet',
    input: rows.at,
    inputStride: rows.stride,
    rawColumn: group,
    heads,
    group,
    bias: graph.tensor(spec.stepBias),
    rate: graph.tensor(spec.rate),
    gates: made.at,
    gatesStride: made.stride,
  });
  return {
    maps:
      gates.kind === 'fused'
        ? [[{ last: gates.both }, rows]]
        : [
            [{ last: gates.strength }, columnsOf(rows, 0, heads)],
            [{ last: gates.step }, columnsOf(rows, heads, heads)],
          ],
    calls: [call],
    strengths: columnsOf(made, 0, heads),
    decays: columnsOf(made, heads, heads),
  };
}

/** Decays e^(rate * softplus(step + bias)), or e^(floor * logistic(sign * rate * (step + bias))), of each element of a head's keys. */
function elementGates(
  graph: Graph,
  { heads, keyLength, stepBias, rate }: DeltaNetSpec,
  { strength, step, bound }: Extract<DeltaNetSpec['gates'], { kind: 'elements' }>,
): DeltaGates {
  const strengths = graph.rows('delta net strengths', heads);
  const decays = graph.rows('delta net decays', heads * keyLength);
  const bytes = 4 * decays.columns;
  const sign = bound?.sign ?? 1;
  const rates = graph.vector(
    `${sign} times ${rate.name} of elements`,
    {
      tensor: rate,
      derive: (values) =>
        Float32Array.from({ length: heads * keyLength }, (_, i) => sign * values[Math.floor(i / keyLength)]),
    },
    bytes,
  );
  const timesRate = multiplyRows.call({
    target: decays.at,
    targetStride: decays.stride,
    source: rates,
    sourceStride: 0,
    bytes,
  });
  const exponents = bound
    ? [
        timesRate,
        applyCall('sigmoid', decays),
        scaleRows.call({
          input: decays.at,
          inputStride: decays.stride,
          output: decays.at,
          outputStride: decays.stride,
          bytes,
          scale: bound.floor,
        }),
      ]
    : [applyCall('softplus', decays), timesRate];
  const bias = addBias.call({
    target: decays.at,
    tokenStride: decays.stride,
    groups: 1,
    bias: graph.tensor(stepBias),
    bytes,
  });
  return {
    maps: [
      [{ last: strength }, strengths],
      [step, decays],
    ],
    calls: [applyCall('sigmoid', strengths), bias, ...exponents, applyCall('exp', decays)],
    strengths,
    decays,
  };
}
