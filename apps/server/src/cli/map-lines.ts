import { readLines, write, type CliIo } from './io.js';

/** Output is written in pieces of about this many characters: a write a line would be slow. */
const CHUNK_LENGTH = 1 << 16;

/** Writes one line for each line that is read. */
export async function mapLines(io: CliIo, map: (line: string, number: number) => string): Promise<void> {
  let number = 0;
  let pending = '';
  try {
    for await (const line of readLines(io.stdin)) {
      pending += `${map(line, ++number)}\n`;
      if (pending.length < CHUNK_LENGTH && !io.stdout.isTTY) continue;
      await write(io.stdout, pending);
      pending = '';
    }
  } finally {
    // What was made of the lines before one that failed is not lost.
    await write(io.stdout, pending);
  }
}
