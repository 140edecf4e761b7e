import { gatedActivations } from '@starling/kernels/internal';
import type { ChannelMixSpec } from '../architecture/block-spec.js';
import { applyCall } from './activation.js';
import type { Graph } from './graph.js';
import { lerpCall, lerpVector, tokenDifference } from './lerp.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { maps } from './map.js';
import type { Rows } from './rows.js';

/** RWKV's feed-forward block, of all tokens: it keeps the last row of each sequence. */
export function channelMixBlock(
  graph: Graph,
  { keyLerp, key, value, receptance }: ChannelMixSpec,
  input: Rows,
  output: Rows,
): void {
  const width = input.columns;
  const difference = tokenDifference(graph, input);
  const keyInput = graph.rows('channel mix key input', width);
  const inner = graph.rows('channel mix inner', key.rows);
  graph.perRow(
    'tokens',
    lerpCall(input, difference, lerpVector(graph, keyLerp, width), keyInput),
    ...convertFor(graph, keyInput, [matrixOf(graph, key)]),
  );
  const gate = graph.rows('channel mix gate', width);
  if (receptance) {
    const gateInput = graph.rows('channel mix gate input', width);
    graph.perRow(
      'tokens',
      lerpCall(input, difference, lerpVector(graph, receptance.lerp, width), gateInput),
      ...convertFor(graph, gateInput, [matrixOf(graph, receptance.linear)]),
    );
    maps(graph, [{ last: key }, keyInput, inner], [{ last: receptance.linear }, gateInput, gate]);
  } else linearMaps(graph, keyInput, [key, inner]);
  graph.perRow('tokens', applyCall('relu2', inner), ...convertFor(graph, inner, [matrixOf(graph, value)]));
  linearMaps(graph, inner, [value, output]);
  const rowBytes = 4 * width;
  if (receptance)
    graph.perRow(
      'tokens',
      gatedActivations.sigmoid.call({
        input: gate.at,
        inputStride: gate.stride,
        up: output.at,
        upStride: output.stride,
        output: output.at,
        outputStride: output.stride,
        rowBytes,
        blockBytes: rowBytes,
        blocks: 1,
      }),
    );
}
