import os from 'node:os';
import type { ModelRuntime } from '@starling/transformer';
import type { Command } from 'commander';
import { write, type CliIo } from './io.js';
import { allPages, loadRuntime } from './load-runtime.js';
import { showProgress, type Progress } from './progress.js';
import { integer } from './values.js';

interface BenchOptions {
  readonly model: string;
  readonly threads: number;
  readonly promptTokens: number;
  readonly genTokens: number;
  readonly repetitions: number;
  readonly json?: boolean;
}

/** What `starling bench` tells. */
interface BenchResult {
  readonly model: string;
  readonly threads: number;
  readonly prompt_tokens: number;
  readonly gen_tokens: number;
  /** Tokens per second: the median of the repetitions; null where nothing was asked for. */
  readonly prompt_tps: number | null;
  readonly decode_tps: number | null;
  readonly load_ms: number;
  readonly weights_bytes: number;
}

/** `starling bench`. */
export function registerBench(program: Command, io: CliIo): void {
  program
    .command('bench')
    .description('measure prompt processing and decoding in tokens per second, as llama-bench does')
    .requiredOption('-m, --model <MODEL>', 'a GGUF file')
    .option('-t, --threads <N>', 'threads that compute', integer(1, 256), os.availableParallelism())
    .option('-p, --prompt-tokens <N>', 'tokens of the prompt, computed in batches; 0 leaves it out', integer(0, 2 ** 20), 256)
    .option('-n, --gen-tokens <N>', 'tokens decoded one by one from an empty context; 0 leaves it out', integer(0, 2 ** 20), 32)
    .option('-r, --repetitions <N>', 'how often each is measured, after a warm-up', integer(1, 1000), 3)
    .option('--json', 'one JSON object')
    .action(async (options: BenchOptions) => {
      const result = await bench(options, io);
      await write(io.stdout, options.json ? `${JSON.stringify(result)}\n` : table(result));
    });
}

async function bench({ model, threads, promptTokens, genTokens, repetitions }: BenchOptions, io: CliIo): Promise<BenchResult> {
  const loadStart = performance.now();
  const runtime = await loadRuntime(model, { threads, contextLength: Math.max(promptTokens, genTokens, 1) }, io);
  const loadMs = performance.now() - loadStart;
  const progress = showProgress(io, 'measuring');
  try {
    const measure = (tokens: number, batch: number) => medianRate(runtime, tokens, batch, repetitions, progress);
    return {
      model,
      threads,
      prompt_tokens: promptTokens,
      gen_tokens: genTokens,
      prompt_tps: await measure(promptTokens, runtime.info.maxBatchTokens),
      decode_tps: await measure(genTokens, 1),
      load_ms: rounded(loadMs),
      weights_bytes: runtime.info.weightBytes,
    };
  } finally {
    progress.end();
    await runtime.close();
  }
}

/** Tokens per second of computing `tokens` tokens from an empty context, `batch` of them a step. */
async function medianRate(runtime: ModelRuntime, tokens: number, batch: number, repetitions: number, progress: Progress): Promise<number | null> {
  if (tokens === 0) return null;
  await computeTokens(runtime, Math.min(tokens, batch === 1 ? 4 : batch), batch);
  const rates: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    await computeTokens(runtime, tokens, batch);
    rates.push((tokens * 1000) / (performance.now() - start));
    progress.update(i + 1, repetitions);
  }
  rates.sort((a, b) => a - b);
  return rounded((rates[(repetitions - 1) >> 1] + rates[repetitions >> 1]) / 2);
}

async function computeTokens(runtime: ModelRuntime, count: number, batch: number): Promise<void> {
  const { vocabSize } = runtime.info;
  const pages = allPages(runtime);
  for (let start = 0; start < count; start += batch) {
    // Spread over the vocabulary, so that rows of the embedding table are not all in the cache.
    const tokens = Uint32Array.from({ length: Math.min(batch, count - start) }, (_, i) => ((start + i) * 7919 + 1) % vocabSize);
    await runtime.step([{ tokens, startPosition: start, pages, slot: 0, outputs: 'last' }]);
  }
}

function table(result: BenchResult): string {
  const rate = (value: number | null) => (value === null ? '-' : `${value} tokens/s`);
  const rows = [
    ['model', result.model],
    ['threads', String(result.threads)],
    ['weights', `${(result.weights_bytes / 2 ** 20).toFixed(1)} MiB`],
    ['load', `${result.load_ms} ms`],
    [`prompt, ${result.prompt_tokens} tokens`, rate(result.prompt_tps)],
    [`decode, ${result.gen_tokens} tokens`, rate(result.decode_tps)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return `${rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n')}\n`;
}

const rounded = (value: number) => Math.round(value * 100) / 100;
