import { StarlingError } from '@starling/core';
import { blobSource, type ByteSource } from '@starling/gguf';

/** What of a file is read at most. Headers with the largest known vocabularies, merges and scores have about 30 MB. */
export const HEADER_BYTES = 64 * 2 ** 20;

/** A source that counts what was read of it. */
export interface CountingSource extends ByteSource {
  readonly bytesRead: number;
}

/** The header of a file that somebody chose: slices are read as they are asked for, and no more than a header has, whatever the file says of itself. */
export function headerSource(file: Blob, name: string): CountingSource {
  const source = blobSource(file, name);
  let bytesRead = 0;
  return {
    name,
    size: file.size,
    get bytesRead() {
      return bytesRead;
    },
    async read(offset, into) {
      if (bytesRead + into.length > HEADER_BYTES) {
        throw new StarlingError(
          'invalid_model_file',
          `${name}: its header asks for more than ${HEADER_BYTES} bytes, which this page does not read; is the file damaged?`,
          { details: { file: name } },
        );
      }
      bytesRead += into.length;
      await source.read(offset, into);
    },
    close: () => source.close(),
  };
}
