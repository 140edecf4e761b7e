import { webLoader } from './web-model.js';

/**
 * Loads a GGUF model in a worker of its own, so that the page stays free: from an address (by range requests), a File that the user chose, or bytes.
 * Threads where the page is cross-origin isolated. The tokens are those of `Starling` in Node; bit for bit with `deterministic: true`.
 * @throws StarlingError invalid_argument, file_not_found, download_failed, invalid_model_file, unsupported_model, out_of_memory, not_supported
 *   for threads where no memory can be shared, worker_failed, cancelled
 */
export const loadInWorker = webLoader(
  () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'starling-engine' }),
);

export type { WebModel, WebLoader } from './web-model.js';
export type { WebChat } from './web-chat.js';
export type { WebGeneration } from './web-generation.js';
export type { ChatPart, ChatRequest, ChatSample } from '../chat/answer-chat.js';
export type { WebLoadOptions, WebLoadProgress, WorkerLoadOptions } from './load-options.js';
export type { WebPrompt } from './messages.js';
export type { RemoteModel } from './remote-model.js';
export type { WebSource } from './source.js';
export { cachedModels, removeCachedModel, type CachedModel } from '@starling/models/web';
export type { DonePart, GeneratePart, GenerateRequest, SampleResult, TokenPart, Usage } from '../generate-types.js';
export { StarlingError, isStarlingError, type ErrorCode } from '@starling/core';
