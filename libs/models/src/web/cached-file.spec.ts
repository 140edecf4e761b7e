import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { StarlingError } from '@starling/core';
import { CachedFile, isUnreachable } from './cached-file.js';
import type { ReadableFile } from './check-sha256.js';
import { parseJournal } from './chunk-journal.js';
import type { ChunkStore } from './chunk-store.js';

const URL = 'https://models.example/a.gguf';
const CHUNK = 64;
const model = Uint8Array.from({ length: 1000 }, (_, i) => (i * 31) ^ (i >> 3));
const digest = createHash('sha256').update(model).digest('hex');

/** A disk that outlives its visitors. */
class Disk {
  journal = new Uint8Array(0);
  readonly data = new Uint8Array(2000);
  room = Infinity;

  store(): ChunkStore {
    return {
      readJournal: (limit) => this.journal.subarray(0, limit),
      writeJournal: (text, { anew = false } = {}) => {
        this.journal = Uint8Array.from([...(anew ? [] : this.journal), ...new TextEncoder().encode(text)]);
      },
      read: (offset, into) => (into.set(this.data.subarray(offset, offset + into.length)), into.length),
      write: (offset, bytes) => {
        if ((this.room -= bytes.length) < 0) throw new RangeError('QuotaExceededError');
        this.data.set(bytes, offset);
      },
      close: () => undefined,
    };
  }
}

/** A server that counts what it is asked for, and is cut off after so many bytes. */
function server({
  bytes = model,
  version = '"1"',
  budget = Infinity,
}: {
  bytes?: Uint8Array;
  version?: string;
  budget?: number;
} = {}): ReadableFile & { readonly asked: number[] } {
  const asked: number[] = [];
  let left = budget;
  return {
    name: URL,
    size: bytes.length,
    version,
    asked,
    read: async (offset, into) => {
      if ((left -= into.length) < 0) throw new StarlingError('download_failed', 'cut');
      asked.push(offset);
      into.set(bytes.subarray(offset, offset + into.length));
    },
    close: async () => undefined,
  };
}

async function all(file: CachedFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.size);
  await file.read(0, bytes);
  return bytes;
}

describe('a file in the cache', () => {
  it('goes on where a download was cut, and is read without its server then', async () => {
    const disk = new Disk();
    const progress: number[] = [];
    await expect(
      CachedFile.open(URL, disk.store(), server({ budget: 400 }), CHUNK)!.fill({ parallel: 2 }),
    ).rejects.toMatchObject({ code: 'download_failed' });
    expect(CachedFile.open(URL, disk.store(), undefined, CHUNK)).toBeUndefined();
    const later = server();
    const file = CachedFile.open(URL, disk.store(), later, CHUNK)!;
    expect(file.heldBytes).toBe(384);
    await file.fill({ onProgress: ({ done }) => progress.push(done) });
    expect(Math.min(...later.asked)).toBe(384);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect([progress[0], progress.at(-1)]).toEqual([384, 1000]);
    expect(await all(CachedFile.open(URL, disk.store(), undefined, CHUNK)!)).toEqual(model);
  });

  it('fetches a chunk again that was damaged, and says so where that cannot be', async () => {
    const disk = new Disk();
    await CachedFile.open(URL, disk.store(), server(), CHUNK)!.fill();
    disk.data[5 * CHUNK + 3] ^= 1;
    await expect(all(CachedFile.open(URL, disk.store(), undefined, CHUNK)!)).rejects.toMatchObject({
      code: 'checksum_mismatch',
    });
    const remote = server();
    expect(await all(CachedFile.open(URL, disk.store(), remote, CHUNK)!)).toEqual(model);
    expect(remote.asked).toEqual([5 * CHUNK]);
    expect(await all(CachedFile.open(URL, disk.store(), undefined, CHUNK)!)).toEqual(model);
  });

  it.each([
    ['another version', { version: '"2"' }],
    ['another size', { bytes: model.subarray(0, 900) }],
  ])('begins anew with %s', async (_, other) => {
    const disk = new Disk();
    await CachedFile.open(URL, disk.store(), server(), CHUNK)!.fill();
    const file = CachedFile.open(URL, disk.store(), server(other), CHUNK)!;
    expect(file.heldBytes).toBe(0);
    await file.fill();
    expect(await all(file)).toEqual('bytes' in other ? other.bytes : model);
  });

  it('holds a checksum against the whole once, and keeps nothing that is of another', async () => {
    const disk = new Disk();
    const file = CachedFile.open(URL, disk.store(), server(), CHUNK)!;
    await file.fill();
    await file.verify(digest.toUpperCase());
    const again = CachedFile.open(URL, disk.store(), server(), CHUNK)!;
    await again.verify(digest);
    await expect(again.verify('0'.repeat(64))).rejects.toMatchObject({
      code: 'checksum_mismatch',
      details: { received: digest },
    });
    expect(CachedFile.open(URL, disk.store(), undefined, CHUNK)).toBeUndefined();
  });

  it('says that there is no room, and that a read is beyond the end', async () => {
    const disk = new Disk();
    disk.room = 300;
    const file = CachedFile.open(URL, disk.store(), server(), CHUNK)!;
    const error: unknown = await file.fill().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'download_failed', details: { final: true } });
    expect(isUnreachable(error)).toBe(false);
    await expect(file.read(990, new Uint8Array(11))).rejects.toMatchObject({ code: 'invalid_model_file' });
  });

  it('makes the best of any journal: what it reads is the file', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2000), fc.uint8Array({ maxLength: 40 }), async (cut, torn) => {
        const disk = new Disk();
        await CachedFile.open(URL, disk.store(), server(), CHUNK)!.fill();
        disk.journal = Uint8Array.from([...disk.journal.subarray(0, cut), ...torn]);
        const file = CachedFile.open(URL, disk.store(), server(), CHUNK)!;
        await file.fill();
        expect(await all(file)).toEqual(model);
        expect(await all(CachedFile.open(URL, disk.store(), undefined, CHUNK)!)).toEqual(model);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    '',
    'null\n',
    '{"format":1}\n',
    '{"format":1,"url":"u","size":1e15,"chunkBytes":1}\n',
    '{"format":1,"url":"u","size":1e9,"chunkBytes":1}\n',
    '{"format":1,"url":"u","size":10,"chunkBytes":-1}\n',
  ])('takes %j for no journal', (text) => {
    expect(parseJournal(text)).toBeUndefined();
  });
});
