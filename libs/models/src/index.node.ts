export { ModelStore, type ModelFile, type ModelStoreOptions, type PulledModel, type PullOptions, type ResolveOptions, type StoredModel } from './model-store.node.js';
export { download, type DownloadOptions, type DownloadProgress, type DownloadResult } from './download.node.js';
export { defaultHome } from './home.node.js';
export { sha256File, type HashOptions } from './sha256.node.js';
export { findHubFiles, type HubFile, type HubOptions } from './hub.node.js';
