export { PageArena, type PageArenaOptions, type ArenaStatistics } from './page-arena.js';
export { KvSequence, type KvLocation } from './kv-sequence.js';
export type { WindowPages, WindowPagesOptions } from './window-pages.js';
export type { WindowTable } from './window-table.js';
export { KvLayout, kvHalf, type KvShape, type KvTensor, type KvPart, type KvElementType } from './kv-layout.js';
export { KvStore } from './kv-store.js';
export type { DropReason, SpillEvent, SpillRecord, SpillStore, SpilledEntry } from './spill/spill-store.js';
export type { RecordFeed, RecordNews, SessionDirectory, SessionHold } from './spill/shared-store.js';
export { MemorySpillStore } from './spill/memory-spill-store.js';
export type { RestoreTicket } from './spill/spill-tier.js';
export type { PageBytes, SequenceStates, StateCheckpoint } from './ports.js';
export { cacheKeyOf, sharedKeyOf, tenantIn, type CacheScope, type ModelIdentity } from './cache-key.js';
export {
  KvCache,
  type CacheEvent,
  type CacheMatch,
  type CacheMiss,
  type KvCacheOptions,
  type KvCacheStatistics,
} from './kv-cache.js';
export { SessionTable, type SessionTableOptions } from './session-table.js';
export { MAX_IDLE_MS, MAX_SESSION_ID, type Session, type SessionChange } from './session.js';
export type { StoredSession } from './spill/session-records.js';
