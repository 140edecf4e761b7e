import { StarlingError } from '@starling/core';
import { sha256 } from '@noble/hashes/sha2.js';

/** A file that can be read at any place: on a server, or in the browser's storage. */
export interface ReadableFile {
  readonly name: string;
  readonly size: number;
  /** Changes when the bytes do. */
  readonly version?: string;
  read(offset: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const PIECE_BYTES = 4 << 20;

/** Reads all of a file and holds its SHA-256 (hex) against what it must be. @throws StarlingError checksum_mismatch */
export async function checkSha256(file: ReadableFile, expected: string): Promise<void> {
  // The browser's own digest wants all bytes at once.
  const hash = sha256.create();
  const piece = new Uint8Array(Math.min(PIECE_BYTES, file.size));
  for (let at = 0; at < file.size; at += piece.length) {
    const bytes = piece.subarray(0, Math.min(piece.length, file.size - at));
    await file.read(at, bytes);
    hash.update(bytes);
  }
  const received = hex(hash.digest());
  if (received !== expected.toLowerCase())
    throw new StarlingError('checksum_mismatch', `${file.name}: expected SHA-256 ${expected}, received ${received}`, {
      details: { url: file.name, expected, received },
    });
}

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
