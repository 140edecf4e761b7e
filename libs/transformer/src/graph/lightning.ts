import type { KernelCall } from '@starling/kernels';
import { copyGroups, stateSpaceScan } from '@starling/kernels/internal';
import type { LightningSpec } from '../architecture/mixer-spec.js';
import { applyCall } from './activation.js';
import type { Graph } from './graph.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { normCall } from './norm.js';
import { outputGate } from './output-gate.js';
import { columnsOf, type Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/** Heads of tokens that a worker takes at a time for what is little work. */
const headChunk = 8;

/** Matrices that read the block's input. */
export function lightningInputs(graph: Graph, { input, gate }: LightningSpec): MatrixWeight[] {
  return [matrixOf(graph, input), matrixOf(graph, gate.linear)];
}

/** Attention without a softmax: the recurrence of a state space whose values, inputs and outputs are values, keys and queries. */
export function lightningBlock(graph: Graph, spec: LightningSpec, input: Rows, output: Rows): void {
  const { heads, headLength } = spec;
  const length = heads * headLength;
  const joined = graph.rows('lightning heads', 3 * length);
  linearMaps(graph, input, [spec.input, joined]);
  graph.perRow('tokens', applyCall('silu', joined));
  const parted = graph.rows('lightning input', 3 * length);
  const [queries, keys, values] = [0, 1, 2].map((part) => columnsOf(parted, part * length, length));
  const bytes = 4 * headLength;
  const part = (to: Rows, index: number): KernelCall =>
    copyGroups.call({
      source: columnsOf(joined, index * headLength, length).at,
      sourceTokenStride: joined.stride,
      sourceGroupStride: 3 * bytes,
      target: to.at,
      targetTokenStride: to.stride,
      targetGroupStride: bytes,
      groups: heads,
      bytes,
    });
  graph.parallel({ per: 'tokens', factor: heads, chunk: headChunk, calls: [queries, keys, values].map(part) });

  const result = graph.rows('lightning result', length);
  const slotStride = 4 * length * headLength;
  // Steps of 1, the same decays for every token, and nothing that skips the state.
  const gates = graph.vector(
    'lightning decays',
    Float32Array.from({ length: 2 * heads }, (_, i) => (i < heads ? 1 : spec.decays[i - heads])),
    8 * heads,
  );
  const call = stateSpaceScan.call({
    x: values.at,
    b: keys.at,
    c: queries.at,
    inputStride: parted.stride,
    parameterStride: parted.stride,
    gates,
    gatesStride: 0,
    skip: graph.vector('lightning skip', new Float32Array(heads), 4 * heads),
    output: result.at,
    outputStride: result.stride,
    state: graph.state(slotStride),
    slotStride,
    sequences: graph.step.part('sequences'),
    heads,
    headsPerGroup: 1,
    headLength,
    stateLength: headLength,
  });
  graph.parallel({ per: 'sequences', factor: heads, chunk: 1, calls: [call] });
  graph.perRow('tokens', normCall(graph, spec.innerNorm, result, result));
  outputGate(graph, spec.gate, { heads, valueLength: headLength }, input, result);
  graph.perRow('tokens', ...convertFor(graph, result, [matrixOf(graph, spec.output)]));
  linearMaps(graph, result, [spec.output, output]);
}
