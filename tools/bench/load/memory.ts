import fs from 'node:fs';
import type { MemorySample } from './report.js';

const PAGE_BYTES = 4096;

/** Looks at a process's resident memory again and again, where the system tells it (Linux). */
export function watchMemory(pid: number | undefined, everyMs = 500): () => MemorySample[] {
  const samples: MemorySample[] = [];
  const began = performance.now();
  const look = (): void => {
    const bytes = pid === undefined ? undefined : residentBytes(pid);
    if (bytes !== undefined) samples.push({ atMs: performance.now() - began, bytes });
  };
  look();
  const timer = setInterval(look, everyMs);
  return () => {
    clearInterval(timer);
    look();
    return samples;
  };
}

export function residentBytes(pid: number): number | undefined {
  try {
    return Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return undefined;
  }
}
