import { tenantIn } from '@starling/kvcache';
import type { AdapterChoice } from './adapters.js';

/** Gives the key of computed tokens: whose they are, and what was added. */
export type CacheKeyOf = (scope: {
  readonly tenant: string | undefined;
  readonly salt: string | undefined;
  readonly adapters: AdapterChoice['applied'];
}) => string;

/** Among whom room is shared where something is kept for each key: a tenant has no more of it for having many salts. */
export const ownerOf = (cacheKey: string): string => tenantIn(cacheKey) ?? cacheKey;
