import type { KernelCall, Placed, Task } from '@starling/kernels';
import {
  addGatedRows,
  addGatheredRows,
  addRows,
  combineExperts,
  gatherRows,
  scaleByIndex,
  scaleByToken,
  scaleRows,
} from '@starling/kernels/internal';
import type { AdjugateSpec, ExpertsLinearSpec, ExpertsSpec, LatentSpec } from '../architecture/block-spec.js';
import { activateRows, blockColumns, type GatedRows } from './activation.js';
import { adaptedCount, adapterMatrices, betweenRows, deltaCall, deltaRows, ownersOf, weighCall } from './adapters.js';
import { denseBlock, denseInputs } from './feed-forward.js';
import { countOf, type Graph } from './graph.js';
import { convertedRows, convertFor, linearMaps, matrixOf } from './linear.js';
import { normCall } from './norm.js';
import { observe } from './observe.js';
import { route, routerLogits, routeToAdjugates, type Routing } from './routing.js';
import { columnsOf, wholeRows, type RowKind, type Rows } from './rows.js';
import type { AdapterMatrices, MatrixWeight } from './weights.js';

/** Matrices that read the block's input. */
export function expertsInputs(graph: Graph, spec: ExpertsSpec): MatrixWeight[] {
  const shared = spec.shared ? denseInputs(graph, spec.shared.dense) : [];
  const gate = spec.shared?.gate ? [matrixOf(graph, spec.shared.gate)] : [];
  const experts = spec.latent
    ? [matrixOf(graph, spec.latent.down)]
    : spec.weighsInput
      ? []
      : firstMatrices(graph, spec);
  const router = spec.routedBy ? [] : [matrixOf(graph, spec.router)];
  return [...router, ...experts, ...shared, ...gate];
}

/**
 * A mixture of experts: each token's rows go to the experts it chose. The choices are sorted by expert, so that every expert is one
 * product over the rows it got; a token's results are then summed in order of its own choices, whatever else was in the batch.
 * The input must have been converted for `expertsInputs`, and be that of the router too unless `routerLogits` has come before.
 */
export function expertsBlock(graph: Graph, spec: ExpertsSpec, x: Rows, output: Rows): void {
  const { kind } = x.buffer;
  if (!spec.routedBy) routerLogits(graph, spec, x);
  const routing = route(graph, spec, kind);
  const sum = spec.latent ? graph.rows('latent expert sum', spec.down.rows, kind) : output;
  mix(graph, spec, spec.latent ? toLatent(graph, spec, spec.latent, x) : x, routing, sum);
  if (spec.latent) fromLatent(graph, spec.latent, sum, output);
  if (spec.adjugate) addAdjugates(graph, spec, spec.adjugate, output);
  if (spec.shared) addShared(graph, spec.shared, x, output);
  if (spec.outputScale !== undefined)
    graph.perRow(
      kind,
      scaleRows.call({
        input: output.at,
        inputStride: output.stride,
        output: output.at,
        outputStride: output.stride,
        bytes: 4 * output.columns,
        scale: spec.outputScale,
      }),
    );
}

/** What is done with rows once experts have been chosen. */
type MixSpec = Pick<ExpertsSpec, 'used' | 'input' | 'down' | 'activation'>;

/** The weighted sum of what each token's experts make of its row. */
function mix(graph: Graph, spec: MixSpec, x: Rows, routing: Routing, sum: Rows): void {
  const { kind } = x.buffer;
  const { used } = spec;
  const results = slots(graph, 'expert results', spec.down.rows, used, kind);
  const inner = slots(graph, 'expert inner', spec.down.columns, used, kind);
  activate(graph, spec, multiplyFirst(graph, spec, gatherInputs(graph, spec, x, routing), routing), inner);
  multiplyExperts(graph, routing, [spec.down, inner, results]);
  graph.parallel({
    per: countOf(kind),
    factor: used,
    chunk: 1,
    calls: expertBiasCalls(graph, spec.down, results, routing),
  });
  const bytes = 4 * spec.down.rows;
  graph.perRow(
    kind,
    combineExperts.call({
      source: results.at,
      sourceStride: results.stride,
      rows: routing.rowOfChoice,
      weights: routing.weights,
      used,
      output: sum.at,
      outputStride: sum.stride,
      bytes,
    }),
  );
}

/** What adjugates make of the sum of the experts is added to it. */
function addAdjugates(graph: Graph, spec: ExpertsSpec, adjugate: AdjugateSpec, output: Rows): void {
  const { kind } = output.buffer;
  const mixSpec = { ...adjugate, activation: spec.activation };
  const more = graph.rows('adjugate experts', output.columns, kind);
  graph.perRow(kind, ...convertFor(graph, output, firstMatrices(graph, mixSpec)));
  mix(graph, mixSpec, output, routeToAdjugates(graph, spec, adjugate, kind), more);
  graph.perRow(
    kind,
    addRows.call({
      target: output.at,
      targetStride: output.stride,
      source: more.at,
      sourceStride: more.stride,
      bytes: 4 * output.columns,
      scale: adjugate.scale,
    }),
  );
}

/** What experts read where they work on rows of another length. */
function toLatent(graph: Graph, spec: ExpertsSpec, { down }: LatentSpec, x: Rows): Rows {
  const { kind } = x.buffer;
  const rows = graph.rows('latent expert input', down.rows, kind);
  linearMaps(graph, x, [down, rows]);
  graph.perRow(kind, ...convertFor(graph, rows, firstMatrices(graph, spec)));
  return rows;
}

function fromLatent(graph: Graph, { norm, up }: LatentSpec, sum: Rows, output: Rows): void {
  graph.perRow(
    sum.buffer.kind,
    ...(norm ? [normCall(graph, norm, sum, sum)] : []),
    ...convertFor(graph, sum, [matrixOf(graph, up)]),
  );
  linearMaps(graph, sum, [up, output]);
}

/** Rows for every choice of every token. */
function slots(graph: Graph, name: string, columns: number, used: number, kind: RowKind): Rows {
  const buffer = graph.buffer(name, kind, used * 4 * columns);
  return { ...wholeRows(buffer, columns), stride: 4 * columns };
}

/** The maps that experts begin with. */
function firstMaps({ input }: MixSpec): ExpertsLinearSpec[] {
  if (input.kind === 'fused') return [input.gateUp];
  return input.kind === 'gated' ? [input.gate, input.up] : [input.up];
}

const firstMatrices = (graph: Graph, spec: MixSpec): MatrixWeight[] =>
  firstMaps(spec).map((map) => expertMatrix(graph, map));

const expertMatrix = (graph: Graph, { weight, rows, columns, count, precise }: ExpertsLinearSpec): MatrixWeight =>
  graph.matrix(weight, rows, columns, { count, precise });

const besideOf = (graph: Graph, { weight, rows, columns, count }: ExpertsLinearSpec): AdapterMatrices | undefined =>
  adapterMatrices(graph, weight, { rows, columns, count });

/** Which row of scales each sorted row has. */
const sortedOwners = (graph: Graph, kind: RowKind, used: number): Placed =>
  graph.buffer('owners of expert rows', kind, 4 * used).place;

/** Copies each token's row to where its experts find it, in every form that they read; if weighted, the forms are made then. */
function gatherInputs(graph: Graph, spec: MixSpec, x: Rows, { tokenOfRow, weightOfRow }: Routing): Rows {
  const { kind } = x.buffer;
  const sorted = slots(graph, 'expert input', x.columns, spec.used, kind);
  const isAdapted = firstMaps(spec).some((map) => besideOf(graph, map));
  const owners =
    isAdapted || besideOf(graph, spec.down)
      ? [
          gatherRows.call({
            table: ownersOf(graph, kind),
            tableStride: 4,
            indexes: tokenOfRow,
            output: sortedOwners(graph, kind, spec.used),
            outputStride: 4,
            bytes: 4,
          }),
        ]
      : [];
  if (weightOfRow) {
    const bytes = 4 * x.columns;
    const copy = gatherRows.call({
      table: x.at,
      tableStride: x.stride,
      indexes: tokenOfRow,
      output: sorted.at,
      outputStride: sorted.stride,
      bytes,
    });
    const weigh = scaleByToken.call({
      target: sorted.at,
      tokenStride: sorted.stride,
      groupStride: 0,
      groups: 1,
      factors: weightOfRow,
      bytes,
    });
    graph.parallel({
      per: countOf(kind),
      factor: spec.used,
      chunk: 1,
      calls: [
        ...owners,
        copy,
        weigh,
        ...convertFor(graph, sorted, firstMatrices(graph, spec), { multiple: spec.used }),
      ],
    });
    return sorted;
  }
  const forms = new Map(firstMatrices(graph, spec).map(({ format }) => [format.activation?.name, format.activation]));
  // Adapters read floats, and so does who observes.
  if (isAdapted || graph.options.observed) forms.set(undefined, undefined);
  const calls: KernelCall[] = [...owners];
  for (const activation of forms.values()) {
    const from = activation ? convertedRows(graph, x, activation) : x;
    const to = activation ? convertedRows(graph, sorted, activation, spec.used) : sorted;
    const bytes = activation ? activation.rowBytes(x.columns) : 4 * x.columns;
    calls.push(
      gatherRows.call({
        table: from.at,
        tableStride: from.stride,
        indexes: tokenOfRow,
        output: to.at,
        outputStride: to.stride,
        bytes,
      }),
    );
  }
  graph.parallel({ per: countOf(kind), factor: spec.used, chunk: 1, calls });
  return sorted;
}

/** Products of sorted rows, each with the matrix of its expert; what adapters make of them is kept beside the output. */
function multiplyExperts(
  graph: Graph,
  routing: Routing,
  ...products: readonly (readonly [ExpertsLinearSpec, Rows, Rows])[]
): void {
  const adapted = products.flatMap(([map, input, output], i) => {
    const beside = besideOf(graph, map);
    const used = output.buffer.rowBytes / output.stride;
    return beside
      ? [
          {
            beside,
            input,
            output,
            used,
            between: slots(
              graph,
              `expert ${betweenRows(graph, beside, i, output.buffer.kind).buffer.name}`,
              beside.rank,
              used,
              output.buffer.kind,
            ),
          },
        ]
      : [];
  });
  const thin = (matrix: MatrixWeight, from: Rows, to: Rows): Task => ({
    ...expertTask(graph, matrix, from, to, routing),
    per: 'adaptedExperts',
  });
  graph.parallel(
    ...products.map(([map, input, output]) => expertTask(graph, expertMatrix(graph, map), input, output, routing)),
    ...products.flatMap(([{ weight, columns, count }, input]) =>
      observe(graph, weight, columns, input, { count, firstRows: routing.firstRows }),
    ),
    ...adapted.map(({ beside, input, between }) => thin(beside.down, input, between)),
  );
  for (const { beside, between, used } of adapted) {
    const { kind } = between.buffer;
    graph.parallel({
      per: adaptedCount(kind),
      factor: used,
      chunk: 1,
      calls: [weighCall(graph, beside, between, sortedOwners(graph, kind, used))],
    });
  }
  graph.parallel(...adapted.map(({ beside, between, output }) => thin(beside.up, between, deltaRows(graph, output))));
}

function expertTask(
  graph: Graph,
  matrix: MatrixWeight,
  input: Rows,
  output: Rows,
  { inUse, firstRows }: Routing,
): Task {
  const { format, place, rows, columns } = matrix;
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

/** What each row's expert scales it by and adds to it, and what adapters add. */
function expertBiasCalls(graph: Graph, map: ExpertsLinearSpec, target: Rows, { expertOfRow }: Routing): KernelCall[] {
  const { bias, scale, rows } = map;
  const bytes = 4 * rows;
  const scales = scale
    ? [
        scaleByIndex.call({
          target: target.at,
          targetStride: target.stride,
          factors: graph.tensor(scale),
          indexes: expertOfRow,
          bytes,
        }),
      ]
    : [];
  const { kind, rowBytes } = target.buffer;
  if (besideOf(graph, map)) scales.push(deltaCall(graph, target, sortedOwners(graph, kind, rowBytes / target.stride)));
  if (!bias) return scales;
  return [
    ...scales,
    addGatheredRows.call({
      table: graph.tensor(bias),
      tableStride: bytes,
      indexes: expertOfRow,
      target: target.at,
      targetStride: target.stride,
      bytes,
    }),
  ];
}

function multiplyFirst(graph: Graph, spec: MixSpec, sorted: Rows, routing: Routing): GatedRows {
  const { kind } = sorted.buffer;
  const { used } = spec;
  const maps = firstMaps(spec);
  const products = maps.map((map, i) => slots(graph, `expert product ${i}`, map.rows, used, kind));
  multiplyExperts(graph, routing, ...maps.map((map, i) => [map, sorted, products[i]] as const));
  graph.parallel({
    per: countOf(kind),
    factor: used,
    chunk: 1,
    calls: maps.flatMap((map, i) => expertBiasCalls(graph, map, products[i], routing)),
  });
  const [first] = products;
  const inner = spec.down.columns;
  if (spec.input.kind === 'fused') return { gate: columnsOf(first, 0, inner), up: columnsOf(first, inner, inner) };
  return { gate: first, up: products[products.length - 1] };
}

function activate(graph: Graph, spec: MixSpec, rows: GatedRows, inner: Rows): void {
  const { call, blocks } = activateRows(spec.activation, spec.input.kind === 'plain', rows, inner);
  const conversions = convertFor(graph, inner, [expertMatrix(graph, spec.down)], {
    blocks,
    blockColumns,
    multiple: spec.used,
  });
  graph.parallel({
    per: countOf(inner.buffer.kind),
    factor: spec.used * blocks,
    chunk: 1,
    calls: [call, ...conversions],
  });
}

function addShared(graph: Graph, { dense, gate }: NonNullable<ExpertsSpec['shared']>, x: Rows, output: Rows): void {
  const { kind } = x.buffer;
  const fed = graph.rows('shared expert', output.columns, kind);
  denseBlock(graph, dense, x, fed);
  const sum = {
    target: output.at,
    targetStride: output.stride,
    source: fed.at,
    sourceStride: fed.stride,
    bytes: 4 * output.columns,
  };
  if (!gate) {
    graph.perRow(kind, addRows.call({ ...sum, scale: 1 }));
    return;
  }
  const share = graph.rows('shared expert gate', 1, kind);
  linearMaps(graph, x, [gate, share]);
  graph.perRow(kind, addGatedRows.call({ ...sum, gate: share.at, gateStride: share.stride }));
}
