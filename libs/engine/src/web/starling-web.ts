import { serveWorker } from './serve-worker.js';
import { webLoader } from './web-model.js';

/** What workers of this file are called, so that they know themselves: engines get this name here, their compute threads from `serveWorker`. */
const WORKER_NAME = /^starling-(?:engine|compute)$/;

if (typeof document === 'undefined' && WORKER_NAME.test((globalThis as { name?: string }).name ?? '')) serveWorker();

/** `loadInWorker` of `@starling/engine/web`, with the worker in the same file: for pages without a bundler. */
export const loadInWorker = webLoader(() => new Worker(import.meta.url, { type: 'module', name: 'starling-engine' }));

export { cachedModels, removeCachedModel } from '@starling/models/web';
export { StarlingError, isStarlingError } from '@starling/core';
