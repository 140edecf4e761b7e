import { messageOf } from '@starling/core';
import fs from 'node:fs';
import path from 'node:path';

/** Lines that are kept. */
const LIMIT = 1000;
/** A history of more bytes is not one of lines that people typed. */
const MAX_BYTES = 4 << 20;

/** What was typed in earlier chats, newest first; nothing if there is no such file. */
export function readHistory(file: string): string[] {
  try {
    if (fs.statSync(file).size > MAX_BYTES) return [];
    const lines = fs
      .readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    return lines.slice(-LIMIT).reverse();
  } catch {
    return [];
  }
}

/** Keeps what was typed, for its owner alone to read. @returns why it could not, else undefined */
export function writeHistory(file: string, newestFirst: readonly string[]): string | undefined {
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(
      file,
      [...newestFirst]
        .slice(0, LIMIT)
        .reverse()
        .map((line) => `${line}\n`)
        .join(''),
      { mode: 0o600 },
    );
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
