import { defaultHome, ModelStore } from '@starling/models/node';
import type { CliIo } from './io.js';
import { showProgress } from './progress.js';

/** A model file on this machine. */
export interface LocatedModel {
  /** Of a split model: its first part. */
  readonly path: string;
  /** Hex; known for files that were pulled. */
  readonly sha256?: string;
}

/** The cache folder of models, where the environment puts it. */
export const storeOf = (io: CliIo) => new ModelStore({ home: defaultHome({ ...io.environment }) });

/**
 * The file behind what a user calls a model: a path, a name in the cache folder, a URL, or `hf:owner/repo[:quant]`; what is not
 * there yet is downloaded.
 * @param verify whether a file of the cache folder is held against its checksum
 * @param download whether what is not there yet may be downloaded
 * @throws StarlingError file_not_found, download_failed, checksum_mismatch, ...
 */
export async function locateModel(
  model: string,
  io: CliIo,
  { verify = true, download = true }: { readonly verify?: boolean; readonly download?: boolean } = {},
): Promise<LocatedModel> {
  const progress = showTransfer(io);
  try {
    const { path, manifest } = await storeOf(io).resolve(model, { verify, download, onProgress: progress.update });
    return { path, sha256: manifest?.sha256 };
  } finally {
    progress.end();
  }
}

/** Progress of a download and of the check after it: a line of its own for each file and phase. */
export function showTransfer(io: CliIo) {
  let label = '';
  let line = showProgress(io, '', 'bytes');
  return {
    update({
      phase,
      file,
      bytes,
      totalBytes,
    }: {
      readonly phase: 'download' | 'verify';
      readonly file: string;
      readonly bytes: number;
      readonly totalBytes?: number;
    }): void {
      const next = `${phase === 'download' ? 'downloading' : 'checking'} ${file}`;
      if (next !== label) {
        line.end();
        line = showProgress(io, (label = next), 'bytes');
      }
      line.update(bytes, totalBytes);
    },
    end: () => line.end(),
  };
}
