import { fastestBuild } from '@starling/kernels';

/** The result of some work, and the bytes of all WebAssembly memories that were made meanwhile. */
export async function measureMemory<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly allocatedBytes: number }> {
  // What the processor can is tried once, with a memory of its own.
  fastestBuild();
  const { Memory } = WebAssembly;
  let allocatedBytes = 0;
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, args: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(...args);
      allocatedBytes += memory.buffer.byteLength;
      return memory;
    },
  });
  try {
    return { result: await work(), allocatedBytes };
  } finally {
    WebAssembly.Memory = Memory;
  }
}
