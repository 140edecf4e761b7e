import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../../../tools/jest/until.js';
import { addKey, readEntries, readKnownKeys, revokeKey } from './key-file.js';
import { digestOf, KeyRing } from './key-ring.js';
import { watchKeys } from './watched-keys.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-keys-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));
let files = 0;
const newFile = (text?: string): string => {
  const file = path.join(folder, `${files++}`, 'keys.json');
  if (text !== undefined) {
    fs.mkdirSync(path.dirname(file));
    fs.writeFileSync(file, text);
  }
  return file;
};
const entry = (extra: object = {}) => ({ name: 'a', sha256: digestOf('k').toString('hex'), role: 'user', ...extra });
const ring = (file: string) => new KeyRing([() => readKnownKeys(file)]);

describe('a file of keys', () => {
  it('gives a new key once, and holds nothing that it could be made of', () => {
    const file = newFile();
    const key = addKey(file, { name: 'alice', role: 'user', rpm: 60 });
    expect(key).toMatch(/^sk-starling-[\w-]{43}$/);
    expect(addKey(file, { name: 'bob', role: 'admin' })).not.toBe(key);
    expect(fs.readFileSync(file, 'utf8')).not.toContain(key);
    expect(fs.statSync(file).mode & 0o077).toBe(0);
    expect(readEntries(file)).toMatchObject([
      { name: 'alice', role: 'user', rpm: 60, weight: 1 },
      { name: 'bob', role: 'admin' },
    ]);
    expect(fs.readdirSync(path.dirname(file))).toEqual(['keys.json']);
  });

  it('says who has a key, and what of it', () => {
    const file = newFile();
    const key = addKey(file, {
      name: 'alice',
      role: 'user',
      weight: 2.5,
      models: ['llama-*', 'x'],
      rpm: 60,
      tpm: 1000,
      concurrency: 3,
      priority: 5,
    });
    expect(ring(file).find(key)).toEqual({
      name: 'alice',
      tenant: digestOf(key).toString('hex'),
      role: 'user',
      weight: 2.5,
      maxPriority: 5,
      models: ['llama-*', 'x'],
      limits: { requestsPerMinute: 60, tokensPerMinute: 1000, concurrency: 3 },
    });
    for (const wrong of [key.slice(0, -1), `${key}x`, key.toUpperCase(), '', 'alice'])
      expect(ring(file).find(wrong)).toBeUndefined();
  });

  it('has one key of a name, and none that was revoked', () => {
    const file = newFile();
    const key = addKey(file, { name: 'alice', role: 'user' });
    expect(() => addKey(file, { name: 'alice', role: 'user' })).toThrow(expect.objectContaining({ code: 'conflict' }));
    revokeKey(file, 'alice');
    expect(ring(file).find(key)).toBeUndefined();
    expect(() => revokeKey(file, 'alice')).toThrow(expect.objectContaining({ code: 'not_found' }));
    const again = addKey(file, { name: 'alice', role: 'user' });
    expect(ring(file).find(again)!.tenant).not.toBe(digestOf(key).toString('hex'));
  });

  it.each([
    ['{', 'JSON'],
    ['{"version": 2, "keys": []}', 'version'],
    ['{"version": 1}', 'keys'],
    [{ role: 'boss' }, 'keys.0.role'],
    [{ sha256: 'abc' }, 'keys.0.sha256'],
    [{ weight: 0 }, 'keys.0.weight'],
    [{ rpm: 1.5 }, 'keys.0.rpm'],
    [{ name: 'a b' }, 'keys.0.name'],
    [{ more: 1 }, 'keys.0.more'],
  ])('that is not in order (%j) is refused, naming %s', (text, mention) => {
    const file = newFile(typeof text === 'string' ? text : JSON.stringify({ version: 1, keys: [entry(text)] }));
    expect(() => readKnownKeys(file)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining(mention) }),
    );
  });

  it('of two entries with one name is refused', () => {
    expect(() => readKnownKeys(newFile(JSON.stringify({ version: 1, keys: [entry(), entry()] })))).toThrow('two keys');
  });

  it('may hold keys in full, one a line', () => {
    const file = newFile('# staff\nsecret-1\n\n  secret-2\r\n');
    expect(ring(file).find('secret-2')).toMatchObject({ name: 'keys.json:2', role: 'user', limits: {} });
    expect(ring(file).find('# staff')).toBeUndefined();
    expect(() => readKnownKeys(newFile('# none\n'))).toThrow('no key');
    expect(() => readKnownKeys(newFile('two words'))).toThrow(expect.not.stringContaining('two words'));
    expect(() => readKnownKeys(path.join(folder, 'gone'))).toThrow('no such file');
  });

  it('is followed as it changes; one that is not in order changes nothing, one that has gone holds none', async () => {
    const file = newFile();
    const key = addKey(file, { name: 'alice', role: 'user' });
    const told: string[] = [];
    const watched = watchKeys(file, { info: () => void told.push('info'), error: () => void told.push('error') });
    const followed = new KeyRing([() => watched.current()]);
    const another = addKey(file, { name: 'bob', role: 'user' });
    await until(() => followed.find(another) !== undefined);
    fs.writeFileSync(file, '{"version": 1, "keys": [');
    await until(() => told.includes('error'));
    expect(followed.find(key)).toBeDefined();
    fs.rmSync(file);
    await until(() => followed.find(key) === undefined);
    expect(followed.isAsked).toBe(true);
    watched.close();
  });
});
