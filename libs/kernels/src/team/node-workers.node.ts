import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
import { StarlingError } from '@starling/core';
import type { TeamWorker, WorkerFactory, WorkerReport } from './worker-protocol.js';

/** Beside this code where it is published or bundled, in build/ where it runs from the sources. */
const entryPlaces = ['./compute-worker.node.js', '../compute-worker.node.js', '../../build/compute-worker.node.js'];

/** Threads of Node. @param entry the worker's file, by default the one that belongs to this library */
export function nodeWorkers(entry: URL = findEntry()): WorkerFactory {
  return { spawn: () => spawn(entry) };
}

function findEntry(): URL {
  const places = entryPlaces.map((place) => new URL(place, import.meta.url));
  const found = places.find((place) => fs.existsSync(place));
  if (!found)
    throw new StarlingError(
      'file_not_found',
      `The compute worker's file was not found at ${places.map((place) => place.pathname).join(' or ')}. Build it: node tools/build-worker.mjs.`,
    );
  return found;
}

function spawn(entry: URL): TeamWorker {
  const worker = new Worker(entry, { name: 'starling-compute' });
  let reason = 'the thread ended';
  worker.on('error', (error) => {
    reason = error.message;
  });
  return {
    post: (message) => worker.postMessage(message),
    onReport: (listener) => void worker.on('message', (report: WorkerReport) => listener(report)),
    onEnd: (listener) => void worker.on('exit', () => listener(reason)),
    keepAlive: (on) => (on ? worker.ref() : worker.unref()),
    terminate: async () => {
      await worker.terminate();
    },
  };
}
