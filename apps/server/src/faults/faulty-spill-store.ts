import type { SpillEvent, SpillStore } from '@starling/kvcache';
import type { FaultPlan } from './fault-plan.js';

/**
 * A store that does not always keep what it is given, nor say so.
 * @param note is told what a store tells of itself
 */
export function faultySpillStore(store: SpillStore, plan: FaultPlan, note: (event: SpillEvent) => void): SpillStore {
  const lost = new Set<string>();
  return {
    get bytes() {
      return store.bytes;
    },
    limitBytes: store.limitBytes,
    directory: store.directory,
    find: (id) => store.find(id),
    keyOf: (scope) => store.keyOf(scope),
    entries: () => store.entries(),
    accepts: (owner, bytes) => store.accepts(owner, bytes),
    refresh: () => store.refresh(),
    async put(record) {
      if (plan.happens('disk_slow')) return new Promise(() => undefined);
      if (plan.happens('disk_full')) {
        note({ kind: 'spill_failed', message: 'ENOSPC: no space left on device, as it was told to be' });
        return undefined;
      }
      const entry = await store.put(record);
      if (entry !== undefined && plan.happens('disk_lies')) lost.add(entry.id);
      return entry;
    },
    get: (id) => (lost.has(id) ? Promise.resolve(undefined) : store.get(id)),
    touch: (ids) => store.touch(ids),
    delete: (id) => store.delete(id),
    on: (listener) => store.on(listener),
    close: () => store.close(),
    checkIntegrity: () => store.checkIntegrity(),
  };
}
