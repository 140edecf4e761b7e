import type { KernelCall, Placed } from '@starling/kernels';
import { layerNorm, rmsNorm, rmsNormWithBias } from '@starling/kernels/internal';
import type { NormSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';
import type { Rows } from './rows.js';

/** Over which parts of a row a norm goes: the whole row, or `groups` of `columns`, which share the weight or have one each. */
export interface NormGroups {
  readonly groups: number;
  readonly columns: number;
}

/** A norm from `input` to `output`, which may be the same. Unit = row * groups + group. */
export function normCall(
  graph: Graph,
  spec: NormSpec,
  input: Rows,
  output: Rows,
  { groups, columns }: NormGroups = { groups: 1, columns: input.columns },
): KernelCall {
  const values = spec.weight ? spec.weight.rowLength * spec.weight.rowCount : columns;
  const operands = {
    input: input.at,
    inputTokenStride: input.stride,
    inputGroupStride: 4 * columns,
    output: output.at,
    outputTokenStride: output.stride,
    outputGroupStride: 4 * columns,
    weight: spec.weight ? graph.tensor(spec.weight) : constantVector(graph, 1, columns),
    weightGroupStride: values > columns ? 4 * columns : 0,
    groups,
    columns,
    epsilon: spec.epsilon,
  };
  if (spec.kind === 'rms')
    return spec.bias ? rmsNormWithBias.call({ ...operands, bias: graph.tensor(spec.bias) }) : rmsNorm.call(operands);
  return layerNorm.call({ ...operands, bias: spec.bias ? graph.tensor(spec.bias) : constantVector(graph, 0, values) });
}

function constantVector(graph: Graph, value: number, length: number): Placed {
  return graph.vector(`${length} times ${value}`, new Float32Array(length).fill(value), 4 * length);
}
