import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { StarlingError } from '@starling/core';
import type { SavedSession } from '@starling/engine';
import { SessionFiles } from './session-files.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-files-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** A session of so many bytes of pages, and as many of states. */
const session = (bytes: number): SavedSession => ({
  key: new Uint8Array(32),
  owner: new Uint8Array(32),
  tokens: Uint32Array.of(1, 2, 3, 4),
  from: 0,
  pageTokens: 4,
  pages: [new Uint8Array(bytes)],
  states: [{ position: 4, bytes: new Uint8Array(bytes) }],
  label: 'session',
  memo: '{}',
});

describe('sessions in files', () => {
  it('of one caller stay within the limit, however many are written at once, states included', async () => {
    const files = new SessionFiles(folder, 10_000);
    const written = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((name) => files.save('one', name, session(2000))),
    );
    expect(written.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(written[3]).toMatchObject({ reason: { code: 'out_of_memory', details: { limit: 10_000 } } });
    await expect(files.save('two', 'a', session(2000))).resolves.toBeGreaterThan(4000);
    await expect(files.save('one', 'a', session(1500))).resolves.toBeGreaterThan(3000);
    for (let i = 0; i < 1024; i++) fs.writeFileSync(path.join(folder, `small-${i}`), '');
    await expect(files.save('', 'one more', session(1))).rejects.toMatchObject({
      code: 'out_of_memory',
      message: expect.stringContaining('1024 saved sessions'),
    });
    await expect(files.save('', 'small-7', session(1))).resolves.toBeGreaterThan(0);
    expect((await files.read('one', 'b')).session.pages).toEqual(session(2000).pages);
    await expect(files.read('two', 'b')).rejects.toMatchObject({ code: 'file_not_found' });
  });

  it('that cannot be written are told by name and reason, without the folders of the server', async () => {
    const root = fs.mkdtempSync(path.join(folder, 'unwritable-'));
    fs.mkdirSync(path.join(root, 'taken'));
    fs.writeFileSync(path.join(root, 'file'), '');
    const refused = async (from: string, name: string, one = session(1)) => {
      const error: unknown = await new SessionFiles(from, 10_000)
        .save('', name, one)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ details: { param: 'filename' }, message: expect.stringContaining(name) });
      expect(String(error)).not.toContain(os.tmpdir());
      return (error as StarlingError).code;
    };
    const full = Object.defineProperty(session(1), 'label', {
      get: () => {
        throw Object.assign(new Error(`ENOSPC: no space left on device, write '${root}'`), { code: 'ENOSPC' });
      },
    });
    expect(await refused(root, 'taken')).toBe('invalid_request');
    expect(await refused(path.join(root, 'file'), 'below')).toBe('not_supported');
    expect(await refused(root, 'large', full)).toBe('out_of_memory');
    expect(fs.readdirSync(root).sort()).toEqual(['file', 'taken']);
  });

  it('are regular ones: a folder, or a pipe that nobody writes to, is refused', async () => {
    const root = fs.mkdtempSync(path.join(folder, 'odd-'));
    fs.mkdirSync(path.join(root, 'folder'));
    const isMade = process.platform !== 'win32' && spawnSync('mkfifo', [path.join(root, 'pipe')]).status === 0;
    for (const name of isMade ? ['folder', 'pipe'] : ['folder'])
      await expect(new SessionFiles(root, 10_000).read('', name)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('no regular file'),
      });
  });
});
