import type { KvSequence } from './kv-sequence.js';
import type { StateCheckpoint } from './ports.js';

/** Why the rest of a prompt had to be computed, from position `position` on. */
export interface CacheMiss {
  /**
   * - `new`: nothing was known beyond
   * - `diverged`: other tokens followed there
   * - `evicted`: it was known, and went for want of room
   * - `state`: pages are there, but no state of the recurrent layers
   * - `window`: pages are there, but those of windowed layers went that come before
   * - `log_probabilities`: they are wanted for the whole prompt, so that all of it is computed
   * - `off`: the request, or the model, uses no cache
   */
  readonly reason: 'new' | 'diverged' | 'evicted' | 'state' | 'window' | 'log_probabilities' | 'off';
  readonly position: number;
}

/** A sequence that begins with what was found. Whoever asked for it releases it. */
export interface CacheMatch {
  readonly kv: KvSequence;
  /** With recurrent layers: the state at `kv.length`, to be loaded before the first step. */
  readonly state?: StateCheckpoint;
  /** Where pages, but no state, go further than `kv.length`: a state kept here serves the next one that branches off. */
  readonly branch?: number;
  /** Undefined if all that was asked for is there. */
  readonly miss?: CacheMiss;
}
