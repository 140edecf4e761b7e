import fs from 'node:fs';
import { StarlingError } from '@starling/core';

/**
 * The file behind what a user calls a model.
 * @throws StarlingError file_not_found
 */
export async function locateModel(model: string): Promise<string> {
  const stat = fs.statSync(model, { throwIfNoEntry: false });
  if (stat?.isFile()) return model;
  const why = stat ? 'is not a file' : 'no such file';
  throw new StarlingError('file_not_found', `${model}: ${why}`, { details: { model } });
}
