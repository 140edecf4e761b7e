import { BenchThreads } from '../../../libs/kernels/bench/bench-threads.js';
import { buildYardsticks } from '../../../libs/kernels/bench/yardsticks.js';
import { compileKernels, nodeBuild } from '../../../libs/kernels/src/matmul/compile-kernels.node.js';

const MIB = 2 ** 20;

/** What is read, large against all caches. */
const BYTES = 512 * MIB;
const BEGIN = MIB;

/** The best of so many passes counts. */
const PASSES = 9;

/** GB/s that threads read at best, in WebAssembly, without doing anything with it: what decoding can come to. */
export async function streamingLimit(threads: number): Promise<number> {
  const pages = (BEGIN + BYTES + MIB) / 65536;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  // Pages that nobody wrote are all the same one.
  new Uint8Array(memory.buffer).fill(1);
  const build = nodeBuild();
  const team = new BenchThreads(threads, [await compileKernels(buildYardsticks(build), build)], memory);
  try {
    const calls = Array.from({ length: threads }, (_, i) => [[BEGIN + (i * BYTES) / threads, BYTES / threads]]);
    let best = 0;
    for (let pass = 0; pass < PASSES; pass++)
      best = Math.max(best, BYTES / (await team.run({ name: pass % 2 ? 'stream1' : 'stream4', calls })) / 1e9);
    return best;
  } finally {
    await team.close();
  }
}
