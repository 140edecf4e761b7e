import { printable } from '@starling/core';
import type { CliIo } from './io.js';

/** Work that takes less than this shows no progress. */
const QUIET_MS = 1000;
const REFRESH_MS = 100;

/** Tells how far a piece of work is. */
export interface Progress {
  /** `total` is undefined where nobody knows it. */
  update(done: number, total?: number): void;
  /** Takes the line away. */
  end(): void;
}

/**
 * Shows progress on one line of stderr when that is a terminal and the work takes over a second.
 * @param unit bytes are shown as MB, everything else as counts
 */
export function showProgress(io: CliIo, label: string, unit: 'bytes' | 'items' = 'items'): Progress {
  const { stderr } = io;
  if (!stderr.isTTY) return { update: () => undefined, end: () => undefined };
  const start = performance.now();
  let shownAt = 0;
  const amount = (value: number) => (unit === 'bytes' ? `${(value / 1e6).toFixed(1)} MB` : String(value));
  return {
    update(done, total) {
      const now = performance.now();
      if (now - start < QUIET_MS || now - shownAt < REFRESH_MS) return;
      shownAt = now;
      const share = total ? ` of ${amount(total)} (${Math.floor((100 * done) / total)} %)` : '';
      stderr.write(`\r\u001b[K${printable(label)}: ${amount(done)}${share}`);
    },
    end() {
      if (shownAt > 0) stderr.write('\r\u001b[K');
    },
  };
}
