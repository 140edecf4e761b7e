import { StarlingError } from '@starling/core';
import { serveTeam, webWorkers, type StartMessage } from '@starling/kernels';
import { loadTransformer } from '@starling/transformer';
import { loadModel } from '../load-model.js';
import { EngineHost, type HostLoader } from './engine-host.js';
import type { ToWorker } from './messages.js';
import type { ModelSource } from '../starling-loader.js';
import { openSource } from './source.js';

/** The part of a worker's scope that is used here. */
interface WorkerScope {
  readonly location: { readonly href: string };
  readonly crossOriginIsolated?: boolean;
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker | StartMessage>) => void): void;
  importScripts?(): void;
}

/**
 * Makes the worker that runs this an engine, or, if its first message says so, one of an engine's compute threads: these have the same code, so
 * that whoever bundles it has one worker to take care of.
 */
export function serveWorker(scope: WorkerScope = globalThis as unknown as WorkerScope): void {
  let host: EngineHost | undefined;
  scope.addEventListener('message', ({ data }) => {
    // Never returns: the thread waits for steps from here on.
    if (data.kind === 'start') serveTeam(data, (report) => scope.postMessage(report));
    else (host ??= new EngineHost((message) => scope.postMessage(message), loaderOf(scope))).take(data);
  });
}

const loaderOf =
  (scope: WorkerScope): HostLoader =>
  async ({ source, options }, onProgress) => {
    const { threads = defaultThreads(scope) } = options;
    if (threads > 1 && !scope.crossOriginIsolated) {
      const headers = 'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';
      throw new StarlingError(
        'not_supported',
        `${threads} threads need memory that workers share, which a browser gives to cross-origin isolated pages alone: serve the page with ${headers}, or ask for 1 thread`,
        { details: { param: 'threads' } },
      );
    }
    const workers = threads > 1 ? webWorkers(() => sibling(scope)) : undefined;
    const file = await openSource(source, onProgress);
    try {
      return await loadModel(
        file,
        file.name,
        { ...options, threads, workers, onProgress: (progress) => onProgress({ phase: 'weights', ...progress }) },
        loadTransformer,
        (beside) => openSource(besideSource(beside), onProgress),
      );
    } finally {
      await file.close();
    }
  };

/** An adapter or a draft model: its address, or its bytes. */
const besideSource = (source: ModelSource): Parameters<typeof openSource>[0] =>
  typeof source === 'string' ? source : 'data' in source ? source.data : source.path;

/** Processors that are used unasked, at most. */
const THREAD_LIMIT = 16;

const defaultThreads = ({ crossOriginIsolated }: WorkerScope): number =>
  crossOriginIsolated ? Math.min(THREAD_LIMIT, Math.max(1, globalThis.navigator?.hardwareConcurrency ?? 1)) : 1;

/** One more worker of the code that runs here. */
const sibling = (scope: WorkerScope): Worker =>
  new Worker(scope.location.href, { type: isClassic(scope) ? 'classic' : 'module', name: 'starling-compute' });

/** Whether a bundler made a script of this that is no module: those alone may import scripts. */
function isClassic(scope: WorkerScope): boolean {
  try {
    scope.importScripts?.();
    return scope.importScripts !== undefined;
  } catch {
    return false;
  }
}
