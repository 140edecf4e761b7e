import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startBadServer, type BadServer, type Faults } from '../test/bad-server.js';
import { download, type DownloadOptions, type DownloadProgress } from './download.node.js';

const bytes = randomBytes(300_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const quick: DownloadOptions = { chunkBytes: 64 << 10, retryDelayMs: 1, stallMs: 150, retries: 4 };

let folder: string;
let server: BadServer;
const target = (): string => path.join(folder, 'model.gguf');
const start = async (faults: Faults = {}): Promise<string> => {
  server = await startBadServer(bytes, faults);
  return `${server.url}/model.gguf`;
};

beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'download-'))));
afterEach(async () => {
  await server.close();
  fs.rmSync(folder, { recursive: true });
});

describe('download', () => {
  it('fetches parts in parallel and tells how far it is', async () => {
    const url = await start({ etag: 'a' });
    const seen: DownloadProgress[] = [];
    await expect(download(url, target(), { ...quick, onProgress: (progress) => seen.push(progress) })).resolves.toEqual({ sha256, size: bytes.length });
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
    expect(fs.readdirSync(folder)).toEqual(['model.gguf']);
    expect(server.requests).toHaveLength(1 + 5);
    expect(seen.filter((progress) => progress.phase === 'download').at(-1)).toEqual({ phase: 'download', bytes: bytes.length, totalBytes: bytes.length });
    expect(seen.at(-1)).toMatchObject({ phase: 'verify', bytes: bytes.length });
  });

  it.each<[string, Faults]>([
    ['connections are cut', { cut: { afterBytes: 10_000, times: 6 } }],
    ['connections stall', { stall: { afterBytes: 10_000, times: 3 } }],
    ['the server knows no ranges', { noRanges: true }],
    ['the server knows no ranges and cuts', { noRanges: true, cut: { afterBytes: 10_000, times: 2 } }],
  ])('brings the right bytes although %s', async (_, faults) => {
    await download(await start(faults), target(), quick);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('goes on after a cut where it stopped, in a later process too', async () => {
    const url = await start({ etag: 'a', cut: { afterBytes: 20_000, times: Infinity } });
    const controller = new AbortController();
    const onProgress = ({ bytes: done }: DownloadProgress): void => void (done > 100_000 && controller.abort());
    await expect(download(url, target(), { ...quick, onProgress, signal: controller.signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect(fs.existsSync(target())).toBe(false);

    server.faults.cut = undefined;
    server.requests.length = 0;
    await download(url, target(), quick);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
    const fetched = server.requests.slice(1).map((range) => /(\d+)-(\d+)/.exec(range)!).reduce((sum, [, begin, end]) => sum + Number(end) - Number(begin) + 1, 0);
    expect(fetched).toBeLessThanOrEqual(bytes.length - 100_000);
  });

  it('begins anew when the file on the server is another one now', async () => {
    const url = await start({ etag: 'a', cut: { afterBytes: 20_000, times: Infinity } });
    const controller = new AbortController();
    await expect(download(url, target(), { ...quick, onProgress: () => controller.abort(), signal: controller.signal })).rejects.toMatchObject({ code: 'cancelled' });
    Object.assign(server.faults, { cut: undefined, etag: 'b' });
    await download(url, target(), quick);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
  });

  it.each<[string, Faults, DownloadOptions, string]>([
    ['the bytes are wrong', { corrupt: true }, { sha256 }, 'checksum_mismatch'],
    ['the bytes differ from what the hub promised', { corrupt: true, linkedSha256: sha256 }, {}, 'checksum_mismatch'],
    ['the size differs from what was asked for', {}, { size: 299_999 }, 'download_failed'],
    ['the server lies about the length', { claimedSize: 400_000 }, {}, 'download_failed'],
    ['a server without ranges lies about the length', { claimedSize: 400_000, noRanges: true }, {}, 'download_failed'],
    ['every connection stalls', { stall: { afterBytes: 0, times: Infinity } }, {}, 'download_failed'],
    ['the server sends more than it was asked for', { overlong: true }, {}, 'download_failed'],
    ['the file changes on the way', { etag: 'a', changesAt: 3 }, {}, 'conflict'],
    ['there is no such file', { status: 404 }, {}, 'not_found'],
    ['access is refused', { status: 401 }, {}, 'forbidden'],
    ['the server fails', { status: 500 }, {}, 'download_failed'],
  ])('gives a typed error and no file when %s', async (_, faults, options, code) => {
    await expect(download(await start(faults), target(), { ...quick, retries: 2, parallel: 1, ...options })).rejects.toMatchObject({ code });
    expect(fs.existsSync(target())).toBe(false);
    expect(fs.existsSync(`${target()}.lock`)).toBe(false);
  });

  it('keeps a token from servers that it is redirected to', async () => {
    const other = await startBadServer(bytes);
    const url = await start({ redirectTo: `${other.url}/elsewhere` });
    await download(url, target(), { ...quick, headers: { authorization: 'Bearer secret' } });
    expect(server.headers[0].authorization).toBe('Bearer secret');
    expect(other.headers.map((headers) => headers.authorization)).toEqual(other.headers.map(() => undefined));
    await other.close();
  });

  it('lets one of two do the work when both want the same file', async () => {
    const url = await start({ etag: 'a' });
    const results = await Promise.all([download(url, target(), quick), download(url, target(), quick)]);
    expect(results.filter((result) => result !== undefined)).toHaveLength(1);
    expect(server.requests).toHaveLength(6);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('takes over the lock of a process that is gone', async () => {
    const url = await start();
    fs.writeFileSync(`${target()}.lock`, '1');
    fs.utimesSync(`${target()}.lock`, new Date(0), new Date(0));
    await download(url, target(), quick);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('survives a journal that is damaged', async () => {
    const url = await start({ etag: 'a' });
    fs.writeFileSync(`${target()}.part`, 'x');
    fs.writeFileSync(`${target()}.part.json`, '{"received":[9999999');
    await download(url, target(), quick);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
  });
});
