import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readKnownKeys } from '../access/key-file.js';
import { KeyRing } from '../access/key-ring.js';
import { fakeIo } from '../cli-io.test-support.js';
import { COMMANDS } from './commands.js';
import { runProgram } from './program.js';

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-cli-keys-'));
afterAll(() => fs.rmSync(home, { recursive: true }));

async function run(args: readonly string[], environment: Record<string, string> = { STARLING_HOME: home }) {
  const io = fakeIo('', { environment });
  const code = await runProgram(['keys', ...args], io, '1.2.3', COMMANDS);
  return { code, stdout: io.out(), stderr: io.err() };
}

describe('starling keys', () => {
  const file = path.join(home, 'keys.json');

  it('adds a key and prints it alone on stdout', async () => {
    const options = [
      '--role',
      'user',
      '--weight',
      '2',
      '--models',
      'a,b*',
      '--models',
      'c',
      '--rpm',
      '10',
      '--tpm',
      '1000',
      '--concurrency',
      '2',
      '--priority',
      '-3',
    ];
    const { code, stdout, stderr } = await run(['add', 'alice', ...options]);
    expect(code).toBe(0);
    expect(stderr).toContain(`--api-keys-file ${file}`);
    const found = new KeyRing([() => readKnownKeys(file)]).find(stdout.trim());
    expect(found).toMatchObject({
      name: 'alice',
      role: 'user',
      weight: 2,
      models: ['a', 'b*', 'c'],
      maxPriority: -3,
      limits: { requestsPerMinute: 10, tokensPerMinute: 1000, concurrency: 2 },
    });
  });

  it('lists names, roles and limits, and no key', async () => {
    await run(['add', 'meter', '--role', 'metrics']);
    const { stdout } = await run(['list']);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(
        /^alice +user +[0-9a-f]{12} +\d{4}-\d\d-\d\d +weight 2, rpm 10, tpm 1000, concurrency 2, priority -3, models a,b\*,c$/,
      ),
      expect.stringMatching(/^meter +metrics /),
    ]);
    expect(JSON.parse((await run(['list', '--json'])).stdout)).toMatchObject([{ name: 'alice' }, { name: 'meter' }]);
  });

  it('revokes keys by name', async () => {
    expect(await run(['revoke', 'alice', 'meter'])).toMatchObject({ code: 0, stdout: 'alice\nmeter\n' });
    expect((await run(['list'])).stdout).toBe('');
    expect(await run(['revoke', 'alice'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('alice'),
    });
  });

  it('keeps to the file that is named, by option before environment', async () => {
    const [one, two] = [path.join(home, 'one.json'), path.join(home, 'two.json')];
    await run(['add', 'x', '--api-keys-file', one], { STARLING_API_KEYS_FILE: two });
    await run(['add', 'y'], { STARLING_API_KEYS_FILE: two });
    expect(
      [one, two].map(
        (name) => (JSON.parse(fs.readFileSync(name, 'utf8')) as { keys: { name: string }[] }).keys[0].name,
      ),
    ).toEqual(['x', 'y']);
  });

  it.each([
    [['add'], "missing required argument 'NAME'"],
    [['add', 'a', '--role', 'boss'], 'Allowed choices are user, admin, metrics'],
    [['add', 'a', '--weight', '0'], 'above 0'],
    [['add', 'a', '--rpm', '0'], 'at least 1'],
    [['add', 'a', '--priority', '1001'], '-1000 to 1000'],
    [['add', 'a', '--priority', 'high'], '"high"'],
    [['revoke'], "missing required argument 'NAME'"],
  ])('calls %j bad usage', async (args, mention) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(mention);
  });

  it('refuses names that lists could not show', async () => {
    expect(await run(['add', 'a b'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('name') });
  });
});
