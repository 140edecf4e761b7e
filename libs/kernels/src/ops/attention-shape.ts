import type { KernelEmitter } from './kernel-definition.js';
import type { KvShape } from './kv-layout.js';

/** What a layer's attention has beyond scaled products and softmax. */
export interface AttentionShape {
  readonly kv: KvShape;
  /** Query heads that share one head of keys. */
  readonly group: number;
  /** Units that each head of keys is cut into: a divisor of `group`, above 1 where there are too few heads for all workers. */
  readonly parts: number;
  /** False: each token sees all positions of its sequence's input. */
  readonly causal: boolean;
  /** Query i sees key j iff 0 <= i - j < window; iff |i - j| < window where attention is not causal. */
  readonly window: boolean;
  /** The window does not slide: query i sees key j iff j <= i and both lie in the same chunk of so many positions. */
  readonly chunked?: boolean;
  /** Query i sees key j iff keyEnd <= j <= i: those that come after what others of the sequence see as a whole. Causal, without a window. */
  readonly afterEnd?: boolean;
  readonly softcap: boolean;
  /** A score for each head that takes its share of the softmax and adds no value. */
  readonly sinks: boolean;
  /** Scores fall by slope * distance (Press et al., 2022). */
  readonly alibi: boolean;
  /**
   * Scores have a bias for each head and each distance j - i (Shaw et al., 2018; Raffel et al., 2020), the same for all distances beyond this one.
   * `slopes` then is a table (heads, 2 * reach + 1) of them, from -reach to reach.
   */
  readonly relativeReach?: number;
}

/**
 * Unit = (tile * heads of keys + head) * parts + part. `tiles` holds the tile records (pageTable: byte address of page ids; keyEnd: positions
 * that are seen as a whole, for attention that is not causal, or comes after them), `positions` one word for each token. Strides are in bytes.
 */
export const attentionFields = {
  query: 'address',
  queryStride: 'int',
  output: 'address',
  outputStride: 'int',
  pages: 'address',
  pageStride: 'int',
  tiles: 'address',
  positions: 'address',
  scale: 'float',
  softcap: 'float',
  window: 'int',
  sinks: 'address',
  slopes: 'address',
} as const;

export type AttentionFields = typeof attentionFields;
export type AttentionEmitter = KernelEmitter<AttentionFields>;
