import { StarlingError } from '@starling/core';
import type { KvType, ModelInfo, ModelRuntime, SequenceInput } from '@starling/transformer';
import type { Command } from 'commander';
import { write, type CliIo } from './io.js';
import { loadRuntime, pagesOf } from './load-runtime.js';
import { showProgress, type Progress } from './progress.js';
import { CACHE_TYPE_OPTION, integer, THREADS_OPTION } from './values.js';

interface BenchOptions {
  readonly model: string;
  readonly threads?: number;
  readonly promptTokens: number;
  readonly genTokens: number;
  readonly depth: number;
  readonly repetitions: number;
  readonly parallel: number;
  readonly cacheType?: KvType;
  readonly json?: boolean;
}

/** What `starling bench` tells. */
interface BenchResult {
  readonly model: string;
  readonly threads: number;
  readonly prompt_tokens: number;
  readonly gen_tokens: number;
  /** Tokens that come before all that is measured; left out where there are none. */
  readonly depth?: number;
  /** Sequences that are decoded together; left out where it is one. */
  readonly parallel?: number;
  /** The format of keys and values; left out where none was asked for. */
  readonly cache_type?: KvType;
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
    .option(
      '-p, --prompt-tokens <N>',
      'tokens of the prompt, computed in batches; 0 leaves it out',
      integer(0, 2 ** 20),
      256,
    )
    .option('-n, --gen-tokens <N>', 'tokens decoded one by one; 0 leaves it out', integer(0, 2 ** 20), 32)
    .option(
      '-d, --depth <N>',
      'tokens of context that come before the prompt, and before what is decoded',
      integer(0, 2 ** 20),
      0,
    )
    .option('--parallel <N>', 'sequences that are decoded together, one token of each in a step', integer(1, 256), 1)
    .option(...CACHE_TYPE_OPTION)
    .option('-r, --repetitions <N>', 'how often each is measured, after a warm-up', integer(1, 1000), 3)
    .option('--json', 'one JSON object')
    .action(async (options: BenchOptions) => {
      const result = await bench(options, io);
      await write(io.stdout, options.json ? `${JSON.stringify(result)}\n` : table(result));
    });
}

async function bench(
  { model, threads, promptTokens, genTokens, depth, repetitions, parallel, cacheType }: BenchOptions,
  io: CliIo,
): Promise<BenchResult> {
  const loadStart = performance.now();
  const runtime = await loadRuntime(
    model,
    { threads, contextLength: depth + Math.max(promptTokens, genTokens, 1), sequences: parallel, kvType: cacheType },
    io,
  );
  const loadMs = performance.now() - loadStart;
  const progress = showProgress(io, 'measuring');
  try {
    if (depth > 0 && runtime.info.decoderStart !== undefined)
      throw new StarlingError(
        'invalid_argument',
        `${model}: an encoder reads each prompt as a whole, so that nothing comes before it; leave out --depth`,
        { details: { isUsage: true } },
      );
    const context = await fillContext(runtime, depth, parallel);
    const measure = (work: Work) => medianRate(runtime, work, context, repetitions, progress);
    return {
      model,
      threads: runtime.info.threads,
      prompt_tokens: promptTokens,
      gen_tokens: genTokens,
      ...(depth > 0 ? { depth } : {}),
      ...(parallel > 1 ? { parallel } : {}),
      ...(cacheType === undefined ? {} : { cache_type: runtime.info.kvType }),
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

/** Tokens of each sequence, computed after its context, `batch` of them a step. */
interface Work {
  readonly tokens: number;
  readonly batch: number;
  readonly sequences: number;
}

/** What each sequence begins with. */
interface Context {
  readonly depth: number;
  /** Of recurrent layers, behind it: one for each sequence, or none. */
  readonly states: readonly Uint8Array[];
}

/** Computes so many tokens of each sequence. */
async function fillContext(runtime: ModelRuntime, depth: number, sequences: number): Promise<Context> {
  const states: Uint8Array[] = [];
  for (let slot = 0; slot < sequences && depth > 0; slot++) {
    await stepThrough(runtime, slotsOf(runtime, sequences).slice(slot, slot + 1), {
      from: 0,
      count: depth,
      batch: runtime.info.maxBatchTokens,
    });
    if (runtime.stateBytes > 0) await runtime.saveState(slot, (states[slot] = new Uint8Array(runtime.stateBytes)));
  }
  return { depth, states };
}

/** Tokens per second of some work. */
async function medianRate(
  runtime: ModelRuntime,
  work: Work,
  context: Context,
  repetitions: number,
  progress: Progress,
): Promise<number | null> {
  const { tokens, batch, sequences } = work;
  if (tokens === 0) return null;
  await computeTokens(runtime, { ...work, tokens: Math.min(tokens, batch === 1 ? 4 : batch) }, context);
  const rates: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    rates.push((sequences * tokens * 1000) / (await computeTokens(runtime, work, context)));
    progress.update(i + 1, repetitions);
  }
  rates.sort((a, b) => a - b);
  return rounded((rates[(repetitions - 1) >> 1] + rates[repetitions >> 1]) / 2);
}

/** Does some work after the context. Gives the milliseconds that it took. */
async function computeTokens(
  runtime: ModelRuntime,
  { tokens, batch, sequences }: Work,
  { depth, states }: Context,
): Promise<number> {
  // What was computed behind it before is written over; states have to be put back.
  for (const [slot, state] of states.entries()) await runtime.loadState(slot, state, depth);
  const start = performance.now();
  await stepThrough(runtime, slotsOf(runtime, sequences), { from: depth, count: tokens, batch });
  return performance.now() - start;
}

interface Slot {
  readonly slot: number;
  readonly pages: Int32Array;
}

const slotsOf = (runtime: ModelRuntime, sequences: number): Slot[] =>
  Array.from({ length: sequences }, (_, slot) => ({ slot, pages: pagesOf(runtime, slot, sequences) }));

/** Computes positions `[from, from + count)` of some sequences, `batch` of each in a step. */
async function stepThrough(
  runtime: ModelRuntime,
  slots: readonly Slot[],
  { from, count, batch }: { readonly from: number; readonly count: number; readonly batch: number },
): Promise<void> {
  const { vocabSize } = runtime.info;
  for (let start = from; start < from + count; start += batch) {
    // Spread over the vocabulary, so that rows of the embedding table are not all in the cache.
    const tokensOf = (slot: number) =>
      Uint32Array.from(
        { length: Math.min(batch, from + count - start) },
        (_, i) => ((start + i + 31 * slot) * 7919 + 1) % vocabSize,
      );
    await runtime.step(
      slots.map(({ slot, pages }) => ({ ...workAt(runtime.info, tokensOf(slot), start, batch > 1), pages, slot })),
    );
  }
}

/** Tokens from a position on. An encoder reads each batch of a prompt as a text; what is decoded comes after a text of one token. */
function workAt(
  { decoderStart }: ModelInfo,
  tokens: Uint32Array,
  start: number,
  isPrompt: boolean,
): Pick<SequenceInput, 'tokens' | 'startPosition' | 'outputs' | 'encoderTokens'> {
  if (decoderStart === undefined) return { tokens, startPosition: start, outputs: 'last' };
  if (isPrompt) return { tokens, startPosition: 0, outputs: 'none', encoderTokens: tokens.length };
  return start === 0
    ? { tokens: Uint32Array.of(tokens[0], ...tokens), startPosition: 0, outputs: 'last', encoderTokens: 1 }
    : { tokens, startPosition: start + 1, outputs: 'last', encoderTokens: 1 };
}

function table(result: BenchResult): string {
  const rate = (value: number | null) => (value === null ? '-' : `${value} tokens/s`);
  const rows = [
    ['model', result.model],
    ['threads', String(result.threads)],
    ['weights', `${(result.weights_bytes / 2 ** 20).toFixed(1)} MiB`],
    ['load', `${result.load_ms} ms`],
    ...(result.depth ? [['context', `${result.depth} tokens`]] : []),
    ...(result.cache_type ? [['keys and values', result.cache_type]] : []),
    [`prompt, ${result.prompt_tokens} tokens`, rate(result.prompt_tps)],
    [
      `decode, ${result.gen_tokens} tokens${result.parallel ? ` of ${result.parallel} sequences` : ''}`,
      rate(result.decode_tps),
    ],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return `${rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n')}\n`;
}

const rounded = (value: number) => Math.round(value * 100) / 100;
