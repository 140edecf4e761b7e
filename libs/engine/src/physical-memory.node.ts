import os from 'node:os';

/** Bytes that this process may use: the memory of the machine, or of the container that it runs in. */
export function physicalMemoryBytes(): number {
  // Without a limit the system answers 0, or a number beyond all memory.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, os.totalmem()) : os.totalmem();
}
