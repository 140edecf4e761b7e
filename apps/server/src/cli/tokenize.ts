import { messageOf, StarlingError } from '@starling/core';
import type { Tokenizer } from '@starling/tokenizer';
import type { Command } from 'commander';
import type { CliIo } from './io.js';
import { mapLines } from './map-lines.js';
import { openTokenizer } from './open-tokenizer.js';

interface TokenizeOptions {
  readonly model: string;
  readonly addSpecial?: boolean;
  readonly parseSpecial?: boolean;
  readonly offsets?: boolean;
  readonly jsonLines?: boolean;
}

/** `starling tokenize` and `starling detokenize`. */
export function registerTokenize(program: Command, io: CliIo): void {
  program
    .command('tokenize')
    .description('turn each line of stdin into one JSON array of token ids on stdout')
    .requiredOption(
      '-m, --model <MODEL>',
      'a GGUF file (its vocabulary alone will do), a tokenizer.json, or a folder with vocab.json and merges.txt',
    )
    .option('--add-special', 'add the special tokens that the vocabulary puts around a text')
    .option('--parse-special', 'read special tokens written out in the text as such')
    .option('--offsets', 'write {"ids","offsets"} objects; offsets are [start, end] in UTF-8 bytes')
    .option('--json-lines', 'each input line is a JSON string')
    .action(async (options: TokenizeOptions) => {
      const tokenizer = await openTokenizer(options.model, io);
      await mapLines(io, (line, number) =>
        tokenizeLine(tokenizer, options.jsonLines ? parseLine(line, number, isString, 'a string') : line, options),
      );
    });
  program
    .command('detokenize')
    .description('turn each line of stdin, a JSON array of token ids, into one JSON string on stdout')
    .requiredOption('-m, --model <MODEL>', 'as for tokenize')
    .action(async ({ model }: { readonly model: string }) => {
      const tokenizer = await openTokenizer(model, io);
      const isIds = (value: unknown): value is number[] =>
        Array.isArray(value) && value.every((id) => Number.isInteger(id) && id >= 0 && id < tokenizer.vocabSize);
      const expected = `an array of ids from 0 to ${tokenizer.vocabSize - 1}`;
      await mapLines(io, (line, number) => JSON.stringify(tokenizer.decode(parseLine(line, number, isIds, expected))));
    });
}

function tokenizeLine(
  tokenizer: Tokenizer,
  text: string,
  { addSpecial, parseSpecial, offsets }: TokenizeOptions,
): string {
  const options = { addSpecial: addSpecial ?? false, parseSpecial: parseSpecial ?? false };
  if (!offsets) return `[${tokenizer.encode(text, options).join(',')}]`;
  const { ids, offsets: ranges } = tokenizer.encodeWithOffsets(text, options);
  const pairs = Array.from(ids, (_, i) => `[${ranges[2 * i]},${ranges[2 * i + 1]}]`);
  return `{"ids":[${ids.join(',')}],"offsets":[${pairs.join(',')}]}`;
}

function parseLine<T>(line: string, number: number, isWanted: (value: unknown) => value is T, expected: string): T {
  const wrong = (why: string) =>
    new StarlingError('invalid_request', `line ${number} of stdin: expected ${expected} in JSON, ${why}`, {
      details: { line: number },
    });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw wrong(messageOf(error));
  }
  if (!isWanted(value)) throw wrong(`received ${line.slice(0, 60)}`);
  return value;
}

const isString = (value: unknown): value is string => typeof value === 'string';
