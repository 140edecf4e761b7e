import fs from 'node:fs';
import { StarlingError } from '@starling/core';
import type { PerplexityResult } from '@starling/engine';
import type { KvType } from '@starling/transformer';
import type { Command } from 'commander';
import { fileProblem } from '../system-code.js';
import { write, type CliIo } from './io.js';
import { loadModel } from './load-model.js';
import { showProgress } from './progress.js';
import { CACHE_TYPE_OPTION, integer, THREADS_OPTION } from './values.js';

interface PerplexityOptions {
  readonly model: string;
  readonly file: string;
  readonly threads?: number;
  readonly ctxSize?: number;
  readonly skip: number;
  readonly cacheType?: KvType;
  readonly json?: boolean;
}

/** `starling perplexity`. */
export function registerPerplexity(program: Command, io: CliIo): void {
  program
    .command('perplexity')
    .description('how well a model foresees a text: exp of the mean negative log-likelihood of its tokens')
    .requiredOption('-m, --model <MODEL>', 'a GGUF file')
    .requiredOption('-f, --file <TEXT>', 'a text file')
    .option(
      '-c, --ctx-size <N>',
      "tokens of a chunk; each chunk is scored alone, after BOS where the vocabulary has one (default: the model's context)",
      integer(2, 2 ** 24),
    )
    .option('--skip <N>', 'positions at the start of each chunk that are not scored', integer(0), 0)
    .option(...CACHE_TYPE_OPTION)
    .option(...THREADS_OPTION)
    .option('--json', 'one JSON object')
    .action(async (options: PerplexityOptions) => {
      const result = await measure(options, io);
      await write(
        io.stdout,
        options.json
          ? `${JSON.stringify(described(options, result))}\n`
          : `perplexity ${result.perplexity.toFixed(4)} over ${result.tokens} tokens in ${result.chunks.length} chunks\n`,
      );
    });
}

async function measure(
  { model: name, file, threads, ctxSize, skip, cacheType }: PerplexityOptions,
  io: CliIo,
): Promise<PerplexityResult> {
  const text = readText(file);
  const model = await loadModel(name, { threads, contextLength: ctxSize, maxSequences: 1, kvType: cacheType }, io);
  const progress = showProgress(io, 'scoring chunks');
  try {
    return await model.perplexity(text, { chunkTokens: ctxSize, skipTokens: skip, onProgress: progress.update });
  } finally {
    progress.end();
    await model.close();
  }
}

const described = (
  { model, file }: PerplexityOptions,
  { perplexity, negativeLogLikelihood, tokens, chunks }: PerplexityResult,
) => ({
  model,
  file,
  perplexity,
  tokens,
  nll: negativeLogLikelihood,
  chunks: chunks.map((chunk) => ({ tokens: chunk.tokens, nll: chunk.negativeLogLikelihood })),
});

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new StarlingError('file_not_found', `--file: ${file}: ${fileProblem(error)}`, {
      details: { file },
      cause: error,
    });
  }
}
