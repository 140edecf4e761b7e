import fs from 'node:fs';
import path from 'node:path';
import { sourceFiles } from './source-files.js';

/** A file holds one subject: more lines than this ask for a split. */
export const MAX_LINES = 450;

/** Files that may be longer, each with the reason. Tables of data (`*.table.ts`) need no entry. */
export const LONG_FILES: Readonly<Record<string, string>> = {};

/** The files over the limit, one message each. An exception that is no longer needed is a failure too. */
export function checkFileSize(root: string, exceptions: Readonly<Record<string, string>> = LONG_FILES): string[] {
  const problems: string[] = [];
  for (const file of sourceFiles(root)) {
    if (file.endsWith('.table.ts')) continue;
    const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n').length - 1;
    if (lines > MAX_LINES && !(file in exceptions))
      problems.push(`${file}: ${lines} lines, at most ${MAX_LINES}: split it by subject`);
    if (lines <= MAX_LINES && file in exceptions)
      problems.push(`${file}: ${lines} lines: take it off the list of long files`);
  }
  for (const file of Object.keys(exceptions)) {
    if (!fs.existsSync(path.join(root, file))) problems.push(`${file}: listed as a long file, but does not exist`);
  }
  return problems;
}
