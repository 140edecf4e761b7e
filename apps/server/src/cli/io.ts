import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** A stream that results or messages are written to. */
export type Output = Writable & { readonly isTTY?: boolean };

/** What a command reads and writes; the process's own, or a test's. */
export interface CliIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Results, and nothing else. */
  readonly stdout: Output;
  /** Messages, progress, logs. */
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Writes; waits where the reader is slow, so that memory does not fill with what it has not taken. */
export async function write(stream: Output, chunk: string | Uint8Array): Promise<void> {
  if (!stream.write(chunk)) await once(stream, 'drain');
}

/** Lines of a text stream, without their ends; a last line without an end counts. */
export async function* readLines(input: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const chunk of input) {
    pending += typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    yield* lines;
  }
  pending += decoder.decode();
  if (pending !== '') yield pending;
}
