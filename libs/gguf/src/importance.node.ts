import { openFileSource } from './file-source.node.js';
import type { ImportanceMatrix } from './importance-matrix.js';
import { readImportanceMatrix } from './read-importance.js';

/** Reads the importance matrix in a file, see `readImportanceMatrix`. @throws StarlingError file_not_found too */
export const readImportanceFile = async (path: string): Promise<ImportanceMatrix> =>
  readImportanceMatrix(await openFileSource(path));
