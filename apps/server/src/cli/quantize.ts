import { StarlingError } from '@starling/core';
import { FILE_TYPES, fileTypeByName, quantizeModel } from '@starling/gguf';
import { convertInThreads, openGgufFile, readImportanceFile, writeFileWhole } from '@starling/gguf/node';
import type { Command } from 'commander';
import fs from 'node:fs';
import { write, type CliIo } from './io.js';
import { locateModel } from './locate-model.js';
import { expectOutput } from './output-file.js';
import { usageError } from './program.js';
import { showProgress } from './progress.js';
import { integer } from './values.js';

interface QuantizeOptions {
  readonly pure?: boolean;
  readonly imatrix?: string;
  readonly allowRequantize?: boolean;
  readonly force?: boolean;
  readonly threads?: number;
}

/** `starling quantize`. */
export function registerQuantize(program: Command, io: CliIo): void {
  program
    .command('quantize')
    .description('write a GGUF model with smaller weights')
    .argument('<IN>', 'a GGUF file with F32, F16 or BF16 weights')
    .argument('<OUT>', 'the file to write')
    .argument('<TYPE>', `one of ${Object.keys(FILE_TYPES).join(', ')}`)
    .option('--pure', 'give every matrix the type itself, the embedding and the output too')
    .option(
      '--imatrix <FILE>',
      'an importance matrix (of `starling imatrix` or llama-imatrix): weights lose least where activations are large; types below three bits need one',
    )
    .option('--allow-requantize', 'take weights that are quantized already, though that adds to their error')
    .option('--force', 'replace OUT where it exists')
    .option('-t, --threads <N>', 'threads that convert (default: one for each processor)', integer(1, 256))
    .action(async (input: string, output: string, type: string, options: QuantizeOptions) => {
      if (fileTypeByName(type) === undefined)
        throw usageError(`unknown type ${type}: expected one of ${Object.keys(FILE_TYPES).join(', ')}`);
      const { path } = await locateModel(input, io);
      if (isSameFile(path, output))
        throw new StarlingError(
          'invalid_argument',
          `${output}: the output would replace the input while it is read; choose another name`,
        );
      expectOutput(output, { replace: options.force });
      await quantize(path, output, type, options, io);
    });
}

async function quantize(
  input: string,
  output: string,
  type: string,
  { imatrix, threads, ...options }: QuantizeOptions,
  io: CliIo,
): Promise<void> {
  const importance = imatrix === undefined ? undefined : await readImportanceFile(imatrix);
  const model = await openGgufFile(input);
  const progress = showProgress(io, 'quantizing');
  const converter = convertInThreads(threads);
  try {
    await writeFileWhole(output, async (sink) => {
      await quantizeModel(model, type, sink, {
        ...options,
        importance,
        importanceName: imatrix,
        converter,
        onProgress: ({ valuesDone, valuesTotal }) => progress.update(valuesDone, valuesTotal),
      });
    });
  } finally {
    progress.end();
    await converter.close();
    await model.close();
  }
  const sizeOf = (file: string) => fs.statSync(file).size;
  await write(io.stdout, `${output}: ${fileTypeByName(type)}, ${sizeOf(output)} bytes (from ${sizeOf(input)})\n`);
}

function isSameFile(a: string, b: string): boolean {
  const [left, right] = [a, b].map((file) => fs.statSync(file, { throwIfNoEntry: false }));
  return left !== undefined && right !== undefined && left.ino === right.ino && left.dev === right.dev;
}
