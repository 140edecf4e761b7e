export { CachedFile, isUnreachable, type FillOptions } from './cached-file.js';
export { checkSha256, type ReadableFile } from './check-sha256.js';
export type { ChunkStore } from './chunk-store.js';
export {
  cachedModels,
  hasOriginStorage,
  openOriginStore,
  removeCachedModel,
  type CachedModel,
} from './origin-storage.js';
