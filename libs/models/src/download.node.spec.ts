import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startBadServer, type BadServer, type Faults } from '../test/bad-server.js';
import { download, type DownloadOptions, type DownloadProgress } from './download.node.js';

const bytes = randomBytes(300_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const quick: DownloadOptions = { chunkBytes: 64 << 10, retryDelayMs: 1, retries: 4 };
/** For servers that stall; a slow machine stalls now and then, too. */
const impatient: DownloadOptions = { ...quick, stallMs: 150, retries: 1000 };

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
    await expect(
      download(url, target(), { ...quick, stallMs: 1e6, onProgress: (progress) => seen.push(progress) }),
    ).resolves.toEqual({ sha256, size: bytes.length });
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
    expect(fs.readdirSync(folder)).toEqual(['model.gguf']);
    expect(server.requests).toHaveLength(1 + 5);
    expect(seen.filter((progress) => progress.phase === 'download').at(-1)).toEqual({
      phase: 'download',
      bytes: bytes.length,
      totalBytes: bytes.length,
    });
    expect(seen.at(-1)).toMatchObject({ phase: 'verify', bytes: bytes.length });
  });

  it.each<[string, Faults, DownloadOptions]>([
    ['connections are cut', { cut: { afterBytes: 10_000, times: 6 } }, quick],
    ['connections stall', { stall: { afterBytes: 10_000, times: 3 } }, impatient],
    ['the server knows no ranges', { noRanges: true }, quick],
    ['the server knows no ranges and cuts', { noRanges: true, cut: { afterBytes: 10_000, times: 2 } }, quick],
  ])('brings the right bytes although %s', async (_, faults, options) => {
    await download(await start(faults), target(), options);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('goes on after a cut where it stopped, in a later process too', async () => {
    const url = await start({ etag: 'a', cut: { afterBytes: 20_000, times: Infinity } });
    const controller = new AbortController();
    const onProgress = ({ bytes: done }: DownloadProgress): void => void (done > 100_000 && controller.abort());
    await expect(download(url, target(), { ...quick, onProgress, signal: controller.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(fs.existsSync(target())).toBe(false);

    server.faults.cut = undefined;
    server.requests.length = 0;
    await download(url, target(), quick);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
    const fetched = server.requests
      .slice(1)
      .map((range) => /(\d+)-(\d+)/.exec(range)!)
      .reduce((sum, [, begin, end]) => sum + Number(end) - Number(begin) + 1, 0);
    expect(fetched).toBeLessThanOrEqual(bytes.length - 100_000);
  });

  it('goes on in a later process from a server that sends no validator, unless its file has another size', async () => {
    const url = await start({ cut: { afterBytes: 20_000, times: Infinity } });
    const controller = new AbortController();
    const onProgress = ({ bytes: done }: DownloadProgress): void => void (done > 100_000 && controller.abort());
    await expect(download(url, target(), { ...quick, onProgress, signal: controller.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    server.faults.cut = undefined;
    server.requests.length = 0;
    await download(url, target(), quick);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
    expect(server.requests).not.toContain('bytes=0-65535');
  });

  it('looks again where what an earlier process left turns out to be of another file', async () => {
    const url = await start({ corrupt: true, cut: { afterBytes: 40_000, times: Infinity } });
    const controller = new AbortController();
    await expect(
      download(url, target(), { ...quick, sha256, onProgress: () => controller.abort(), signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    Object.assign(server.faults, { corrupt: false, cut: undefined });
    fs.writeSync(fs.openSync(`${target()}.part`, 'r+'), 'these are other bytes');
    await expect(download(url, target(), { ...quick, sha256 })).resolves.toMatchObject({ sha256 });
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('asks for the way again when the place it was sent to is no longer open', async () => {
    const [first, second] = [await startBadServer(bytes), await startBadServer(bytes)];
    const url = await start({ redirectTo: `${first.url}/signed?until=now` });
    const close = (): void => {
      first.faults.status = 403;
      server.faults.redirectTo = `${second.url}/signed?until=later`;
    };
    await download(url, target(), { ...quick, parallel: 1, onProgress: close });
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
    expect(second.requests.length).toBeGreaterThan(1);
    await Promise.all([first.close(), second.close()]);
  });

  it('begins anew when the file on the server is another one now', async () => {
    const url = await start({ etag: 'a', cut: { afterBytes: 20_000, times: Infinity } });
    const controller = new AbortController();
    await expect(
      download(url, target(), { ...quick, onProgress: () => controller.abort(), signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    Object.assign(server.faults, { cut: undefined, etag: 'b' });
    await download(url, target(), quick);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
  });

  it.each<[string, Faults, DownloadOptions, string]>([
    ['the bytes are wrong', { corrupt: true }, { sha256 }, 'checksum_mismatch'],
    ['the bytes differ from what the hub promised', { corrupt: true, linkedSha256: sha256 }, {}, 'checksum_mismatch'],
    ['the size differs from what was asked for', {}, { size: 299_999 }, 'download_failed'],
    ['the server lies about the length', { claimedSize: 400_000 }, { stallMs: 150 }, 'download_failed'],
    [
      'a server without ranges lies about the length',
      { claimedSize: 400_000, noRanges: true },
      { stallMs: 150 },
      'download_failed',
    ],
    ['every connection stalls', { stall: { afterBytes: 0, times: Infinity } }, { stallMs: 150 }, 'download_failed'],
    ['the server sends more than it was asked for', { overlong: true }, {}, 'download_failed'],
    ['the file changes on the way', { etag: 'a', changesAt: 3 }, {}, 'conflict'],
    ['there is no such file', { status: 404 }, {}, 'not_found'],
    ['access is refused', { status: 401 }, {}, 'forbidden'],
    ['the server fails', { status: 500 }, {}, 'download_failed'],
  ])('gives a typed error and no file when %s', async (_, faults, options, code) => {
    await expect(
      download(await start(faults), target(), { ...quick, retries: 2, parallel: 1, ...options }),
    ).rejects.toMatchObject({ code });
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

  it('takes over at once from a process of this machine that has died', async () => {
    const url = await start();
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    fs.writeFileSync(`${target()}.lock`, JSON.stringify({ token: 'x', pid: gone, host: os.hostname() }));
    // It would wait for a living process until it is told to stop.
    await download(url, target(), { ...quick, signal: AbortSignal.timeout(150_000) });
    expect(fs.readdirSync(folder)).toEqual(['model.gguf']);
  });

  it('can be cancelled while it waits for another process, and while it waits to try again', async () => {
    const url = await start({ status: 503 });
    fs.writeFileSync(`${target()}.lock`, JSON.stringify({ token: 'x', pid: process.pid, host: os.hostname() }));
    await expect(download(url, target(), { ...quick, signal: AbortSignal.timeout(30) })).rejects.toMatchObject({
      code: 'cancelled',
    });
    fs.rmSync(`${target()}.lock`);
    // Far beyond the time that a test may take.
    await expect(
      download(url, target(), { ...quick, retryDelayMs: 1e9, signal: AbortSignal.timeout(100) }),
    ).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('says what it cannot write', async () => {
    const url = await start();
    fs.writeFileSync(path.join(folder, 'file'), '');
    await expect(download(url, path.join(folder, 'file', 'model.gguf'), quick)).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('cannot be written'),
    });
  });

  it('gives up at once what the next attempt would meet again, and leaves no folder behind', async () => {
    await start();
    const below = path.join(folder, 'owner', 'repo', 'model.gguf');
    // Far beyond the time that a test may take.
    const patient = { ...quick, stallMs: 1e6, retryDelayMs: 1e9 };
    await expect(download('http://127.0.0.1:1/model.gguf', below, patient)).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('bad port'),
    });
    expect(fs.readdirSync(folder)).toEqual([]);
    fs.mkdirSync(path.join(folder, 'owner'));
    fs.writeFileSync(path.join(folder, 'owner', 'other'), '');
    await expect(
      download(`${server.url}/model.gguf`, below, { ...patient, sha256: '0'.repeat(64) }),
    ).rejects.toMatchObject({ code: 'checksum_mismatch' });
    expect(fs.readdirSync(folder, { recursive: true }).sort()).toEqual(['owner', path.join('owner', 'other')]);
  });

  it('sends a user and a password of an address as a header, and never tells them', async () => {
    const url = await start();
    await download(url.replace('://', '://u%3A:s%40cret@'), target(), { ...quick, stallMs: 1e6 });
    expect(new Set(server.headers.map(({ authorization }) => authorization))).toEqual(
      new Set([`Basic ${Buffer.from('u::s@cret').toString('base64')}`]),
    );
    await expect(download('http://u:s%40cret@127.0.0.1:1/model.gguf', `${target()}.2`, quick)).rejects.toMatchObject({
      message: expect.not.stringContaining('cret'),
    });
  });

  it('does not tell what is secret in an address', async () => {
    const url = await start({ status: 500 });
    await expect(download(`${url}?token=secret`, target(), { ...quick, retries: 0 })).rejects.toMatchObject({
      message: expect.not.stringContaining('secret'),
    });
  });

  it('survives a journal that is damaged', async () => {
    const url = await start({ etag: 'a' });
    fs.writeFileSync(`${target()}.part`, 'x');
    fs.writeFileSync(`${target()}.part.json`, '{"received":[9999999');
    await download(url, target(), quick);
    expect(fs.readFileSync(target()).equals(bytes)).toBe(true);
  });
});
