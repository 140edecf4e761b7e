import { assert } from '@starling/core';
import { kvPageBytes } from '@starling/kernels/internal';
import type { EncoderSpec } from '../architecture/model-spec.js';
import { steer } from './adapters.js';
import type { Graph } from './graph.js';
import { buildLayer } from './layer.js';
import { biasCalls, convertFor, matrixOf, multiply } from './linear.js';
import { normCall } from './norm.js';
import type { RangeHome } from './placement.js';
import type { Rows } from './rows.js';
import { shapeOf, writeCall } from './scores.js';

/** What an encoder makes of each token, and where it is. */
export interface EncodedRows {
  readonly rows: Rows;
  readonly home: RangeHome;
}

/**
 * Records an encoder over the embedded tokens of `x`, and what each layer of the decoder, which has been recorded before, gets of its rows. A
 * layer works where the pages are that its keys and values go to for the while.
 */
export function buildEncoder(graph: Graph, { layers, norm, handovers }: EncoderSpec, x: Rows): EncodedRows {
  layers.forEach((layer, index) => {
    const { mixer } = layer;
    assert(mixer?.kind === 'attention' && mixer.borrows !== undefined, 'an encoder borrows pages');
    graph.moveTo(graph.pagesOf(mixer.borrows).home, x);
    buildLayer(graph, layer, { x, out: x, kept: graph.kept, width: x.columns });
    steer(graph, index, x);
  });
  const rows = graph.rows('encoded', x.columns);
  const { home } = graph;
  graph.perRow('tokens', normCall(graph, norm, x, rows));
  for (const handover of handovers) handOver(graph, handover, rows);
  return { rows, home };
}

function handOver(graph: Graph, { keys, values, to }: EncoderSpec['handovers'][number], encoded: Rows): void {
  const region = graph.pagesOf(to);
  const { home, pageBytes } = region;
  const shape = shapeOf(graph, to);
  assert(pageBytes === kvPageBytes(shape.kv), 'pages hold what is handed over');
  graph.moveTo(home, encoded);
  const rows = { keys: graph.rows('encoded keys', keys.rows), values: graph.rows('encoded values', values.rows) };
  graph.perRow(
    'tokens',
    ...convertFor(
      graph,
      encoded,
      [keys, values].map((linear) => matrixOf(graph, linear)),
    ),
  );
  multiply(graph, [keys, encoded, rows.keys], [values, encoded, rows.values]);
  graph.perRow('tokens', ...biasCalls(graph, keys, rows.keys), ...biasCalls(graph, values, rows.values));
  graph.parallel({
    per: 'tokens',
    factor: shape.kv.heads,
    chunk: shape.kv.heads,
    calls: [writeCall(graph, shape, region, rows.keys, rows.values)],
  });
}
