import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { AsideReply, AsideThread, AsideWork } from './aside-job.js';
import { AsideQueue, type AsideOptions } from './aside-queue.js';

/** Beside this code where it is published or bundled, in build/ where it runs from the sources. */
const ENTRY_PLACES = ['./aside-worker.node.js', '../../build/aside-worker.node.js'];
/** Megabytes of objects that one thread may hold: beyond, it ends, and the server does not. */
const HEAP_MB = 1024;

/** Threads of Node for the long work of one model; undefined where the worker's file was not built. */
export function nodeAside(path: string, options: AsideOptions = {}): AsideWork | undefined {
  const entry = ENTRY_PLACES.map((place) => new URL(place, import.meta.url)).find((place) => fs.existsSync(place));
  return entry && new AsideQueue(() => spawn(entry, path), options);
}

function spawn(entry: URL, path: string): AsideThread {
  const worker = new Worker(entry, {
    name: 'starling-aside',
    workerData: { path },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  // It keeps the process alive while it has a job, and no longer.
  worker.unref();
  let reason = 'the thread ended';
  worker.on('error', (error) => {
    reason = error.message;
  });
  return {
    post: (request) => {
      worker.postMessage(request);
      worker.ref();
    },
    onReply: (listener) =>
      void worker.on('message', (reply: AsideReply) => {
        worker.unref();
        listener(reply);
      }),
    onEnd: (listener) => void worker.on('exit', () => listener(reason)),
    terminate: () => void worker.terminate(),
  };
}
