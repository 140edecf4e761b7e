import type { KernelCall } from '@starling/kernels';
import { copyGroups, scaleRows, addGatheredRows, addBias, softcapRows } from '@starling/kernels/internal';
import type { NormSpec } from '../architecture/block-spec.js';
import type { EncoderSpec, JoinedInputSpec, LayerSpec, ModelSpec } from '../architecture/model-spec.js';
import { adaptEmbeddings, steer } from './adapters.js';
import { altUpLayer, expandStreams, mergeStreams } from './altup.js';
import { buildEncoder, type EncodedRows } from './encoder.js';
import type { Graph } from './graph.js';
import { buildLayer, gather, narrowed } from './layer.js';
import { convertFor, linearMaps, matrixOf, multiply, biasCalls } from './linear.js';
import { normCall } from './norm.js';
import { perLayerInputs, perLayerInputsName } from './per-layer-inputs.js';
import type { RangeHome } from './placement.js';
import { columnsOf, wholeRows, type Rows } from './rows.js';
import { streamRead } from './stream-read.js';
import { streamSteps } from './stream-steps.js';

/** The largest finite float, of 32 bits. */
const largestFloat = (2 - 2 ** -23) * 2 ** 127;

/** What the runtime reads when a step is done. */
export interface ModelRows {
  /** (head rows, vocabSize) */
  readonly logits?: Rows;
  /** (outputs, embeddingLength) */
  readonly hidden: Rows;
  /** (head rows, embeddingLength): what the logits are made of. */
  readonly headInput?: Rows;
  /** (tokens, embeddingLength), of a head that reads hidden states: where they come in. */
  readonly hiddenInput?: { readonly rows: Rows; readonly home: RangeHome };
  /** Where logits and hidden states are. */
  readonly home: RangeHome;
  /** Of a model with an encoder: (tokens, embeddingLength). */
  readonly encoded?: EncodedRows;
}

/**
 * Records the whole model.
 *
 * The residual stream `x` has a row for each token; after the mixer of the last layer only the rows whose results are wanted go on, so
 * that a prompt does not pay for logits and feed-forward blocks that nobody reads.
 */
export function buildModel(graph: Graph, spec: ModelSpec): ModelRows {
  const {
    embeddingLength: width,
    embedding: { copies = 1 },
  } = spec;
  const x = graph.rows('x', copies * width);
  embed(graph, spec, x);
  let stream = x;
  const first = graph.home;
  const hiddenInput = spec.embedding.joined && { rows: joinHidden(graph, spec.embedding.joined, x), home: first };
  // Layers of the same block use the same weights, which are in one place.
  const homes = new Map<number, RangeHome>();
  const homeOf = (layer: LayerSpec, index: number): RangeHome => {
    const home = (layer.block !== undefined && homes.get(layer.block)) || graph.newHome(`layer ${index}`);
    if (layer.block !== undefined) homes.set(layer.block, home);
    return home;
  };
  const { kept } = graph;
  if (spec.embedding.perLayer) kept.set(perLayerInputsName, perLayerInputs(graph, spec.embedding.perLayer, x));
  const streams = spec.altUp && expandStreams(graph, spec.altUp, x);
  spec.layers.forEach((layer, index) => {
    graph.moveTo(homeOf(layer, index), streams ?? x, ...kept.values());
    if (streams && layer.altUp) {
      altUpLayer(graph, layer, layer.altUp, streams, kept);
      for (let first = 0; first < streams.columns; first += width)
        steer(graph, index, columnsOf(streams, first, width));
      return;
    }
    const last = index === spec.layers.length - 1;
    streamSteps(graph, layer.before, x, kept);
    // A feed-forward block with a state has to see all tokens.
    const narrows = last && layer.feedForward?.kind !== 'channelMix';
    stream = buildLayer(graph, layer, { x, out: narrows ? graph.rows('x', x.columns, 'outputs') : x, kept, width });
    streamSteps(graph, layer.after, stream, kept);
    steer(graph, index, stream);
  });
  if (streams && spec.altUp) {
    graph.moveTo(graph.newHome('merging of streams'), streams);
    mergeStreams(graph, spec.altUp, streams, x);
  }
  if (stream.buffer.kind === 'tokens') stream = narrowed(graph, stream, 'outputs');
  // A table that is also the output matrix is kept once: the last step goes back to where it is.
  const tied = spec.output.head?.weight === spec.embedding.table;
  graph.moveTo(tied ? first : graph.newHome('output'), stream, ...(spec.output.read ? kept.values() : []));
  stream = streamRead(graph, spec.output.read, stream, kept).rows;

  graph.begin('hidden');
  const hidden = graph.rows('hidden', width, 'outputs');
  graph.perRow('outputs', normOrCopy(graph, spec.output.norm, stream, hidden));
  graph.begin('head');
  const logits = spec.output.head && buildHead(graph, spec, stream);
  const { home } = graph;
  const encoded = spec.encoder && encode(graph, spec, spec.encoder, x, first);
  graph.finish();
  const headInput = logits && headInputOf(graph, width);
  return { logits, hidden, headInput, hiddenInput, home, encoded };
}

/** Joins embeddings with hidden states of another model, which are given beside the tokens, in place of the embeddings. Gives where those are. */
function joinHidden(graph: Graph, { norm, hiddenNorm, projection }: JoinedInputSpec, x: Rows): Rows {
  const { columns } = x;
  const given = graph.rows('hidden input', columns);
  const joined = graph.rows('joined input', 2 * columns);
  graph.perRow(
    'tokens',
    normCall(graph, norm, x, columnsOf(joined, 0, columns)),
    normCall(graph, hiddenNorm, given, columnsOf(joined, columns, columns)),
    ...convertFor(graph, joined, [matrixOf(graph, projection)]),
  );
  linearMaps(graph, joined, [projection, x]);
  return given;
}

const headInputOf = (graph: Graph, width: number): Rows => graph.rows('head input', width, 'head');

function encode(graph: Graph, spec: ModelSpec, encoder: EncoderSpec, x: Rows, table: RangeHome): EncodedRows {
  graph.begin('encoder');
  graph.moveTo(table);
  embed(graph, spec, x);
  return buildEncoder(graph, encoder, x);
}

function embed(graph: Graph, { embedding, vocabSize, embeddingLength }: ModelSpec, stream: Rows): void {
  const x = columnsOf(stream, 0, embeddingLength);
  const table = graph.matrix(embedding.table, vocabSize, embeddingLength);
  const bytes = 4 * embeddingLength;
  graph.perRow(
    'tokens',
    table.format.lookup({
      weights: table.place,
      columns: embeddingLength,
      indexes: graph.step.part('tokenIds'),
      output: x.at,
      outputStride: x.stride,
    }),
  );
  adaptEmbeddings(graph, embedding.table, vocabSize, x);
  if (embedding.scale !== 1)
    graph.perRow(
      'tokens',
      scaleRows.call({
        input: x.at,
        inputStride: x.stride,
        output: x.at,
        outputStride: x.stride,
        bytes,
        scale: embedding.scale,
      }),
    );
  if (embedding.types) {
    const types = graph.tensor(embedding.types);
    const target = { target: x.at, targetStride: x.stride, bytes };
    graph.perRow(
      'tokens',
      graph.step.hasTypes
        ? addGatheredRows.call({ table: types, tableStride: bytes, indexes: graph.step.part('tokenTypes'), ...target })
        : addBias.call({ target: x.at, tokenStride: x.stride, groups: 1, bias: types, bytes }),
    );
  }
  if (embedding.positions) {
    const positions = graph.tensor(embedding.positions);
    graph.perRow(
      'tokens',
      addGatheredRows.call({
        table: positions,
        tableStride: bytes,
        indexes: graph.step.part('positions'),
        target: x.at,
        targetStride: x.stride,
        bytes,
      }),
    );
  }
  if (embedding.norm) graph.perRow('tokens', normCall(graph, embedding.norm, x, x));
  if (embedding.copies !== undefined) repeat(graph, stream, embedding.copies);
}

/** The first of several rows side by side in place of all. */
function repeat(graph: Graph, stream: Rows, count: number): void {
  const columns = stream.columns / count;
  const [others, bytes, groups] = [columnsOf(stream, columns, stream.columns - columns), 4 * columns, count - 1];
  const call = copyGroups.call({
    source: stream.at,
    sourceTokenStride: stream.stride,
    sourceGroupStride: 0,
    target: others.at,
    targetTokenStride: stream.stride,
    targetGroupStride: bytes,
    groups,
    bytes,
  });
  graph.parallel({ per: 'tokens', factor: groups, chunk: groups, calls: [call] });
}

function buildHead(graph: Graph, { output, embeddingLength }: ModelSpec, stream: Rows): Rows {
  const head = output.head!;
  const picked = headInputOf(graph, embeddingLength);
  graph.perRow('head', gather(graph, stream, picked, 'headRows'));
  if (output.norm) graph.perRow('head', normCall(graph, output.norm, picked, picked));
  graph.perRow('head', ...convertFor(graph, picked, [matrixOf(graph, head)]));
  // Rows lie close together, so that the caller can look at all of them as one array.
  const logits = wholeRows(graph.buffer('logits', 'head', 4 * head.rows), head.rows);
  multiply(graph, [head, picked, logits]);
  graph.perRow('head', ...biasCalls(graph, head, logits));
  const bytes = 4 * head.rows;
  if (output.softcap !== undefined)
    graph.perRow(
      'head',
      softcapRows.call({
        target: logits.at,
        targetStride: logits.stride,
        bytes,
        cap: output.softcap,
        scale: output.scale,
      }),
    );
  else if (output.scale !== 1)
    graph.perRow(
      'head',
      scaleRows.call({
        input: logits.at,
        inputStride: logits.stride,
        output: logits.at,
        outputStride: logits.stride,
        bytes,
        scale: output.scale,
      }),
    );
  if (output.suppressed) graph.perRow('head', suppress(graph, output.suppressed, logits));
  return logits;
}

/** The least number in place of the logits of some tokens: whatever they are, they are lost in the sum. */
function suppress(
  graph: Graph,
  { first, count }: NonNullable<ModelSpec['output']['suppressed']>,
  logits: Rows,
): KernelCall {
  const { at, stride } = columnsOf(logits, first, count);
  return addBias.call({
    target: at,
    tokenStride: stride,
    groups: 1,
    bias: graph.vector('suppressed tokens', new Float32Array(count).fill(-largestFloat), 4 * count),
    bytes: 4 * count,
  });
}

function normOrCopy(graph: Graph, norm: NormSpec | undefined, from: Rows, to: Rows) {
  if (norm) return normCall(graph, norm, from, to);
  return scaleRows.call({
    input: from.at,
    inputStride: from.stride,
    output: to.at,
    outputStride: to.stride,
    bytes: 4 * from.columns,
    scale: 1,
  });
}
