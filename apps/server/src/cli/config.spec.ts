import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fakeIo } from '../cli-io.test-support.js';
import { COMMANDS } from './commands.js';
import { runProgram } from './program.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-config-'));
const file = path.join(folder, 'starling.yaml');
fs.writeFileSync(file, 'port: 9000\napi_key: [very-secret, another-secret]\nctx-size: 100\n');
afterAll(() => fs.rmSync(folder, { recursive: true }));

async function run(args: readonly string[], environment: Record<string, string> = {}) {
  const io = fakeIo('', { environment });
  const code = await runProgram(['config', ...args], io, '1.2.3', COMMANDS);
  return { code, stdout: io.out(), stderr: io.err() };
}

describe('starling config', () => {
  it('shows what counts, and where it comes from', async () => {
    const { code, stdout } = await run(['--config', file, '--changed', '-np', '4'], { STARLING_CTX_SIZE: '44' });
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['SETTING', 'VALUE', 'FROM'],
      ['ctx_size', '44', 'STARLING_CTX_SIZE'],
      ['ctx_shared', 'true', '--ctx-shared'],
      ['parallel', '4', '--parallel'],
      ['port', '9000', `"port" in ${file}, line 1`],
      ['api_key', '["(hidden)","(hidden)"]', `"api_key" in ${file}, line 2`],
      ['config', file, '--config'],
    ]);
    expect(JSON.parse((await run(['--json'])).stdout)).toMatchObject({
      port: { value: 8080, source: 'default' },
      threads: { value: null, source: 'default' },
    });
  });

  it('lets no secret out, neither of what counts nor of what is wrong', async () => {
    const { stdout } = await run(['--config', file, '--json'], {
      STARLING_REDIS_URL: 'redis://bob:hunter2@host:1',
      STARLING_ADMIN_API_KEY: 'boss-secret',
    });
    expect(stdout).not.toMatch(/secret|hunter2/);
    expect(stdout).toContain('redis://(hidden)@host:1');
    const wrong = await run(['--api-key', 'very secret']);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--api-key') });
    expect(wrong.stderr).not.toContain('very secret');
  });

  it('names variables of the environment that look like settings and are none', async () => {
    expect((await run([], { STARLING_PROT: '1', STARLING_HOME: '/x', STARLING_PORT: '1' })).stderr).toBe(
      'starling: STARLING_PROT is set, but no setting is called so\n',
    );
  });

  it('prints the schema of the file, also where the configuration is wrong', async () => {
    expect(JSON.parse((await run(['--schema', '--port', 'x'])).stdout)).toMatchObject({
      properties: { port: { type: 'integer', default: 8080 } },
    });
  });
});
