import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../../tools/jest/until.js';
import { startBadServer, type BadServer } from '../test/bad-server.js';
import { defaultHome } from './home.node.js';
import { ModelStore } from './model-store.node.js';
import { sha256File } from './sha256.node.js';

const bytes = randomBytes(100_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');

let home: string;
let server: BadServer;
let store: ModelStore;

beforeEach(async () => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'store-'));
  server = await startBadServer(bytes);
  store = new ModelStore({ home, hub: { baseUrl: server.url, token: 't' }, download: { retryDelayMs: 1, retries: 1 } });
  server.pages.set(
    '/api/models/owner/repo/tree/main?recursive=true',
    JSON.stringify([
      { type: 'file', path: 'm-Q8_0.gguf', size: bytes.length, lfs: { oid: sha256, size: bytes.length } },
      { type: 'file', path: 's-F16-00001-of-00002.gguf', lfs: { oid: sha256, size: bytes.length } },
      { type: 'file', path: 's-F16-00002-of-00002.gguf', lfs: { oid: sha256, size: bytes.length } },
      { type: 'file', path: 'w-F32.gguf', lfs: { oid: '0'.repeat(64), size: bytes.length } },
      { type: 'file', path: '../../evil-Q4_0.gguf', size: 3 },
    ]),
  );
});
afterEach(async () => {
  await server.close();
  fs.rmSync(home, { recursive: true });
});

describe('the model store', () => {
  it('uses a file on disk where it lies', async () => {
    const file = path.join(home, 'mine.gguf');
    fs.writeFileSync(file, bytes);
    await expect(store.resolve(file)).resolves.toEqual({ path: file });
    await expect(store.list()).resolves.toEqual([]);
  });

  it('says that a folder is there, and is no file', async () => {
    await expect(store.resolve(home)).rejects.toMatchObject({
      code: 'file_not_found',
      message: expect.stringContaining('that is not a file'),
    });
  });

  it('pulls from a hub once, with a manifest, and finds it again by every name', async () => {
    const model = await store.resolve('hf:owner/repo:Q8_0');
    expect(fs.readFileSync(model.path).equals(bytes)).toBe(true);
    expect(model.manifest).toMatchObject({
      sha256,
      size: bytes.length,
      source: `${server.url}/owner/repo/resolve/main/m-Q8_0.gguf`,
    });
    expect(server.headers[0].authorization).toBe('Bearer t');
    const asked = server.requests.length;
    for (const name of ['hf:owner/repo:Q8_0', 'owner/repo/m-Q8_0.gguf', 'm-Q8_0.gguf'])
      expect((await store.resolve(name)).path).toBe(model.path);
    expect(server.requests).toHaveLength(asked);
    expect((await store.list()).map((stored) => stored.name)).toEqual(['owner/repo/m-Q8_0.gguf']);
  });

  it('uses what it has pulled without asking the hub, so that it works offline', async () => {
    const model = await store.pull('hf:owner/repo:Q8_0');
    await server.close();
    for (const name of ['hf:owner/repo:Q8_0', 'hf:owner/repo:q8_0', 'hf:owner/repo'])
      expect((await store.resolve(name)).path).toBe(model.path);
    await expect(store.resolve('hf:owner/repo:F16')).rejects.toMatchObject({ code: 'download_failed' });
  });

  it('finds files of a hub that describes its repositories but lists no tree', async () => {
    const siblings = [
      { rfilename: 'README.md' },
      { rfilename: 'n-Q4_0.gguf', size: bytes.length, lfs: { sha256, size: bytes.length } },
    ];
    server.pages.set('/api/models/owner/other?blobs=true', JSON.stringify({ siblings }));
    server.pages.set('/api/models/owner/other/tree/main?recursive=true', JSON.stringify({ error: 'no tree' }));
    await expect(store.pull('hf:owner/other')).resolves.toMatchObject({
      name: 'owner/other/n-Q4_0.gguf',
      manifest: { sha256 },
    });
  });

  it('takes the checksum from the entity tag of a hub, and of a hub alone', async () => {
    server.pages.set('/api/models/owner/plain/tree/main?recursive=true', JSON.stringify([{ path: 'p-Q4_0.gguf' }]));
    server.faults.rawEtag = `"${'a'.repeat(64)}"`;
    await expect(store.pull('hf:owner/plain')).rejects.toMatchObject({ code: 'checksum_mismatch' });
    await expect(store.pull(`${server.url}/p-Q4_0.gguf`)).resolves.toMatchObject({ manifest: { sha256 } });
  });

  it('uses a file that was put into the folder by hand', async () => {
    fs.writeFileSync(path.join(home, 'hand.gguf'), bytes);
    for (const name of ['hand.gguf', 'hand'])
      await expect(store.resolve(name)).resolves.toEqual({ path: path.join(home, 'hand.gguf') });
    await expect(store.resolve('../hand.gguf')).rejects.toMatchObject({ code: 'file_not_found' });
  });

  it('removes a model by the name it was pulled by, and what an unfinished download left', async () => {
    await store.pull('hf:owner/repo:Q8_0');
    await store.remove('hf:owner/repo:Q8_0');
    expect(fs.readdirSync(path.join(home, 'models'))).toEqual([]);
    const stop = new AbortController();
    await expect(
      store.pull('hf:owner/repo:Q8_0', { signal: stop.signal, onProgress: () => stop.abort() }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    expect(fs.readdirSync(path.join(home, 'models', 'owner', 'repo'))).toContain('m-Q8_0.gguf.part');
    await expect(store.remove('hf:owner/repo')).resolves.toMatchObject({ name: 'owner/repo/m-Q8_0.gguf' });
    expect(fs.readdirSync(path.join(home, 'models'))).toEqual([]);
  });

  it('does not remove what is being downloaded', async () => {
    let removed: Promise<unknown> | undefined;
    const onProgress = () =>
      void (removed ??= expect(store.remove('m-Q8_0.gguf')).rejects.toMatchObject({ code: 'conflict' }));
    server.faults.bytesPerSecond = 200_000;
    await expect(store.pull('hf:owner/repo:Q8_0', { onProgress })).resolves.toMatchObject({ manifest: { sha256 } });
    expect(removed).toBeDefined();
    await removed;
  });

  it('pulls from a URL, and keeps equal file names of different URLs apart', async () => {
    const [one, two] = [await store.pull(`${server.url}/a/m.gguf`), await store.pull(`${server.url}/b/m.gguf`)];
    expect(one.path).not.toBe(two.path);
    expect((await store.find(`${server.url}/b/m.gguf`))?.path).toBe(two.path);
    await expect(store.pull(`${server.url}/c/m.gguf`, { sha256: 'f'.repeat(64) })).rejects.toMatchObject({
      code: 'checksum_mismatch',
    });
  });

  it('pulls and removes all parts of a split model', async () => {
    const model = await store.pull('hf:owner/repo:F16');
    expect(path.basename(model.path)).toBe('s-F16-00001-of-00002.gguf');
    expect(await store.list()).toHaveLength(2);
    await store.remove(model.name);
    expect(await store.list()).toEqual([]);
    expect(fs.readdirSync(path.join(home, 'models'))).toEqual([]);
  });

  it('finds damage when a file is used or verified, unless told not to look', async () => {
    const model = await store.pull('hf:owner/repo:Q8_0');
    await expect(store.verify('m-Q8_0.gguf')).resolves.toMatchObject({ name: model.name });
    fs.writeFileSync(model.path, Buffer.alloc(bytes.length));
    await expect(store.verify(model.name)).rejects.toMatchObject({ code: 'checksum_mismatch' });
    await expect(store.resolve(model.name)).rejects.toMatchObject({ code: 'checksum_mismatch' });
    await expect(store.resolve(model.name, { verify: false })).resolves.toMatchObject({ path: model.path });
  });

  it('replaces a file that no manifest vouches for', async () => {
    const model = await store.pull('hf:owner/repo:Q8_0');
    fs.rmSync(`${model.path}.manifest.json`);
    fs.writeFileSync(model.path, 'rest of something');
    await store.pull('hf:owner/repo:Q8_0');
    expect(fs.readFileSync(model.path).equals(bytes)).toBe(true);
  });

  it('pulls the same model twice at once without harm', async () => {
    const second = new ModelStore({ home, hub: { baseUrl: server.url } });
    const [one, two] = await Promise.all([store.pull('hf:owner/repo:Q8_0'), second.pull('hf:owner/repo:Q8_0')]);
    expect(one.path).toBe(two.path);
    expect(fs.readFileSync(one.path).equals(bytes)).toBe(true);
  });

  it.each([
    ['hf:owner/repo:Q2_K', 'not_found'],
    ['hf:owner/repo:Q4_0', 'not_found'],
    ['hf:owner/nothing', 'not_found'],
    ['hf:owner/repo:F32', 'checksum_mismatch'],
    ['nothing.gguf', 'file_not_found'],
  ])('says what is wrong with %s', async (name, code) => {
    server.pages.set('/api/models/owner/nothing/tree/main?recursive=true', '[]');
    await expect(store.resolve(name)).rejects.toMatchObject({ code });
  });

  it('says what cannot be removed, and ignores foreign manifests', async () => {
    fs.mkdirSync(path.join(home, 'models'));
    fs.writeFileSync(path.join(home, 'models', 'x.gguf.manifest.json'), '{"sha256":1}');
    await expect(store.list()).resolves.toEqual([]);
    await expect(store.remove('x.gguf')).rejects.toMatchObject({ code: 'not_found' });
    await expect(store.pull('x.gguf')).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

describe('processes that pull the same model', () => {
  /** Starts a process of its own that pulls; it ends with what it got on stdout. */
  function pullElsewhere(): { readonly child: ChildProcess; readonly done: Promise<string> } {
    const program = `const { ModelStore } = await import(${JSON.stringify(path.resolve(import.meta.dirname, 'model-store.node.ts'))});
      const store = new ModelStore({ home: ${JSON.stringify(home)}, download: { chunkBytes: 16384, parallel: 2 } });
      process.stdout.write((await store.pull(${JSON.stringify(`${server.url}/m.gguf`)})).path);`;
    const options = [
      '--conditions=@starling/source',
      '--import',
      import.meta.resolve('tsx'),
      '--input-type=module',
      '-e',
      program,
    ];
    const child = spawn(process.execPath, options, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    let output = '';
    child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
    return { child, done: new Promise((resolve) => child.on('close', () => resolve(output))) };
  }

  function firstChunkIsKept(): boolean {
    const journals = fs
      .readdirSync(home, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.part.json'));
    return journals.some(
      (name) =>
        (JSON.parse(fs.readFileSync(path.join(home, name), 'utf8')) as { received: number[] }).received[0] === 16_384,
    );
  }

  it('one goes on where another was killed, while a third waits; all get the same whole file', async () => {
    server.faults.bytesPerSecond = 20_000;
    const killed = pullElsewhere();
    await until(firstChunkIsKept);
    killed.child.kill('SIGKILL');
    await killed.done;
    server.faults.bytesPerSecond = undefined;
    const before = server.requests.length;
    const outputs = await Promise.all([pullElsewhere().done, pullElsewhere().done]);
    expect(outputs[0]).toBe(outputs[1]);
    expect(fs.readFileSync(outputs[0]).equals(bytes)).toBe(true);
    expect(fs.readdirSync(path.dirname(outputs[0])).sort()).toEqual(['m.gguf', 'm.gguf.manifest.json']);
    const later = server.requests.slice(before);
    expect(later.filter((range) => range === 'bytes=0-0')).toHaveLength(1);
    expect(later).not.toContain('bytes=0-16383');
  });
});

describe('the home folder', () => {
  it('is STARLING_HOME, else where the platform keeps caches', () => {
    expect(defaultHome({ STARLING_HOME: '/x' })).toBe(path.resolve('/x'));
    expect(defaultHome({ XDG_CACHE_HOME: '/c' }, 'linux')).toBe(path.join('/c', 'starling'));
    expect(defaultHome({}, 'linux')).toBe(path.join(os.homedir(), '.cache', 'starling'));
    expect(defaultHome({}, 'darwin')).toContain(path.join('Library', 'Caches', 'starling'));
    expect(defaultHome({ LOCALAPPDATA: 'L' }, 'win32')).toBe(path.join('L', 'starling'));
  });
});

describe('sha256File', () => {
  it('hashes off the event loop, tells how far it is, and can be cancelled', async () => {
    const file = path.join(home, 'f');
    fs.writeFileSync(file, bytes);
    const seen: number[] = [];
    await expect(sha256File(file, { onProgress: (count) => seen.push(count) })).resolves.toBe(sha256);
    expect(seen).toEqual([bytes.length]);
    await expect(sha256File(path.join(home, 'none'))).rejects.toMatchObject({ code: 'file_not_found' });
    await expect(sha256File(file, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    const { signal } = new AbortController();
    await sha256File(file, { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
