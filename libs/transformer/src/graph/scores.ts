import type { KernelCall, Placed, Task } from '@starling/kernels';
import {
  attention,
  attentionScratchBytes,
  kvPageBytes,
  kvWrite,
  tileTokens,
  type AttentionShape,
} from '@starling/kernels/internal';
import type { AttentionSpec } from '../architecture/block-spec.js';
import type { Graph, KvRegion } from './graph.js';
import { relativeBiases } from './relative-bias.js';
import type { Rows } from './rows.js';

/** Units of attention for each token that all workers should find work in. */
const unitsPerThread = 2;

/** What scores and sums depend on. */
export type ScoreSpec = Pick<
  AttentionSpec,
  | 'heads'
  | 'kvHeads'
  | 'keyLength'
  | 'valueLength'
  | 'scale'
  | 'window'
  | 'chunked'
  | 'softcap'
  | 'sinks'
  | 'relative'
  | 'alibiMaxBias'
  | 'sees'
>;

/** The attention kernel for these heads. */
export function shapeOf(graph: Graph, spec: ScoreSpec): AttentionShape {
  const { kvFormat, pageTokens, threads } = graph.options;
  const group = spec.heads / spec.kvHeads;
  return {
    kv: { format: kvFormat, pageTokens, heads: spec.kvHeads, keyLength: spec.keyLength, valueLength: spec.valueLength },
    group,
    parts: partsOf(group, spec.kvHeads, unitsPerThread * threads),
    causal: spec.sees === undefined ? graph.options.causal : spec.sees === 'decoded',
    afterEnd: spec.sees === 'decoded',
    window: spec.window !== undefined,
    chunked: spec.chunked ?? false,
    softcap: spec.softcap !== undefined,
    sinks: spec.sinks !== undefined,
    alibi: spec.alibiMaxBias !== undefined,
    relativeReach: spec.relative?.reach,
  };
}

/** The fewest parts that divide a group and give every worker something to do for a single token. */
function partsOf(group: number, kvHeads: number, wanted: number): number {
  for (let parts = 1; parts < group; parts++) {
    if (group % parts === 0 && parts * kvHeads >= wanted) return parts;
  }
  return kvHeads >= wanted ? 1 : group;
}

/** Writes keys and values to their pages. Unit = token * heads of keys + head. */
export function writeCall(
  graph: Graph,
  { kv }: AttentionShape,
  { place: pages, isWindowed }: KvRegion,
  keys: Rows,
  values: Rows,
): KernelCall {
  return kvWrite(kv).call({
    key: keys.at,
    keyTokenStride: keys.stride,
    value: values.at,
    valueTokenStride: values.stride,
    heads: kv.heads,
    pages,
    pageStride: kvPageBytes(kv),
    tokenPages: graph.step.part(isWindowed ? 'windowTokenPages' : 'tokenPages'),
    tokenOffsets: graph.step.part('tokenOffsets'),
  });
}

/** Weighted sums of values, for all tokens and heads. */
export function attentionTask(
  graph: Graph,
  spec: ScoreSpec,
  shape: AttentionShape,
  { place: pages, isWindowed }: KvRegion,
  queries: Rows,
  output: Rows,
): Task {
  graph.needScratch(attentionScratchBytes(shape));
  graph.tileTokens = Math.min(graph.tileTokens, tileTokens(shape.group));
  const call = attention(shape).call({
    query: queries.at,
    queryStride: queries.stride,
    output: output.at,
    outputStride: output.stride,
    pages,
    pageStride: kvPageBytes(shape.kv),
    tiles: graph.step.part(isWindowed ? 'windowTiles' : 'tiles'),
    positions: graph.step.part('positions'),
    scale: spec.scale,
    softcap: spec.softcap ?? 0,
    window: spec.window ?? 0,
    sinks: spec.sinks ? graph.tensor(spec.sinks) : queries.at,
    slopes: slopesOf(graph, spec) ?? queries.at,
  });
  return { per: 'tiles', factor: shape.kv.heads * shape.parts, chunk: 1, calls: [call] };
}

function slopesOf(graph: Graph, { heads, relative, alibiMaxBias }: ScoreSpec): Placed | undefined {
  if (relative) return relativeBiases(graph, relative, heads);
  return alibiMaxBias === undefined
    ? undefined
    : graph.vector('alibi slopes', alibiSlopes(heads, alibiMaxBias), 4 * heads);
}

/** Slopes of ALiBi: powers of 2^(-bias / n) for the largest power of two n among the heads, then every second of the next finer series. */
function alibiSlopes(heads: number, maxBias: number): Float32Array {
  const whole = 2 ** Math.floor(Math.log2(heads));
  const coarse = 2 ** (-maxBias / whole);
  const fine = 2 ** (-maxBias / 2 / whole);
  return Float32Array.from({ length: heads }, (_, head) =>
    head < whole ? coarse ** (head + 1) : fine ** (2 * (head - whole) + 1),
  );
}
