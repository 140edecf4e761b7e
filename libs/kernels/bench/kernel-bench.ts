import { compileKernels } from '../src/matmul/compile-kernels.node.js';
import type { KernelBuild } from '../src/matmul/dot-mode.js';
import {
  chunkRows,
  matmulFormat,
  QUANTIZE_EXPORT,
  type MatmulFormat,
  type MatmulFormatName,
} from '../src/matmul/format.js';
import { randomActivations, randomFile } from '../src/matmul/matmul-harness.js';
import { buildMatmulModule } from '../src/matmul/matmul-module.js';
import { BenchThreads } from './bench-threads.js';
import { buildYardsticks, peakOperations } from './yardsticks.js';

const MIB = 1024 * 1024;
/** Rows of a panel of random weights that fill the memory by repetition. */
const SEED_ROWS = 64;
/** Rows of weights that stay in the second-level cache. */
const CACHED_ROWS = 64;
const MAX_TOKENS = 256;

/** Addresses: activations as floats and quantized, outputs and scratch of each thread, weights. */
const PLACES = { floats: MIB, activations: 12 * MIB, output: 24 * MIB, scratch: 40 * MIB, weights: 56 * MIB } as const;

export interface BenchOptions {
  readonly formats: readonly MatmulFormatName[];
  readonly build: KernelBuild;
  readonly threads: number;
  readonly cols: number;
  /** Weights that are read from memory, large against all caches. */
  readonly megabytes: number;
  /** Runs of each measurement; the best counts. */
  readonly runs: number;
}

/** A measurement and the yardstick's best of the same seconds. */
export interface Share {
  readonly value: number;
  readonly limit: number;
}

export interface FormatResult {
  readonly name: MatmulFormatName;
  /** GB/s of packed weights, all threads, from memory; limit: reading without arithmetic. */
  readonly matvec: Share;
  /** GB/s of one thread, weights in the second-level cache. */
  readonly cached: number;
  /** GOP/s of one thread with 256 and with 8 tokens; limit: products of what is in registers. */
  readonly matmul: Share;
  readonly smallBatch: Share;
  /** GB/s of file bytes that one thread packs. */
  readonly pack: number;
}

type Exports = Record<string, (...args: number[]) => void>;

/** Seconds of processor time that calls take on this thread: what other programs do meanwhile does not count. */
function processorSeconds(run: (...args: number[]) => void, calls: readonly (readonly number[])[]): number {
  const before = process.cpuUsage();
  for (const args of calls) run(...args);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const repeat = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Measures the matrix kernels of some formats beside what the machine can do at best. */
export class KernelBench {
  private constructor(
    private readonly options: BenchOptions,
    private readonly memory: WebAssembly.Memory,
    private readonly kernels: Exports,
    private readonly yardsticks: Exports,
    private readonly threads: BenchThreads,
  ) {}

  static async create(options: BenchOptions): Promise<KernelBench> {
    const { build, formats, threads, megabytes } = options;
    const pages = Math.ceil((PLACES.weights + (megabytes + 1) * MIB) / 65536);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const modules = [
      await compileKernels(buildMatmulModule(formats, build), build),
      await compileKernels(buildYardsticks(build), build),
    ];
    const [kernels, yardsticks] = modules.map(
      (module) => new WebAssembly.Instance(module, { env: { memory } }).exports as Exports,
    );
    return new KernelBench(options, memory, kernels, yardsticks, new BenchThreads(threads, modules, memory));
  }

  close(): Promise<void> {
    return this.threads.close();
  }

  async measure(name: MatmulFormatName): Promise<FormatResult> {
    const format = matmulFormat(name);
    const { cols, megabytes } = this.options;
    const rowBytes = format.packedBytes(SEED_ROWS, cols) / SEED_ROWS;
    const rows = Math.floor((megabytes * MIB) / rowBytes / 1024) * 1024;
    const pack = this.fillWeights(format, rows, rowBytes);
    const activations = this.fillActivations(format);
    return {
      name,
      pack,
      matvec: await this.matvec(format, rows, rowBytes, activations),
      cached: this.cachedMatvec(format, rowBytes, activations),
      matmul: this.matmul(format, MAX_TOKENS, activations),
      smallBatch: this.matmul(format, 8, activations),
    };
  }

  /** Packs some random rows, with the time taken, and repeats them. */
  private fillWeights(format: MatmulFormat, rows: number, rowBytes: number): number {
    const { cols, runs } = this.options;
    const bytes = new Uint8Array(this.memory.buffer);
    const file = randomFile(format.name, SEED_ROWS, cols, 1, false);
    bytes.set(file, PLACES.scratch);
    const calls = repeat(Math.ceil((4 * MIB) / file.length), () => [
      PLACES.scratch,
      PLACES.weights,
      0,
      SEED_ROWS,
      cols,
    ]);
    const seconds = Math.min(...repeat(runs, () => processorSeconds(this.kernels[format.kernels.pack], calls)));
    for (let filled = SEED_ROWS; filled < rows; filled *= 2) {
      bytes.copyWithin(
        PLACES.weights + filled * rowBytes,
        PLACES.weights,
        PLACES.weights + Math.min(filled, rows - filled) * rowBytes,
      );
    }
    return (calls.length * file.length) / seconds / 1e9;
  }

  private fillActivations(format: MatmulFormat): { at: number; stride: number } {
    const { cols } = this.options;
    new Float32Array(this.memory.buffer, PLACES.floats, MAX_TOKENS * cols).set(randomActivations(MAX_TOKENS * cols, 3));
    if (format.activation === 'f32') return { at: PLACES.floats, stride: 4 * cols };
    const stride = format.activationBytes(cols);
    this.kernels[QUANTIZE_EXPORT](PLACES.floats, 4 * cols, PLACES.activations, stride, 0, cols, 0, MAX_TOKENS);
    return { at: PLACES.activations, stride };
  }

  /** All weights once, by all threads, each its share in chunks; reading alone in between. */
  private async matvec(
    format: MatmulFormat,
    rows: number,
    rowBytes: number,
    { at, stride }: { at: number; stride: number },
  ): Promise<Share> {
    const { threads, cols, runs } = this.options;
    const chunk = chunkRows(format, rows, cols, threads);
    const share = Math.ceil(rows / threads);
    const products = repeat(threads, (t) =>
      repeat(Math.ceil(share / chunk), (i) => {
        const begin = t * share + i * chunk;
        return [
          PLACES.weights,
          at,
          PLACES.output,
          begin,
          Math.min(begin + chunk, (t + 1) * share, rows),
          1,
          cols,
          stride,
          0,
          0,
        ];
      }),
    );
    const bytes = rows * rowBytes;
    const readings = repeat(threads, (t) => [[PLACES.weights + (t * bytes) / threads, bytes / threads]]);
    let [value, limit] = [0, 0];
    for (let run = 0; run < runs; run++) {
      limit = Math.max(
        limit,
        bytes / (await this.threads.run({ name: run % 2 ? 'stream1' : 'stream4', calls: readings })) / 1e9,
      );
      value = Math.max(value, bytes / (await this.threads.run({ name: format.kernels.matmul, calls: products })) / 1e9);
    }
    return { value, limit };
  }

  private cachedMatvec(format: MatmulFormat, rowBytes: number, { at, stride }: { at: number; stride: number }): number {
    const { cols, runs } = this.options;
    const bytes = CACHED_ROWS * rowBytes;
    const calls = repeat(Math.ceil((64 * MIB) / bytes), () => [
      PLACES.weights,
      at,
      PLACES.output,
      0,
      CACHED_ROWS,
      1,
      cols,
      stride,
      0,
      PLACES.scratch,
    ]);
    return (
      (calls.length * bytes) /
      Math.min(...repeat(runs, () => processorSeconds(this.kernels[format.kernels.matmul], calls))) /
      1e9
    );
  }

  private matmul(format: MatmulFormat, tokens: number, { at, stride }: { at: number; stride: number }): Share {
    const { cols, runs, build } = this.options;
    const [peak, operations] =
      format.activation === 'q8' ? ['peakDot', peakOperations(build).dot] : ['peakMadd', peakOperations(build).madd];
    const iterations = 500_000;
    const calls = repeat(Math.ceil((2 * MAX_TOKENS) / tokens), (i) => {
      const begin = CACHED_ROWS * (i % 16);
      return [
        PLACES.weights,
        at,
        PLACES.output,
        begin,
        begin + CACHED_ROWS,
        tokens,
        cols,
        stride,
        4 * 1024,
        PLACES.scratch,
      ];
    });
    const products = 2 * calls.length * CACHED_ROWS * cols * tokens;
    let [value, limit] = [0, 0];
    for (let run = 0; run < runs; run++) {
      limit = Math.max(
        limit,
        (operations * iterations) / processorSeconds(this.yardsticks[peak], [[0, iterations]]) / 1e9,
      );
      value = Math.max(value, products / processorSeconds(this.kernels[format.kernels.matmul], calls) / 1e9);
    }
    return { value, limit };
  }
}
