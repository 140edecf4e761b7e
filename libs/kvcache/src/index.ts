export { PageArena, type PageArenaOptions, type ArenaStatistics } from './page-arena.js';
export { KvSequence, type KvLocation } from './kv-sequence.js';
export { KvLayout, kvHalf, type KvShape, type KvTensor, type KvPart, type KvElementType } from './kv-layout.js';
export { KvStore } from './kv-store.js';
