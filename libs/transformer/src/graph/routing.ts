import type { Placed } from '@starling/kernels';
import { groupByExpert, routeExperts, type RouteOperands } from '@starling/kernels/internal';
import type { AdjugateSpec, ExpertsSpec } from '../architecture/block-spec.js';
import type { Graph } from './graph.js';
import { linearMaps } from './linear.js';
import type { RowKind, Rows } from './rows.js';

/** Which experts a step's tokens have chosen: each choice has a row, and the rows of an expert lie together. */
export interface Routing {
  /** A weight for each choice of each token. */
  readonly weights: Placed;
  readonly firstRows: Placed;
  readonly inUse: Placed;
  readonly rowOfChoice: Placed;
  readonly tokenOfRow: Placed;
  readonly expertOfRow: Placed;
  /** Where experts read weighted rows: the weight of each row. Choices are left with ones. */
  readonly weightOfRow?: Placed;
}

/** What the router makes of rows, which must have been converted for it. */
export function routerLogits(graph: Graph, { router }: ExpertsSpec, x: Rows): void {
  linearMaps(graph, x, [router, logitRows(graph, router.rows, x.buffer.kind)]);
}

const logitRows = (graph: Graph, count: number, kind: RowKind): Rows => graph.rows('router logits', count, kind);

/** Chooses experts by the router's logits, which become the scores that weights are taken from. */
export function route(graph: Graph, spec: ExpertsSpec, kind: RowKind): Routing {
  const { gating, normalize, groups, selectionBias, byLogits, weightScale: factor } = spec;
  return choose(graph, kind, spec, {
    count: spec.count,
    gating,
    normalize,
    groups,
    byLogits,
    factor,
    bias: selectionBias && graph.tensor(selectionBias),
    weighsInput: spec.weighsInput,
  });
}

/** Chooses the adjugates of experts, by the scores that these have been chosen by. */
export function routeToAdjugates(
  graph: Graph,
  { count, normalize, weightScale: factor }: ExpertsSpec,
  adjugate: AdjugateSpec,
  kind: RowKind,
): Routing {
  return choose(graph, kind, adjugate, {
    count,
    gating: 'none',
    normalize,
    factor,
    scoresPerExpert: count / adjugate.count,
  });
}

interface Choice
  extends Pick<RouteOperands, 'gating' | 'normalize' | 'factor' | 'groups' | 'bias' | 'byLogits' | 'scoresPerExpert'> {
  /** Scores that the router gives. */
  readonly count: number;
  readonly weighsInput?: boolean;
}

function choose(
  graph: Graph,
  kind: RowKind,
  { count: experts, used }: Pick<ExpertsSpec, 'count' | 'used'>,
  { count, weighsInput, ...choice }: Choice,
): Routing {
  const logits = logitRows(graph, count, kind);
  const scores = graph.rows('router scores', count, kind);
  const words = (name: string): Placed => graph.buffer(`router ${name}`, kind, 4 * used).place;
  const table = (name: string): Placed => graph.table(`router ${name}`, 4 * (experts + 1));
  const routing: Routing = {
    weights: words('weights'),
    firstRows: table('first rows'),
    inUse: table('experts in use'),
    rowOfChoice: words('row of choice'),
    tokenOfRow: words('token of row'),
    expertOfRow: words('expert of row'),
    weightOfRow: weighsInput ? words('weight of row') : undefined,
  };
  const { weights, weightOfRow } = routing;
  const chosen = words('chosen');
  graph.perRow(
    kind,
    routeExperts({
      logits: logits.at,
      logitsStride: logits.stride,
      scores: scores.at,
      scoresStride: scores.stride,
      experts: count,
      used,
      ...choice,
      chosen,
      weights,
    }),
  );
  const group = groupByExpert({
    chosen,
    tokens: graph.step.part(kind),
    used,
    experts,
    ...routing,
    moved: weightOfRow && { weights, weightOfRow },
  });
  graph.parallel({ per: 'one', factor: 1, chunk: 1, calls: [group] });
  return routing;
}
