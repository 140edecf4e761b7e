import { StarlingError, messageOf } from '@starling/core';
import type { SpillEvent, SpillStore } from '@starling/kvcache';
import { DiskSpillStore, type FolderSharing } from '@starling/kvcache/node';
import type { Telemetry } from '@starling/telemetry';
import type { Logger } from './parts.js';

export interface KvStoreOptions {
  readonly folder: string;
  readonly limitBytes: number;
  /** Other servers have the folder, too. */
  readonly share?: (folderName: string) => FolderSharing;
}

/**
 * The folder of `--kv-dir`.
 * @param note is told what it does
 * @throws StarlingError invalid_argument if the folder cannot be used
 */
export async function openKvStore(
  options: KvStoreOptions,
  telemetry: Telemetry,
  note: (event: SpillEvent) => void,
): Promise<SpillStore> {
  const { folder } = options;
  try {
    const store = await DiskSpillStore.open(options, note);
    telemetry.onCollect(() => telemetry.set('kv_bytes', store.bytes, { state: 'spilled' }));
    return store;
  } catch (error) {
    throw new StarlingError('invalid_argument', `--kv-dir ${folder}: the folder cannot be used: ${messageOf(error)}`, {
      details: { folder },
      cause: error,
    });
  }
}

/** Counts what slower storage tells, and logs what is to be known of it. */
export function noteSpill(event: SpillEvent, telemetry: Telemetry, logger: Logger): void {
  switch (event.kind) {
    case 'spilled':
      telemetry.count('spilled_bytes_total', event.bytes);
      break;
    case 'restored':
      telemetry.count('restored_bytes_total', event.bytes);
      break;
    case 'dropped':
      telemetry.count('spill_dropped_total', 1, { reason: event.reason });
      logger[event.reason === 'quota' || event.reason === 'gone' ? 'debug' : 'warn'](
        { record: event.id, reason: event.reason, why: event.message },
        'stored keys and values were thrown away',
      );
      break;
    case 'found':
      logger.debug({ record: event.entry.id, bytes: event.entry.bytes }, 'another process stored keys and values');
      break;
    case 'spill_failed':
      telemetry.count('spill_failures_total', 1);
      logger.warn({ why: event.message }, 'keys and values could not be stored: they will be computed again');
      break;
  }
}
