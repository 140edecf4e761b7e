import type { TeamWorker, WorkerFactory, WorkerReport } from './worker-protocol.js';

/**
 * Workers of a browser (or of Deno and Bun, which have the same).
 * @param create starts a worker whose code calls `serveTeam` with the first message that it gets; its thread must be able to share memory
 */
export function webWorkers(create: () => Worker): WorkerFactory {
  return { spawn: () => teamWorker(create()) };
}

function teamWorker(worker: Worker): TeamWorker {
  return {
    post: (message) => worker.postMessage(message),
    onReport: (listener) =>
      worker.addEventListener('message', ({ data }: MessageEvent<WorkerReport>) => listener(data)),
    onEnd: (listener) => {
      worker.addEventListener('error', (event) => listener(event.message || 'its code could not be loaded'), {
        once: true,
      });
      worker.addEventListener('messageerror', () => listener('memory cannot be shared with it'), { once: true });
    },
    // A page lives as long as its tab.
    keepAlive: () => undefined,
    terminate: () => Promise.resolve(worker.terminate()),
  };
}
