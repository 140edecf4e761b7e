import { isStarlingError, messageOf, printable, StarlingError } from '@starling/core';
import { Command, CommanderError } from 'commander';
import { systemCode } from '../system-code.js';
import type { CliIo } from './io.js';
import { inOurWords } from './llama-server-line.js';

/** How a run of the command ended: 0 done, 1 failed, 2 bad usage. */
export type ExitCode = 0 | 1 | 2;

/** Adds one command to the program. */
export type RegisterCommand = (program: Command, io: CliIo) => void;

/** Bad usage that only shows once the options are looked at together. */
export function usageError(message: string): StarlingError {
  return new StarlingError('invalid_argument', message, { details: { isUsage: true } });
}

/**
 * Runs a command line. Whatever goes wrong becomes one clear line on stderr.
 * @param args without the interpreter and the script
 */
export async function runProgram(
  args: readonly string[],
  io: CliIo,
  version: string,
  commands: readonly RegisterCommand[],
): Promise<ExitCode> {
  const program = new Command('starling')
    .description('An LLM server in pure TypeScript: serves, runs and examines GGUF models.')
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError('(--help tells more)')
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, output) => output(text.replace(/^error: /, 'starling: ')),
    });
  for (const register of commands) register(program, io);
  try {
    const [command, ...rest] = args;
    await program.parseAsync(command === 'serve' || command === 'config' ? [command, ...inOurWords(rest)] : args, {
      from: 'user',
    });
    return 0;
  } catch (error) {
    return report(error, io);
  }
}

function report(error: unknown, io: CliIo): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (isBrokenPipe(error)) return 0;
  const isUsage = isStarlingError(error) && error.details.isUsage === true;
  io.stderr.write(`starling: ${printable(messageOf(error).replace(/\s*\n\s*/g, ' '))}\n`);
  return isUsage ? 2 : 1;
}

/** The reader of our output has gone, as `head` does: nothing to complain about. */
export function isBrokenPipe(error: unknown): boolean {
  return systemCode(error) === 'EPIPE';
}
