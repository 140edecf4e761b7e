import type { KernelCall } from '@starling/kernels';
import {
  clampedSwiglu,
  gatedActivations,
  limitedSwiglu,
  plainActivations,
  situ,
  situGate,
  xielu,
  type Activation,
} from '@starling/kernels/internal';
import { assert } from '@starling/core';
import type { GatedFunctionSpec } from '../architecture/block-spec.js';
import type { Rows } from './rows.js';

type Operands = Parameters<(typeof gatedActivations)['silu']['call']>[0];

/** Columns of a row that one worker takes: long rows of few tokens are shared. A multiple of what is quantized together. */
export const blockColumns = 1024;

/** Rows of the gate and of what it lets through; without a gate both are the same. */
export interface GatedRows {
  readonly gate: Rows;
  readonly up: Rows;
}

/** What a feed-forward block does between its matrices: a function of `gate` times `up`, or of `gate` alone in a plain block, into `inner`. Unit = row * blocks + block. */
export function activateRows(
  activation: GatedFunctionSpec,
  isPlain: boolean,
  { gate, up }: GatedRows,
  inner: Rows,
): { readonly call: KernelCall; readonly blocks: number } {
  const blocks = Math.ceil(inner.columns / blockColumns);
  const call = activationCall(activation, isPlain, {
    input: gate.at,
    inputStride: gate.stride,
    up: up.at,
    upStride: up.stride,
    output: inner.at,
    outputStride: inner.stride,
    rowBytes: 4 * inner.columns,
    blockBytes: 4 * blockColumns,
    blocks,
  });
  return { call, blocks };
}

function activationCall(activation: GatedFunctionSpec, isPlain: boolean, operands: Operands): KernelCall {
  if (typeof activation === 'string') return (isPlain ? plainActivations : gatedActivations)[activation].call(operands);
  assert(isPlain === (activation.kind === 'xielu'), 'what bounds a gate has a gate, and xIELU has none');
  if (activation.kind === 'xielu') return xielu.call({ ...operands, ...activation });
  if (activation.kind === 'clampedSwiglu') return clampedSwiglu.call({ ...operands, ...activation });
  if (activation.kind === 'limitedSwiglu') return limitedSwiglu.call({ ...operands, limit: activation.limit });
  const { beta, linearBeta } = activation;
  return linearBeta === undefined ? situGate.call({ ...operands, beta }) : situ.call({ ...operands, beta, linearBeta });
}

/** rows = activation(rows), in place: whole vectors, as rows are padded. Unit = row. */
export function applyCall(activation: Activation, rows: Rows): KernelCall {
  const rowBytes = 16 * Math.ceil(rows.columns / 4);
  return plainActivations[activation].call({
    input: rows.at,
    inputStride: rows.stride,
    up: rows.at,
    upStride: rows.stride,
    output: rows.at,
    outputStride: rows.stride,
    rowBytes,
    blockBytes: rowBytes,
    blocks: 1,
  });
}
