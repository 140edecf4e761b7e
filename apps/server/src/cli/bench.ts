import type { ModelRuntime } from '@starling/transformer';
import type { Command } from 'commander';
import { write, type CliIo } from './io.js';
import { loadRuntime, pagesOf } from './load-runtime.js';
import { showProgress, type Progress } from './progress.js';
import { integer, THREADS_OPTION } from './values.js';

interface BenchOptions {
  readonly model: string;
  readonly threads?: number;
  readonly promptTokens: number;
  readonly genTokens: number;
  readonly repetitions: number;
  readonly parallel: number;
  readonly json?: boolean;
}

/** What `starling bench` tells. */
interface BenchResult {
  readonly model: string;
  readonly threads: number;
  readonly prompt_tokens: number;
  readonly gen_tokens: number;
  /** Sequences that are decoded together; left out where it is one. */
  readonly parallel?: number;
  /** Tokens per second, of all sequences together: the median of the repetitions; null where nothing was asked for. */
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
    .option(...THREADS_OPTION)
    .option('-p, --prompt-tokens <N>', 'tokens of the prompt, computed in batches; 0 leaves it out', integer(0, 2 ** 20), 256)
    .option('-n, --gen-tokens <N>', 'tokens decoded one by one from an empty context; 0 leaves it out', integer(0, 2 ** 20), 32)
    .option('--parallel <N>', 'sequences that are decoded together, one token of each in a step', integer(1, 256), 1)
    .option('-r, --repetitions <N>', 'how often each is measured, after a warm-up', integer(1, 1000), 3)
    .option('--json', 'one JSON object')
    .action(async (options: BenchOptions) => {
      const result = await bench(options, io);
      await write(io.stdout, options.json ? `${JSON.stringify(result)}\n` : table(result));
    });
}

async function bench({ model, threads, promptTokens, genTokens, repetitions, parallel }: BenchOptions, io: CliIo): Promise<BenchResult> {
  const loadStart = performance.now();
  const runtime = await loadRuntime(model, { threads, contextLength: Math.max(promptTokens, genTokens, 1), sequences: parallel }, io);
  const loadMs = performance.now() - loadStart;
  const progress = showProgress(io, 'measuring');
  try {
    const measure = (work: Work) => medianRate(runtime, work, repetitions, progress);
    return {
      model,
      threads: runtime.info.threads,
      prompt_tokens: promptTokens,
      gen_tokens: genTokens,
      ...(parallel > 1 ? { parallel } : {}),
      prompt_tps: await measure({ tokens: promptTokens, batch: runtime.info.maxBatchTokens, sequences: 1 }),
      decode_tps: await measure({ tokens: genTokens, batch: 1, sequences: parallel }),
      load_ms: rounded(loadMs),
      weights_bytes: runtime.info.weightBytes,
    };
  } finally {
    progress.end();
    await runtime.close();
  }
}

/** Tokens of each sequence, computed from an empty context, `batch` of them a step. */
interface Work {
  readonly tokens: number;
  readonly batch: number;
  readonly sequences: number;
}

/** Tokens per second of some work. */
async function medianRate(runtime: ModelRuntime, work: Work, repetitions: number, progress: Progress): Promise<number | null> {
  const { tokens, batch, sequences } = work;
  if (tokens === 0) return null;
  await computeTokens(runtime, { ...work, tokens: Math.min(tokens, batch === 1 ? 4 : batch) });
  const rates: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    await computeTokens(runtime, work);
    rates.push((sequences * tokens * 1000) / (performance.now() - start));
    progress.update(i + 1, repetitions);
  }
  rates.sort((a, b) => a - b);
  return rounded((rates[(repetitions - 1) >> 1] + rates[repetitions >> 1]) / 2);
}

async function computeTokens(runtime: ModelRuntime, { tokens: count, batch, sequences }: Work): Promise<void> {
  const { vocabSize } = runtime.info;
  const slots = Array.from({ length: sequences }, (_, slot) => ({ slot, pages: pagesOf(runtime, slot, sequences) }));
  for (let start = 0; start < count; start += batch) {
    // Spread over the vocabulary, so that rows of the embedding table are not all in the cache.
    const tokensOf = (slot: number) => Uint32Array.from({ length: Math.min(batch, count - start) }, (_, i) => ((start + i + 31 * slot) * 7919 + 1) % vocabSize);
    await runtime.step(slots.map(({ slot, pages }) => ({ tokens: tokensOf(slot), startPosition: start, pages, slot, outputs: 'last' })));
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
    [`decode, ${result.gen_tokens} tokens${result.parallel ? ` of ${result.parallel} sequences` : ''}`, rate(result.decode_tps)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return `${rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n')}\n`;
}

const rounded = (value: number) => Math.round(value * 100) / 100;
