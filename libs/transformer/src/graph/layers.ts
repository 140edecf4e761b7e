import { addRows, gatherRows, scaleRows, addGatheredRows, addBias, softcapRows } from '@starling/kernels';
import type { BlockNorms, FeedForwardSpec, NormSpec } from '../architecture/block-spec.js';
import type { LayerSpec, ModelSpec } from '../architecture/model-spec.js';
import { expertsBlock, expertsInputs } from './experts.js';
import { denseBlock, denseInputs } from './feed-forward.js';
import type { Graph } from './graph.js';
import { convertFor, matrixOf, multiplyTask, biasCalls } from './linear.js';
import { mixerBlock, mixerInputs } from './mixer.js';
import { normCall } from './norm.js';
import type { RangeHome } from './placement.js';
import { wholeRows, type Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/** What the runtime reads when a step is done. */
export interface ModelRows {
  /** (head rows, vocabSize) */
  readonly logits?: Rows;
  /** (outputs, embeddingLength) */
  readonly hidden: Rows;
  /** Where both are. */
  readonly home: RangeHome;
}

/**
 * Records the whole model.
 *
 * The residual stream `x` has a row for each token; after the mixer of the last layer only the rows whose results are wanted go on, so
 * that a prompt does not pay for logits and feed-forward blocks that nobody reads.
 */
export function buildModel(graph: Graph, spec: ModelSpec): ModelRows {
  const width = spec.embeddingLength;
  const x = graph.rows('x', width);
  embed(graph, spec, x);
  let stream = x;
  const first = graph.home;
  spec.layers.forEach((layer, index) => {
    graph.moveTo(graph.newHome(`layer ${index}`), x);
    const last = index === spec.layers.length - 1;
    stream = buildLayer(graph, layer, x, last ? graph.rows('x', width, 'outputs') : x);
  });
  // A table that is also the output matrix is kept once: the last step goes back to where it is.
  const tied = spec.output.head?.weight === spec.embedding.table;
  graph.moveTo(tied ? first : graph.newHome('output'), stream);

  graph.begin('hidden');
  const hidden = graph.rows('hidden', width, 'outputs');
  graph.perRow('outputs', normOrCopy(graph, spec.output.norm, stream, hidden));
  graph.begin('head');
  const logits = spec.output.head && buildHead(graph, spec, stream);
  graph.finish();
  return { logits, hidden, home: graph.home };
}

function embed(graph: Graph, { embedding, vocabSize, embeddingLength }: ModelSpec, x: Rows): void {
  const table = graph.matrix(embedding.table, vocabSize, embeddingLength);
  const bytes = 4 * embeddingLength;
  graph.perRow('tokens', table.format.lookup({ weights: table.place, columns: embeddingLength, indexes: graph.step.part('tokenIds'), output: x.at, outputStride: x.stride }));
  if (embedding.scale !== 1) graph.perRow('tokens', scaleRows.call({ input: x.at, inputStride: x.stride, output: x.at, outputStride: x.stride, bytes, scale: embedding.scale }));
  if (embedding.types) graph.perRow('tokens', addBias.call({ target: x.at, tokenStride: x.stride, groups: 1, bias: graph.tensor(embedding.types), bytes }));
  if (embedding.positions) {
    const positions = graph.tensor(embedding.positions);
    graph.perRow('tokens', addGatheredRows.call({ table: positions, tableStride: bytes, indexes: graph.step.part('positions'), target: x.at, targetStride: x.stride, bytes }));
  }
  if (embedding.norm) graph.perRow('tokens', normCall(graph, embedding.norm, x, x));
}

/** One layer. `x` is the stream of all tokens, `out` that of the rows that go on. Gives `out`. */
function buildLayer(graph: Graph, layer: LayerSpec, x: Rows, out: Rows): Rows {
  const { mixer, feedForward, residualScale } = layer;
  const normal = graph.rows('normal', x.columns);
  const mixed = graph.rows('mixed', x.columns);
  const mixerInput = inputOf(graph, mixer.norms, x, normal, mixerInputs(graph, mixer));
  mixerBlock(graph, mixer, mixerInput, mixed);
  graph.perRow('tokens', ...outputNorm(graph, mixer.norms, mixed));

  const narrowed = out !== x;
  const kind = out.buffer.kind;
  const inner = narrowed ? graph.rows('normal', x.columns, kind) : normal;
  const mixedOut = narrowed ? graph.rows('mixed', x.columns, kind) : mixed;
  if (narrowed) {
    graph.perRow(kind, gather(graph, x, out, 'outputRows'), gather(graph, mixed, mixedOut, 'outputRows'));
    if (layer.parallel) graph.perRow(kind, gather(graph, normal, inner, 'outputRows'));
  }
  const stream = out;
  const add = (rows: Rows): void => graph.perRow(kind, addRows.call({ target: stream.at, targetStride: stream.stride, source: rows.at, sourceStride: rows.stride, bytes: 4 * x.columns, scale: residualScale }));
  if (!feedForward) {
    add(mixedOut);
    if (mixer.norms.sum) graph.perRow(kind, normCall(graph, mixer.norms.sum, stream, stream));
    return stream;
  }
  const fed = graph.rows('fed', x.columns, kind);
  if (layer.parallel) {
    const source = feedForward.norms.input ? inputOf(graph, feedForward.norms, stream, inner, feedForwardInputs(graph, feedForward)) : inner;
    if (!feedForward.norms.input) graph.perRow(kind, ...convertFor(graph, inner, feedForwardInputs(graph, feedForward)));
    feedForwardBlock(graph, feedForward, source, fed);
    graph.perRow(kind, ...outputNorm(graph, feedForward.norms, fed));
    add(mixedOut);
    add(fed);
    return stream;
  }
  add(mixedOut);
  if (mixer.norms.sum) graph.perRow(kind, normCall(graph, mixer.norms.sum, stream, stream));
  const source = inputOf(graph, feedForward.norms, stream, inner, feedForwardInputs(graph, feedForward));
  feedForwardBlock(graph, feedForward, source, fed);
  graph.perRow(kind, ...outputNorm(graph, feedForward.norms, fed));
  add(fed);
  if (feedForward.norms.sum) graph.perRow(kind, normCall(graph, feedForward.norms.sum, stream, stream));
  return stream;
}

/** What a block reads: the normalized stream, or the stream itself, converted for the block's first matrices. */
function inputOf(graph: Graph, norms: BlockNorms, stream: Rows, normal: Rows, matrices: readonly MatrixWeight[]): Rows {
  if (norms.input) graph.perRow(stream.buffer.kind, normCall(graph, norms.input, stream, normal));
  const input = norms.input ? normal : stream;
  graph.perRow(stream.buffer.kind, ...convertFor(graph, input, matrices));
  return input;
}

const outputNorm = (graph: Graph, norms: BlockNorms, rows: Rows) => (norms.output ? [normCall(graph, norms.output, rows, rows)] : []);

function feedForwardInputs(graph: Graph, spec: FeedForwardSpec): MatrixWeight[] {
  return spec.kind === 'dense' ? denseInputs(graph, spec) : expertsInputs(graph, spec);
}

function feedForwardBlock(graph: Graph, spec: FeedForwardSpec, input: Rows, output: Rows): void {
  if (spec.kind === 'dense') denseBlock(graph, spec, input, output);
  else expertsBlock(graph, spec, input, output);
}

function buildHead(graph: Graph, { output, embeddingLength }: ModelSpec, stream: Rows): Rows {
  const head = output.head!;
  const picked = graph.rows('head input', embeddingLength, 'head');
  graph.perRow('head', gather(graph, stream, picked, 'headRows'));
  if (output.norm) graph.perRow('head', normCall(graph, output.norm, picked, picked));
  const matrix = matrixOf(graph, head);
  graph.perRow('head', ...convertFor(graph, picked, [matrix]));
  // Rows lie close together, so that the caller can look at all of them as one array.
  const logits = wholeRows(graph.buffer('logits', 'head', 4 * head.rows), head.rows);
  graph.parallel(multiplyTask(graph, matrix, picked, logits));
  graph.perRow('head', ...biasCalls(graph, head, logits));
  const bytes = 4 * head.rows;
  if (output.softcap !== undefined) graph.perRow('head', softcapRows.call({ target: logits.at, targetStride: logits.stride, bytes, cap: output.softcap, scale: output.scale }));
  else if (output.scale !== 1) graph.perRow('head', scaleRows.call({ input: logits.at, inputStride: logits.stride, output: logits.at, outputStride: logits.stride, bytes, scale: output.scale }));
  return logits;
}

const gather = (graph: Graph, from: Rows, to: Rows, indexes: 'outputRows' | 'headRows') =>
  gatherRows.call({ table: from.at, tableStride: from.stride, indexes: graph.step.part(indexes), output: to.at, outputStride: to.stride, bytes: 4 * from.columns });

function normOrCopy(graph: Graph, norm: NormSpec | undefined, from: Rows, to: Rows) {
  if (norm) return normCall(graph, norm, from, to);
  return scaleRows.call({ input: from.at, inputStride: from.stride, output: to.at, outputStride: to.stride, bytes: 4 * from.columns, scale: 1 });
}
