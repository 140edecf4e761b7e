import type { KernelCall, Task } from '@starling/kernels';
import { copyGroups, deltaNetElementScan, deltaNetScan, gatedActivations } from '@starling/kernels/internal';
import type { LinearSpec, MapSpec } from '../architecture/block-spec.js';
import type { DeltaNetSpec } from '../architecture/mixer-spec.js';
import { convolutionTask } from './convolution.js';
import { deltaGates, gateInputs, type DeltaGates } from './delta-gates.js';
import type { Graph } from './graph.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { firstOf, maps, type MapProduct } from './map.js';
import { normCall } from './norm.js';
import { columnsOf, type Rows } from './rows.js';
import { unitLength } from './unit-length.js';
import type { MatrixWeight } from './weights.js';

/** Tokens, or heads of tokens, that a worker takes at a time for what is little work. */
const smallChunk = 8;

/** Matrices that read the block's input. */
export function deltaNetInputs(graph: Graph, { projection, gates }: DeltaNetSpec): MatrixWeight[] {
  return [...projectionsOf(projection), ...gateInputs(gates)].map((linear) => matrixOf(graph, linear));
}

function projectionsOf(projection: DeltaNetSpec['projection']): LinearSpec[] {
  if (projection.kind === 'fused') return [projection.qkvGate];
  return [
    ...(projection.kind === 'separate' ? [projection.qkv] : [projection.q, projection.k, projection.v]),
    firstOf(projection.gate),
  ];
}

/** The gated delta rule: projections, convolution, normalized queries and keys, recurrence over a state for each head, norm and gate of each head, output projection. */
export function deltaNetBlock(graph: Graph, spec: DeltaNetSpec, input: Rows, output: Rows): void {
  const { heads, keyHeads, keyLength, valueLength } = spec;
  const keys = keyHeads * keyLength;
  const gates = deltaGates(graph, spec);
  const { qkv, gate } = project(graph, spec, input, gates.maps);
  const mixed = graph.rows('delta net mixed', qkv.columns);
  graph.parallel(...convolutionTasks(graph, spec, qkv, mixed), {
    per: 'tokens',
    factor: 1,
    chunk: smallChunk,
    calls: gates.calls,
  });

  const queryRows = columnsOf(mixed, 0, keys);
  const keyRows = columnsOf(mixed, keys, keys);
  const unit = { heads: keyHeads, length: keyLength, epsilon: spec.epsilon };
  graph.parallel({
    per: 'tokens',
    factor: keyHeads,
    chunk: smallChunk,
    calls: [
      unitLength(graph, queryRows, { ...unit, factor: 1 / Math.sqrt(keyLength) }),
      unitLength(graph, keyRows, { ...unit, factor: 1 }),
    ],
  });
  const result = graph.rows('delta net output', heads * valueLength);
  const slotStride = 4 * heads * keyLength * valueLength;
  const scan = (spec.gates.kind === 'elements' ? deltaNetElementScan : deltaNetScan).call({
    q: queryRows.at,
    k: keyRows.at,
    v: columnsOf(mixed, 2 * keys, heads * valueLength).at,
    inputStride: mixed.stride,
    strengths: gates.strengths.at,
    strengthsStride: gates.strengths.stride,
    decays: gates.decays.at,
    decaysStride: gates.decays.stride,
    output: result.at,
    outputStride: result.stride,
    state: graph.state(slotStride),
    slotStride,
    sequences: graph.step.part('sequences'),
    heads,
    keyHeads,
    keyDivisor: spec.sharing === 'neighbours' ? heads / keyHeads : 1,
    keyLength,
    valueLength,
  });
  graph.parallel({ per: 'sequences', factor: heads, chunk: 1, calls: [scan] });
  graph.parallel({
    per: 'tokens',
    factor: heads,
    chunk: smallChunk,
    calls: [normCall(graph, spec.innerNorm, result, result, { groups: heads, columns: valueLength })],
  });
  const rowBytes = 4 * result.columns;
  const gated = {
    input: gate.at,
    inputStride: gate.stride,
    up: result.at,
    upStride: result.stride,
    output: result.at,
    outputStride: result.stride,
    rowBytes,
    blockBytes: rowBytes,
    blocks: 1,
  };
  const matrix = matrixOf(graph, spec.output);
  graph.perRow('tokens', gatedActivations[spec.gateActivation].call(gated), ...convertFor(graph, result, [matrix]));
  linearMaps(graph, result, [spec.output, output]);
}

/** Each convolution takes the channels after those of the one before it. */
function convolutionTasks(graph: Graph, { convolutions }: DeltaNetSpec, qkv: Rows, mixed: Rows): Task[] {
  let first = 0;
  return convolutions.map((convolution) => {
    const { channels } = convolution;
    first += channels;
    return convolutionTask(
      graph,
      convolution,
      columnsOf(qkv, first - channels, channels),
      columnsOf(mixed, first - channels, channels),
      'silu',
    );
  });
}

interface Projected {
  /** Queries of all key heads, then keys, then values of all heads. */
  readonly qkv: Rows;
  readonly gate: Rows;
}

function project(graph: Graph, spec: DeltaNetSpec, input: Rows, gates: DeltaGates['maps']): Projected {
  const { heads, keyHeads, keyLength, valueLength, projection } = spec;
  const [keys, values] = [keyHeads * keyLength, heads * valueLength];
  const qkv = graph.rows('delta net input', 2 * keys + values);
  const gate = graph.rows('delta net gate', values);
  const read = ([map, to]: readonly [MapSpec, Rows]): MapProduct => [map, input, to];
  if (projection.kind === 'separate')
    maps(graph, ...[[{ last: projection.qkv }, qkv] as const, [projection.gate, gate] as const, ...gates].map(read));
  else if (projection.kind === 'apart') {
    const part = (last: LinearSpec, first: number): readonly [MapSpec, Rows] => [
      { last },
      columnsOf(qkv, first, last.rows),
    ];
    maps(
      graph,
      ...[
        part(projection.q, 0),
        part(projection.k, keys),
        part(projection.v, 2 * keys),
        [projection.gate, gate] as const,
        ...gates,
      ].map(read),
    );
  } else {
    const all = graph.rows('delta net fused', projection.qkvGate.rows);
    maps(graph, ...[[{ last: projection.qkvGate }, all] as const, ...gates].map(read));
    graph.parallel({ per: 'tokens', factor: keyHeads, chunk: smallChunk, calls: partFused(spec, all, qkv, gate) });
  }
  return { qkv, gate };
}

/** From what each key head has together to rows of queries, keys, values and gates of all heads. Unit = token * key heads + key head. */
function partFused(
  { heads, keyHeads, keyLength, valueLength }: DeltaNetSpec,
  all: Rows,
  qkv: Rows,
  gate: Rows,
): KernelCall[] {
  const values = (heads / keyHeads) * valueLength;
  const groupLength = 2 * keyLength + 2 * values;
  const part = (first: number, length: number, target: Rows, to: number): KernelCall =>
    copyGroups.call({
      source: columnsOf(all, first, length).at,
      sourceTokenStride: all.stride,
      sourceGroupStride: 4 * groupLength,
      target: columnsOf(target, to, keyHeads * length).at,
      targetTokenStride: target.stride,
      targetGroupStride: 4 * length,
      groups: keyHeads,
      bytes: 4 * length,
    });
  return [
    part(0, keyLength, qkv, 0),
    part(keyLength, keyLength, qkv, keyHeads * keyLength),
    part(2 * keyLength, values, qkv, 2 * keyHeads * keyLength),
    part(2 * keyLength + values, values, gate, 0),
  ];
}
