import { addGatedRows, addGatheredRows, addRows, clampedSwiglu, combineExperts, gatedActivations, gatherRows, groupByExpert, plainActivations, routeExperts, type KernelCall, type Placed, type Task } from '@starling/kernels';
import type { ExpertsLinearSpec, ExpertsSpec } from '../architecture/block-spec.js';
import { denseBlock, denseInputs } from './feed-forward.js';
import { countOf, type Graph } from './graph.js';
import { biasCalls, convertedRows, convertFor, matrixOf, multiplyTask } from './linear.js';
import { wholeRows, type RowKind, type Rows } from './rows.js';
import type { MatrixWeight } from './weights.js';

/** Columns of a row that one worker takes. A multiple of what is quantized together. */
const blockColumns = 1024;

/** Matrices that read the block's input. */
export function expertsInputs(graph: Graph, spec: ExpertsSpec): MatrixWeight[] {
  const shared = spec.shared ? denseInputs(graph, spec.shared.dense) : [];
  const gate = spec.shared?.gate ? [matrixOf(graph, spec.shared.gate)] : [];
  return [matrixOf(graph, spec.router), ...firstMatrices(graph, spec), ...shared, ...gate];
}

/**
 * A mixture of experts: each token's rows go to the experts it chose. The choices are sorted by expert, so that every expert is one
 * product over the rows it got; a token's results are then summed in order of its own choices, whatever else was in the batch.
 * The input must have been converted for `expertsInputs`.
 */
export function expertsBlock(graph: Graph, spec: ExpertsSpec, x: Rows, output: Rows): void {
  const { kind } = x.buffer;
  const { used } = spec;
  const routing = route(graph, spec, x);
  const gate = spec.gate && slots(graph, 'expert gate', spec.gate.rows, used, kind);
  const up = slots(graph, 'expert up', spec.up.rows, used, kind);
  const inner = slots(graph, 'expert inner', spec.up.rows, used, kind);
  const results = slots(graph, 'expert results', spec.down.rows, used, kind);

  const sorted = gatherInputs(graph, spec, x, routing);
  const first = spec.gate && gate ? [expertTask(graph, spec.gate, sorted, gate, routing)] : [];
  graph.parallel(...first, expertTask(graph, spec.up, sorted, up, routing));
  activate(graph, spec, { gate, up, inner }, routing);
  graph.parallel(expertTask(graph, spec.down, inner, results, routing));
  const bytes = 4 * spec.down.rows;
  graph.parallel({ per: countOf(kind), factor: used, chunk: 1, calls: expertBias(graph, spec.down, results, routing) });
  graph.perRow(
    kind,
    combineExperts.call({ source: results.at, sourceStride: results.stride, rows: routing.rowOfChoice, weights: routing.weights, used, output: output.at, outputStride: output.stride, bytes }),
  );
  if (spec.shared) addShared(graph, spec.shared, x, output);
}

interface Routing {
  readonly weights: Placed;
  readonly firstRows: Placed;
  readonly inUse: Placed;
  readonly rowOfChoice: Placed;
  readonly tokenOfRow: Placed;
  readonly expertOfRow: Placed;
}

function route(graph: Graph, spec: ExpertsSpec, x: Rows): Routing {
  const { kind } = x.buffer;
  const { count, used, gating, normalize, groups, selectionBias } = spec;
  const logits = graph.rows('router logits', count, kind);
  const scores = graph.rows('router scores', count, kind);
  const words = (name: string): Placed => graph.buffer(`router ${name}`, kind, 4 * used).place;
  const table = (name: string): Placed => graph.table(`router ${name}`, 4 * (count + 1));
  const routing = {
    weights: words('weights'),
    firstRows: table('first rows'),
    inUse: table('experts in use'),
    rowOfChoice: words('row of choice'),
    tokenOfRow: words('token of row'),
    expertOfRow: words('expert of row'),
  };
  const chosen = words('chosen');
  graph.parallel(multiplyTask(graph, matrixOf(graph, spec.router), x, logits));
  graph.perRow(kind, ...biasCalls(graph, spec.router, logits));
  graph.perRow(
    kind,
    routeExperts({
      logits: logits.at,
      logitsStride: logits.stride,
      scores: scores.at,
      scoresStride: scores.stride,
      experts: count,
      used,
      gating,
      normalize,
      factor: spec.weightScale,
      bias: selectionBias && graph.tensor(selectionBias),
      groups,
      chosen,
      weights: routing.weights,
    }),
  );
  graph.parallel({ per: 'one', factor: 1, chunk: 1, calls: [groupByExpert({ chosen, tokens: graph.step.part(kind), used, experts: count, ...routing })] });
  return routing;
}

/** Rows for every choice of every token. */
function slots(graph: Graph, name: string, columns: number, used: number, kind: RowKind): Rows {
  const buffer = graph.buffer(name, kind, used * 4 * columns);
  return { ...wholeRows(buffer, columns), stride: 4 * columns };
}

function firstMatrices(graph: Graph, { gate, up }: ExpertsSpec): MatrixWeight[] {
  return [...(gate ? [expertMatrix(graph, gate)] : []), expertMatrix(graph, up)];
}

const expertMatrix = (graph: Graph, { weight, rows, columns, count, precise }: ExpertsLinearSpec): MatrixWeight => graph.matrix(weight, rows, columns, { count, precise });

/** Copies each token's row to where its experts find it, in every form that they read. */
function gatherInputs(graph: Graph, spec: ExpertsSpec, x: Rows, { tokenOfRow }: Routing): Rows {
  const { kind } = x.buffer;
  const sorted = slots(graph, 'expert input', x.columns, spec.used, kind);
  const forms = new Map(firstMatrices(graph, spec).map(({ format }) => [format.activation?.name, format.activation]));
  const calls: KernelCall[] = [];
  for (const activation of forms.values()) {
    const from = activation ? convertedRows(graph, x, activation) : x;
    const to = activation ? convertedRows(graph, sorted, activation, spec.used) : sorted;
    const bytes = activation ? activation.rowBytes(x.columns) : 4 * x.columns;
    calls.push(gatherRows.call({ table: from.at, tableStride: from.stride, indexes: tokenOfRow, output: to.at, outputStride: to.stride, bytes }));
  }
  graph.parallel({ per: countOf(kind), factor: spec.used, chunk: 1, calls });
  return sorted;
}

function expertTask(graph: Graph, spec: ExpertsLinearSpec, input: Rows, output: Rows, { inUse, firstRows }: Routing): Task {
  const { format, place, rows, columns } = expertMatrix(graph, spec);
  const used = output.buffer.rowBytes / output.stride;
  const source = format.activation ? convertedRows(graph, input, format.activation, used) : input;
  const chunkRows = format.rowChunk(rows, columns, graph.options.threads);
  graph.needScratch(format.scratchBytes(columns));
  const call = format.multiplyExperts({
    weights: place,
    input: source.at,
    inputStride: source.stride,
    output: output.at,
    outputStride: output.stride,
    columns,
    inUse,
    firstRows,
    rows,
    chunkRows,
  });
  return { per: 'experts', factor: Math.ceil(rows / chunkRows), chunk: 1, calls: [call] };
}

function expertBias(graph: Graph, { bias, rows }: ExpertsLinearSpec, target: Rows, { expertOfRow }: Routing): KernelCall[] {
  if (!bias) return [];
  return [addGatheredRows.call({ table: graph.tensor(bias), tableStride: 4 * rows, indexes: expertOfRow, target: target.at, targetStride: target.stride, bytes: 4 * rows })];
}

function activate(graph: Graph, spec: ExpertsSpec, { gate, up, inner }: { gate?: Rows; up: Rows; inner: Rows }, routing: Routing): void {
  const { kind } = up.buffer;
  const biases = [...(spec.gate && gate ? expertBias(graph, spec.gate, gate, routing) : []), ...expertBias(graph, spec.up, up, routing)];
  graph.parallel({ per: countOf(kind), factor: spec.used, chunk: 1, calls: biases });
  const blocks = Math.ceil(inner.columns / blockColumns);
  const input = gate ?? up;
  const operands = {
    input: input.at,
    inputStride: input.stride,
    up: up.at,
    upStride: up.stride,
    output: inner.at,
    outputStride: inner.stride,
    rowBytes: 4 * inner.columns,
    blockBytes: 4 * blockColumns,
    blocks,
  };
  const { activation } = spec;
  const call =
    typeof activation === 'string' ? (gate ? gatedActivations : plainActivations)[activation].call(operands) : clampedSwiglu.call({ ...operands, alpha: activation.alpha, limit: activation.limit });
  const conversions = convertFor(graph, inner, [expertMatrix(graph, spec.down)], { blocks, blockColumns, multiple: spec.used });
  graph.parallel({ per: countOf(kind), factor: spec.used * blocks, chunk: 1, calls: [call, ...conversions] });
}

function addShared(graph: Graph, { dense, gate }: NonNullable<ExpertsSpec['shared']>, x: Rows, output: Rows): void {
  const { kind } = x.buffer;
  const fed = graph.rows('shared expert', output.columns, kind);
  denseBlock(graph, dense, x, fed);
  const sum = { target: output.at, targetStride: output.stride, source: fed.at, sourceStride: fed.stride, bytes: 4 * output.columns };
  if (!gate) {
    graph.perRow(kind, addRows.call({ ...sum, scale: 1 }));
    return;
  }
  const share = graph.rows('shared expert gate', 1, kind);
  graph.parallel(multiplyTask(graph, matrixOf(graph, gate), x, share));
  graph.perRow(kind, addGatedRows.call({ ...sum, gate: share.at, gateStride: share.stride }));
}
