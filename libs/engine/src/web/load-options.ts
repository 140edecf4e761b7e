import type { LoadOptions } from '../load-options.js';
import type { LoadProgress } from '../registry.js';

/** How a model is loaded and served in a worker, in words that can be sent there. */
export type WorkerLoadOptions = Omit<
  LoadOptions,
  | 'workers'
  | 'inline'
  | 'wrapRuntime'
  | 'onProgress'
  | 'spillStore'
  | 'aside'
  | 'rewriteRequest'
  | 'wallClock'
  | 'clock'
  | 'queueLimits'
  | 'tenantLimits'
>;

/** How far loading is, in bytes: of a file that is fetched to be kept, or of weights. */
export interface WebLoadProgress extends LoadProgress {
  readonly phase: 'download' | 'weights';
}

/**
 * How a model is loaded for a page. `threads`: where the page is cross-origin isolated as many as the browser says there are processors, at
 * most 16; else 1. Adapters and a draft model are given by their addresses, or as `{ data }` with a Blob or a buffer.
 */
export interface WebLoadOptions extends WorkerLoadOptions {
  /** Called as bytes arrive. */
  readonly onProgress?: (progress: WebLoadProgress) => void;
  /** Ends loading. */
  readonly signal?: AbortSignal;
  /** Starts the worker. Default: the one beside this code. */
  readonly worker?: () => Worker;
}
