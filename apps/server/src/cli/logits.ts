import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { StarlingError } from '@starling/core';
import type { ModelRuntime } from '@starling/transformer';
import type { Command } from 'commander';
import { fileProblem } from '../system-code.js';
import type { CliIo } from './io.js';
import { loadRuntime, pagesOf } from './load-runtime.js';
import { showProgress } from './progress.js';
import { usageError } from './program.js';
import { integer, THREADS_OPTION } from './values.js';

/** The context that reference logits are made with, unless the tokens need more: long-context scalings depend on it. */
const REFERENCE_CONTEXT = 256;
const REFERENCE_SLACK = 8;

interface LogitsOptions {
  readonly model: string;
  readonly tokens: string;
  readonly out: string;
  readonly threads?: number;
  readonly ctxSize?: number;
  readonly deterministic?: boolean;
}

/** `starling logits`. */
export function registerLogits(program: Command, io: CliIo): void {
  program
    .command('logits')
    .description(
      'write the logits of every position, to check them against another engine; an encoder reads the same tokens first',
    )
    .requiredOption('-m, --model <MODEL>', 'a GGUF file')
    .requiredOption('--tokens <IDS>', 'token ids split by commas or white space, or @FILE with such ids')
    .requiredOption('--out <FILE>', 'gets f32 values, little-endian, [positions][vocabulary]')
    .option(...THREADS_OPTION)
    .option(
      '-c, --ctx-size <N>',
      `the context (default: ${REFERENCE_CONTEXT}, or ${REFERENCE_SLACK} more than there are tokens)`,
      integer(1, 2 ** 24),
    )
    .option('--deterministic', 'the same bytes on every CPU')
    .action(async (options: LogitsOptions) => {
      const tokens = readTokens(options.tokens);
      const contextLength = options.ctxSize ?? Math.max(REFERENCE_CONTEXT, tokens.length + REFERENCE_SLACK);
      if (tokens.length > contextLength)
        throw usageError(`${tokens.length} tokens do not fit a context of ${contextLength}: see --ctx-size`);
      const { threads, deterministic } = options;
      const runtime = await loadRuntime(options.model, { threads, contextLength, deterministic, kvType: 'F32' }, io);
      try {
        checkTokens(tokens, runtime, options.model);
        await writeLogits(runtime, tokens, options.out, io);
      } finally {
        await runtime.close();
      }
    });
}

function readTokens(argument: string): Uint32Array {
  const text = argument.startsWith('@') ? readText(argument.slice(1)) : argument;
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0) throw usageError('--tokens: expected token ids, received none');
  return Uint32Array.from(words, (word) => {
    if (!/^\d{1,9}$/.test(word))
      throw usageError(`--tokens: expected token ids, received ${JSON.stringify(word.slice(0, 40))}`);
    return Number(word);
  });
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new StarlingError('file_not_found', `--tokens: ${file}: ${fileProblem(error)}`, {
      details: { file },
      cause: error,
    });
  }
}

function checkTokens(tokens: Uint32Array, { info }: ModelRuntime, model: string): void {
  if (!info.hasLogits)
    throw new StarlingError('unsupported_model', `${model}: an encoder has no logits`, {
      details: { architecture: info.architecture },
    });
  const wrong = tokens.find((id) => id >= info.vocabSize);
  if (wrong !== undefined) throw usageError(`--tokens: ${wrong} is not in the vocabulary of ${info.vocabSize} tokens`);
}

/** Writes as the steps come, so that memory holds the logits of one step alone. */
async function writeLogits(runtime: ModelRuntime, tokens: Uint32Array, out: string, io: CliIo): Promise<void> {
  const batch = runtime.info.causal ? runtime.info.maxBatchTokens : tokens.length;
  // What an encoder reads, if there is one before the decoder.
  const read = runtime.info.decoderStart === undefined ? undefined : tokens;
  const pages = pagesOf(runtime);
  const progress = showProgress(io, 'computing');
  let file: FileHandle | undefined;
  try {
    file = await fs.promises.open(out, 'w');
    for (let start = 0; start < tokens.length; start += batch) {
      const { logits } = await runtime.step([
        {
          tokens: Uint32Array.of(...(read ?? []), ...tokens.subarray(start, start + batch)),
          startPosition: start,
          pages,
          slot: 0,
          outputs: 'all',
          encoderTokens: read?.length,
        },
      ]);
      await file.writeFile(new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength).slice());
      progress.update(Math.min(tokens.length, start + batch), tokens.length);
    }
  } finally {
    progress.end();
    await file?.close();
  }
}
