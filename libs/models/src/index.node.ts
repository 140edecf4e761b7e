export {
  ModelStore,
  type ModelStoreOptions,
  type PulledModel,
  type PullOptions,
  type ResolveOptions,
} from './model-store.node.js';
export type { ModelFile, StoredModel } from './cache-folder.node.js';
export { download, type DownloadOptions, type DownloadProgress, type DownloadResult } from './download.node.js';
export { defaultHome } from './home.node.js';
export { sha256File, type HashOptions } from './sha256.node.js';
export { findHubFiles, type HubFile, type HubOptions } from './hub.node.js';
