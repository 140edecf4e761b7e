import fs from 'node:fs';
import path from 'node:path';
import { StarlingError } from '@starling/core';

/**
 * Refuses the name of a file to write before the work for it begins, which may take hours.
 * @throws StarlingError conflict if there is such a file and it is not to be replaced; invalid_argument if there can be none
 */
export function expectOutput(file: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw cannotWrite(file, 'this is a folder; expected the name of a file');
  if (found !== undefined && !replace)
    throw new StarlingError(
      'conflict',
      `${file}: there is such a file already; choose another name, or replace it with --force`,
      { details: { file } },
    );
  const folder = path.dirname(file);
  try {
    fs.accessSync(folder, fs.constants.W_OK);
  } catch (error) {
    throw cannotWrite(
      file,
      fs.existsSync(folder) ? `this user may not write to ${folder}` : `there is no folder ${folder}; make it first`,
      error,
    );
  }
}

const cannotWrite = (file: string, why: string, cause?: unknown) =>
  new StarlingError('invalid_argument', `${file}: cannot be written: ${why}`, { details: { file }, cause });
