import { PassThrough } from 'node:stream';
import type { CliIo } from './cli/io.js';

/** Streams of a test instead of the process's: what is typed, and what was written so far. */
export interface FakeIo extends CliIo {
  readonly out: () => string;
  readonly err: () => string;
}

/** @param input all of stdin, unless the test writes to `stdin` itself */
export function fakeIo(
  input?: string,
  { isTerminal = false, environment = {} }: { isTerminal?: boolean; environment?: Record<string, string> } = {},
): FakeIo {
  const stream = () => Object.assign(new PassThrough(), { isTTY: isTerminal });
  const [stdin, stdout, stderr] = [stream(), stream(), stream()];
  const gather = (source: PassThrough) => {
    let text = '';
    source.setEncoding('utf8').on('data', (chunk: string) => void (text += chunk));
    return () => text;
  };
  if (input !== undefined) stdin.end(input);
  return { stdin, stdout, stderr, environment, out: gather(stdout), err: gather(stderr) };
}
