import fs from 'node:fs';
import path from 'node:path';
import { StarlingError } from '@starling/core';
import { combineImportance, writeImportanceMatrix, type ImportanceEntry, type ImportanceMatrix } from '@starling/gguf';
import { readImportanceFile, writeFileWhole } from '@starling/gguf/node';
import type { Tokenizer } from '@starling/tokenizer';
import { hasTwoTexts, InputSums, type ModelRuntime } from '@starling/transformer';
import type { Command } from 'commander';
import { fileProblem } from '../system-code.js';
import { write, type CliIo } from './io.js';
import { loadRuntime, pagesOf } from './load-runtime.js';
import { openTokenizer } from './open-tokenizer.js';
import { expectOutput } from './output-file.js';
import { usageError } from './program.js';
import { showProgress } from './progress.js';
import { integer, THREADS_OPTION } from './values.js';

interface ImatrixOptions {
  readonly model?: string;
  readonly file?: string;
  readonly out: string;
  readonly inFile: readonly string[];
  readonly ctxSize: number;
  readonly chunks?: number;
  readonly fromChunk: number;
  readonly processOutput?: boolean;
  readonly force?: boolean;
  readonly threads?: number;
}

/** `starling imatrix`. */
export function registerImatrix(program: Command, io: CliIo): void {
  program
    .command('imatrix')
    .description('compute from a text which columns of a model matter: an importance matrix for `quantize --imatrix`')
    .option('-m, --model <MODEL>', 'a GGUF file, best with F32, F16 or BF16 weights')
    .option('-f, --file <TEXT>', 'a text file, of the kind that the model will see')
    .requiredOption('-o, --out <FILE>', 'the GGUF file to write; llama-quantize of llama.cpp reads it too')
    .option(
      '--in-file <FILE...>',
      'importance matrices of the same model to add what is computed to; without a text they are just added up',
      [],
    )
    .option(
      '-c, --ctx-size <N>',
      'tokens of a chunk; each is computed alone, after BOS where the vocabulary has one',
      integer(16, 2 ** 24),
      512,
    )
    .option('--chunks <N>', 'chunks to compute, at most (default: all whole ones of the text)', integer(1))
    .option('--from-chunk <N>', 'chunks at the start of the text to leave out: those that --in-file has', integer(0), 0)
    .option('--process-output', 'the output matrix too, which takes the time of all logits')
    .option(...THREADS_OPTION)
    .option('--force', 'replace the output where it exists')
    .action(async (options: ImatrixOptions) => {
      if ((options.model === undefined) !== (options.file === undefined))
        throw usageError('--model and --file go together: the text is computed by the model');
      if (options.file === undefined && options.inFile.length === 0)
        throw usageError('expected --model and --file, or --in-file with importance matrices to add up');
      expectOutput(options.out, { replace: options.force });
      const parts: ImportanceMatrix[] = [];
      for (const file of options.inFile) parts.push(await readImportanceFile(file));
      if (options.file !== undefined) parts.push(await compute(options.model!, options.file, options, io));
      const matrix = parts.length === 1 ? parts[0] : combineImportance(parts);
      await writeFileWhole(options.out, (sink) => writeImportanceMatrix(matrix, sink));
      const partial = Array.from(matrix.entries.values()).filter(({ counts }) => counts.includes(0)).length;
      await write(
        io.stdout,
        `${options.out}: ${matrix.entries.size} tensors over ${matrix.chunkCount} chunks${
          partial === 0 ? '' : `; of ${partial} tensors some experts were never used: more text would reach them`
        }\n`,
      );
    });
}

async function compute(name: string, file: string, options: ImatrixOptions, io: CliIo): Promise<ImportanceMatrix> {
  const { ctxSize, threads, processOutput, fromChunk } = options;
  const text = readText(file);
  const tokenizer = await openTokenizer(name, io);
  const tokens = tokenizer.encode(text, { addSpecial: true });
  const whole = Math.floor(tokens.length / ctxSize) - fromChunk;
  if (whole < 1)
    throw new StarlingError(
      'invalid_argument',
      `${file}: ${tokens.length} tokens are no whole chunk of ${ctxSize}${fromChunk > 0 ? ` after the first ${fromChunk}` : ''}: take a longer text, or a smaller --ctx-size`,
      { details: { file, tokens: tokens.length } },
    );
  const chunks = Math.min(options.chunks ?? whole, whole);
  const inputSums = new InputSums();
  const runtime = await loadRuntime(name, { threads, contextLength: ctxSize, kvType: 'F32', inputSums }, io);
  try {
    if (hasTwoTexts(runtime.info.architecture))
      throw new StarlingError(
        'unsupported_model',
        `${name}: a model that reads one text and writes another has no importance matrix here`,
        { details: { architecture: runtime.info.architecture } },
      );
    const progress = showProgress(io, 'computing chunks');
    try {
      for (let chunk = 0; chunk < chunks; chunk++) {
        const start = (fromChunk + chunk) * ctxSize;
        await runChunk(runtime, chunkOf(tokens.slice(start, start + ctxSize), tokenizer), processOutput ?? false);
        progress.update(chunk + 1, chunks);
      }
    } finally {
      progress.end();
    }
  } finally {
    await runtime.close();
  }
  return {
    entries: entriesOf(inputSums, processOutput ?? false, file),
    datasets: [path.basename(file)],
    chunkCount: chunks,
    chunkSize: ctxSize,
  };
}

/** Each chunk begins as a text does. */
function chunkOf(tokens: Uint32Array, { special: { addBos, bos } }: Tokenizer): Uint32Array {
  if (addBos && bos !== undefined) tokens[0] = bos;
  return tokens;
}

/** Runs a chunk from position 0 on; every row through the last layer. Logits only where the output is to be seen. */
async function runChunk(runtime: ModelRuntime, tokens: Uint32Array, withOutput: boolean): Promise<void> {
  const { causal, maxBatchTokens, hasLogits } = runtime.info;
  const batch = causal ? maxBatchTokens : tokens.length;
  const pages = pagesOf(runtime);
  for (let start = 0; start < tokens.length; start += batch) {
    const part = {
      tokens: tokens.subarray(start, start + batch),
      startPosition: start,
      pages,
      slot: 0,
      outputs: 'all' as const,
    };
    if (withOutput && hasLogits) await runtime.step([part]);
    else await runtime.hidden([part]);
  }
}

/** Of the layers' matrices, as llama.cpp does it: a head's part in one count, since all heads see every token. */
function entriesOf({ tensors }: InputSums, withOutput: boolean, file: string): Map<string, ImportanceEntry> {
  const entries = new Map<string, ImportanceEntry>();
  for (const [name, { sums, counts }] of tensors) {
    if (!name.startsWith('blk.') && !(withOutput && name === 'output.weight')) continue;
    if (counts.every((count) => count === 0)) continue;
    const entry = {
      sums: Float32Array.from(sums),
      counts: Float32Array.from(
        counts.every((count) => count === counts[0]) && !name.includes('exps') ? [counts[0]] : counts,
      ),
    };
    if (!entry.sums.every(Number.isFinite))
      throw new StarlingError(
        'internal',
        `${file}: what enters ${name} is not finite for this text, so its importance is not known`,
        { details: { tensor: name } },
      );
    entries.set(name, entry);
  }
  return entries;
}

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
