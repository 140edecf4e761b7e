import type { KernelCall, Task } from '@starling/kernels';
import { addByFactors, addRows, copyGroups, matchLength, multiplyRows, scaleRows } from '@starling/kernels/internal';
import type { AltUpLayerSpec, AltUpSpec, LayerSpec } from '../architecture/model-spec.js';
import { applyCall } from './activation.js';
import type { Graph } from './graph.js';
import { feed, feedForwardInput, mix } from './layer-blocks.js';
import { convertFor, linearMaps, matrixOf } from './linear.js';
import { normCall } from './norm.js';
import { asPairs, gatherPairs, headMatrix, headTables, pairRows, perHeadTask } from './per-head.js';
import { injected, perLayerInputsName } from './per-layer-inputs.js';
import { columnsOf, type Rows } from './rows.js';

/*
 * Alternating updates (AltUp: Baykal et al., 2023): the residual stream of a token is several rows side by side, the first of which is worked on.
 */

/** Parts of rows that a worker takes at a time. */
const partChunk = 4;

/** The streams of embedded tokens: the rows themselves, and maps of them that are as long. */
export function expandStreams(graph: Graph, { streams, expansion }: AltUpSpec, x: Rows): Rows {
  const width = x.columns;
  const all = graph.rows('streams', streams * width);
  graph.perRow('tokens', ...convertFor(graph, x, [matrixOf(graph, expansion)]));
  linearMaps(graph, x, [expansion, columnsOf(all, width, (streams - 1) * width)]);
  graph.parallel(perPart(streams - 1, matchCall(columnsOf(all, width, (streams - 1) * width), x)), {
    per: 'tokens',
    factor: 1,
    chunk: partChunk,
    calls: [copyCall(x, columnsOf(all, 0, width), 1)],
  });
  return all;
}

/** The mean of the first stream and of maps of the others that are as long, into `x`. */
export function mergeStreams(graph: Graph, { streams, merging }: AltUpSpec, all: Rows, x: Rows): void {
  const width = x.columns;
  const others = streams - 1;
  const first = columnsOf(all, 0, width);
  const tables = headTables(graph, others);
  const [pairs, sorted] = [
    pairRows(graph, 'streams to merge', others, width),
    pairRows(graph, 'streams by number', others, width),
  ];
  const [products, merged] = [
    pairRows(graph, 'merged by number', others, width),
    pairRows(graph, 'merged streams', others, width),
  ];
  graph.parallel(perPart(others, copyCall(columnsOf(all, width, others * width), pairs, others)));
  graph.parallel(
    perPart(
      others,
      gatherPairs(pairs, width, tables.pairOfRow, sorted, width, width),
      ...convertFor(graph, asPairs(sorted, width), [headMatrix(graph, merging)], { multiple: others }),
    ),
  );
  graph.parallel(perHeadTask(graph, merging, tables, others, sorted, products));
  graph.parallel(
    perPart(others, gatherPairs(products, width, tables.rowOfPair, merged, width, width), matchCall(merged, first)),
  );
  const add = (source: Rows): KernelCall =>
    addRows.call({
      target: x.at,
      targetStride: x.stride,
      source: source.at,
      sourceStride: source.stride,
      bytes: 4 * width,
      scale: 1,
    });
  graph.perRow(
    'tokens',
    copyCall(first, x, 1),
    ...Array.from({ length: others }, (_, i) => add(columnsOf(merged, i * width, width))),
    scaleCall(x, 1 / streams),
  );
}

/** One layer, on the streams of all tokens. */
export function altUpLayer(
  graph: Graph,
  layer: LayerSpec,
  spec: AltUpLayerSpec,
  all: Rows,
  kept: ReadonlyMap<string, Rows>,
): void {
  const streams = spec.correction.rows;
  const width = all.columns / streams;
  const predicted = graph.rows('predicted streams', all.columns);
  const coefficients = graph.rows('stream coefficients', streams * streams);
  coefficientsOf(graph, spec, columnsOf(all, 0, width), spec.prediction, coefficients);
  const fromStream = (a: number): KernelCall =>
    factorsCall(predicted, streams, columnsOf(all, a * width, width), columnsOf(coefficients, a, 1), 4 * streams, 0);
  graph.parallel(
    perPart(streams, copyCall(all, predicted, streams), ...Array.from({ length: streams }, (_, a) => fromStream(a))),
  );

  const active = columnsOf(predicted, 0, width);
  const activated = activate(graph, layer, spec, active);
  const change = graph.rows('innovation', width);
  graph.perRow(
    'tokens',
    copyCall(activated, change, 1),
    addRows.call({
      target: change.at,
      targetStride: change.stride,
      source: active.at,
      sourceStride: active.stride,
      bytes: 4 * width,
      scale: -1,
    }),
  );
  coefficientsOf(graph, spec, activated, spec.correction, coefficients);
  graph.parallel(
    perPart(streams, copyCall(predicted, all, streams), factorsCall(all, streams, change, coefficients, 4, 1)),
  );

  const corrected = graph.rows('corrected', width);
  graph.perRow(
    'tokens',
    copyCall(columnsOf(all, 0, width), corrected, 1),
    multiplyRows.call({
      target: corrected.at,
      targetStride: corrected.stride,
      source: graph.tensor(spec.correctedScale),
      sourceStride: 0,
      bytes: 4 * width,
    }),
  );
  const more = injected(graph, spec.injection, kept.get(perLayerInputsName)!, corrected);
  const addMore = (stream: number): KernelCall => {
    const target = columnsOf(all, stream * width, width);
    return addRows.call({
      target: target.at,
      targetStride: target.stride,
      source: more.at,
      sourceStride: more.stride,
      bytes: 4 * width,
      scale: 1,
    });
  };
  graph.perRow('tokens', ...Array.from({ length: streams - 1 }, (_, i) => addMore(i + 1)));
}

/** What the layer's blocks make of the active stream: attention and the shortcut beside it, then the feed-forward block. */
function activate(graph: Graph, { mixer, feedForward }: LayerSpec, { shortcut }: AltUpLayerSpec, active: Rows): Rows {
  const width = active.columns;
  const add = (target: Rows, source: Rows): KernelCall =>
    addRows.call({
      target: target.at,
      targetStride: target.stride,
      source: source.at,
      sourceStride: source.stride,
      bytes: 4 * width,
      scale: 1,
    });
  const normal = graph.rows('normal', width);
  const short = graph.rows('shortcut', width);
  const thin = graph.rows('shortcut inner', shortcut.first.rows);
  graph.perRow(
    'tokens',
    normCall(graph, mixer!.norms.input!, active, normal),
    ...convertFor(graph, normal, [matrixOf(graph, shortcut.first)]),
  );
  linearMaps(graph, normal, [shortcut.first, thin]);
  graph.perRow('tokens', ...convertFor(graph, thin, [matrixOf(graph, shortcut.second)]));
  linearMaps(graph, thin, [shortcut.second, short]);
  graph.perRow('tokens', normCall(graph, shortcut.norm, short, short), add(short, normal));

  const y = graph.rows('activated', width);
  const mixed = mix(graph, mixer!, active, normal);
  graph.perRow('tokens', copyCall(mixed, y, 1), add(y, active), add(y, short), scaleCall(y, Math.SQRT1_2));
  const fed = feed(graph, feedForward!, 'fed', feedForwardInput(graph, feedForward!, false, y, normal));
  graph.perRow('tokens', add(y, fed));
  return y;
}

/** map tanh(router norm(row) / width). */
function coefficientsOf(
  graph: Graph,
  { routerNorm, router }: AltUpLayerSpec,
  row: Rows,
  map: AltUpLayerSpec['correction'],
  to: Rows,
): void {
  const input = graph.rows('stream router input', row.columns);
  const modalities = graph.rows('stream modalities', router.rows);
  graph.perRow(
    'tokens',
    normCall(graph, routerNorm, row, input),
    scaleCall(input, 1 / row.columns),
    ...convertFor(graph, input, [matrixOf(graph, router)]),
  );
  linearMaps(graph, input, [router, modalities]);
  graph.perRow('tokens', applyCall('tanh', modalities), ...convertFor(graph, modalities, [matrixOf(graph, map)]));
  linearMaps(graph, modalities, [map, columnsOf(to, 0, map.rows)]);
}

const perPart = (factor: number, ...calls: KernelCall[]): Task => ({ per: 'tokens', factor, chunk: partChunk, calls });

/** Parts of rows from one place to another. Unit = token * parts + part. */
function copyCall(from: Rows, to: Rows, parts: number): KernelCall {
  const bytes = (4 * to.columns) / parts;
  return copyGroups.call({
    source: from.at,
    sourceTokenStride: from.stride,
    sourceGroupStride: bytes,
    target: to.at,
    targetTokenStride: to.stride,
    targetGroupStride: bytes,
    groups: parts,
    bytes,
  });
}

const scaleCall = (rows: Rows, scale: number): KernelCall =>
  scaleRows.call({
    input: rows.at,
    inputStride: rows.stride,
    output: rows.at,
    outputStride: rows.stride,
    bytes: 4 * rows.columns,
    scale,
  });

/** Gives each part of the rows the length of a row of `reference`. */
function matchCall(rows: Rows, reference: Rows): KernelCall {
  const bytes = 4 * reference.columns;
  return matchLength.call({
    target: rows.at,
    tokenStride: rows.stride,
    groupStride: bytes,
    groups: rows.columns / reference.columns,
    reference: reference.at,
    referenceStride: reference.stride,
    bytes,
  });
}

/** Each part of the rows += (its factor + more) * source. */
function factorsCall(
  rows: Rows,
  parts: number,
  source: Rows,
  factors: Rows,
  factorStride: number,
  more: number,
): KernelCall {
  const bytes = 4 * source.columns;
  return addByFactors.call({
    target: rows.at,
    tokenStride: rows.stride,
    groupStride: bytes,
    groups: parts,
    source: source.at,
    sourceStride: source.stride,
    factors: factors.at,
    factorsStride: factors.stride,
    factorStride,
    more,
    bytes,
  });
}
