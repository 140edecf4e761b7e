export { createStarling, type StarlingProvider, type StarlingProviderSettings } from './create-starling.js';
export type { HostModel, HostModels } from './host-models.js';
export type { StarlingEmbeddingOptions, StarlingOptions } from './options.js';
