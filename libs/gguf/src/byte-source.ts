import { StarlingError, messageOf } from '@starling/core';

/** Bytes that can be read at any place: a file, a Blob, a buffer, a resource on a server. */
export interface ByteSource {
  /** What messages call it: a path, a URL, or a word. */
  readonly name: string;
  readonly size: number;
  /** How much is worth reading at once while the header is parsed; a source where each read costs a request says more. */
  readonly chunkBytes?: number;
  /**
   * Fills `into` with the bytes `[offset, offset + into.length)`, writing straight into it (also when it is a view of shared memory).
   * @throws StarlingError invalid_model_file if the source ends before that
   */
  read(offset: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What `openGguf` takes. */
export type GgufInput = ByteSource | Blob | ArrayBuffer | Uint8Array;

/** Bytes in memory as a source. Nothing is copied until it is read. */
export function memorySource(data: ArrayBuffer | Uint8Array, name = 'buffer'): ByteSource {
  const bytes = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
  return {
    name,
    size: bytes.length,
    async read(offset, into) {
      checkRange(this, offset, into.length);
      into.set(bytes.subarray(offset, offset + into.length));
    },
    async close() {},
  };
}

/** A Blob (in browsers, a File that the user chose) as a source. */
export function blobSource(blob: Blob, name = blobName(blob)): ByteSource {
  return {
    name,
    size: blob.size,
    async read(offset, into) {
      checkRange(this, offset, into.length);
      try {
        into.set(new Uint8Array(await blob.slice(offset, offset + into.length).arrayBuffer()));
      } catch (cause) {
        throw new StarlingError('invalid_model_file', `${name}: cannot be read any more (${messageOf(cause)})`, {
          details: { file: name },
          cause,
        });
      }
    },
    async close() {},
  };
}

/** The source for anything that `openGguf` takes. */
export function toByteSource(input: GgufInput): ByteSource {
  if ('read' in input) return input;
  return 'stream' in input ? blobSource(input) : memorySource(input);
}

/**
 * Refuses a read that the source cannot fill.
 * @throws StarlingError invalid_model_file
 */
export function checkRange(
  source: { readonly name: string; readonly size: number },
  offset: number,
  length: number,
): void {
  if (offset >= 0 && offset + length <= source.size) return;
  throw new StarlingError(
    'invalid_model_file',
    `${source.name}: ends at byte ${source.size}, but bytes ${offset} to ${offset + length} are needed; the file is cut short or damaged`,
    { details: { file: source.name, size: source.size, offset, length } },
  );
}

function blobName(blob: Blob): string {
  return 'name' in blob && typeof blob.name === 'string' ? blob.name : 'blob';
}
