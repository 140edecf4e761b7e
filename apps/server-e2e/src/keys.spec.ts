import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../../tools/jest/until.js';
import { starling, startServer, type RunningServer } from './support/starling-process.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-e2e-keys-'));
const file = path.join(folder, 'keys.json');
afterAll(() => fs.rmSync(folder, { recursive: true }));

const servers: RunningServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop('SIGKILL');
});

const add = async (...args: string[]) =>
  (await starling(['keys', 'add', ...args, '--api-keys-file', file])).stdout.trim();

describe('keys of a file', () => {
  it('are followed by a server that runs: added, limited to their role, and revoked', async () => {
    const admin = await add('boss', '--role', 'admin');
    const server = await startServer(['--api-keys-file', file]);
    const ask = async (route: string, key: string, init: RequestInit = {}) =>
      fetch(`${server.url}${route}`, {
        ...init,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      });
    const status = async (route: string, key: string) => (await ask(route, key)).status;
    expect(await status('/metrics', admin)).toBe(200);
    expect(await (await ask('/v1/models', admin)).json()).toMatchObject({
      data: [{ file: expect.stringContaining('/'), weights_bytes: expect.any(Number) }],
    });

    const user = await add('alice', '--models', 'starling-*');
    await until(async () => (await status('/v1/models', user)) === 200);
    expect(JSON.stringify(await (await ask('/v1/models', user)).json())).not.toContain('.gguf');
    expect(await status('/metrics', user)).toBe(403);
    const generate = (priority: number) =>
      ask('/v1/generate', user, { method: 'POST', body: JSON.stringify({ prompt: 'a', max_tokens: 1, priority }) });
    expect((await generate(0)).status).toBe(200);
    const refused = await generate(1);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      error: { code: 'forbidden', type: 'permission_error', param: 'priority' },
    });

    await starling(['keys', 'revoke', 'alice', '--api-keys-file', file]);
    await until(async () => (await status('/v1/models', user)) === 401);
    expect(await status('/v1/models', admin)).toBe(200);
    await server.stop();
  });

  it('may be given by flags and the environment, each with its role', async () => {
    const server = await startServer(['--api-key', 'u', '--admin-api-key', 'a'], { STARLING_METRICS_API_KEY: 'm' });
    const statuses = async (route: string) =>
      Promise.all(
        ['u', 'a', 'm', 'x'].map(
          async (key) => (await fetch(`${server.url}${route}`, { headers: { 'x-api-key': key } })).status,
        ),
      );
    expect(await statuses('/v1/models')).toEqual([200, 200, 403, 401]);
    expect(await statuses('/metrics')).toEqual([403, 200, 200, 401]);
    await server.stop();
  });
});

describe('callers with different keys', () => {
  it('share what --shared-prefix names, which is there before anybody asks, and nothing else', async () => {
    const system = `You are the assistant of a library. ${'Books are lent for four weeks. '.repeat(12)}`;
    fs.writeFileSync(path.join(folder, 'system.txt'), `${system}\n`);
    const server = await startServer([
      '--shared-prefix',
      path.join(folder, 'system.txt'),
      '--no-idle-prefill',
      '--api-key',
      'alice',
      '--api-key',
      'bob',
      '--admin-api-key',
      'boss',
    ]);
    servers.push(server);
    const chat = async (key: string, question: string, more: object = {}) => {
      const body = JSON.stringify({
        messages: [
          { role: 'system', content: system },
          { role: 'user', content: question },
        ],
        temperature: 0,
        max_tokens: 4,
        ...more,
      });
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body,
      });
      return (
        (await response.json()) as {
          usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } };
        }
      ).usage;
    };
    const known = async (...args: Parameters<typeof chat>) => (await chat(...args)).prompt_tokens_details.cached_tokens;
    const status = (await (
      await fetch(`${server.url}/v1/status`, { headers: { authorization: 'Bearer boss' } })
    ).json()) as { models: { shared_prefix: { tokens: number; pages: number } }[] };
    const { tokens: shared } = status.models[0].shared_prefix;
    expect(shared).toBeGreaterThan(60);
    const question = 'How long may I keep a book about birds?';
    for (const key of ['alice', 'bob']) {
      expect(await known(key, question)).toBe(shared);
      expect(await known(key, question)).toBeGreaterThan(shared);
      expect(await known(key, question, { cache_salt: 'own' })).toBe(shared);
    }
    expect(
      (await chat('bob', question, { messages: [{ role: 'user', content: 'Hello.' }] })).prompt_tokens_details
        .cached_tokens,
    ).toBeLessThan(shared);
    const figures = await (await fetch(`${server.url}/metrics`, { headers: { authorization: 'Bearer boss' } })).text();
    expect(figures).toMatch(new RegExp(`starling_shared_prefix_tokens\\{model="[^"]*"\\} ${shared}\n`));
    expect(figures).toMatch(/starling_kv_bytes\{state="shared_prefix"\} [1-9]/);
    await server.stop();
  });
});

describe('a server without keys', () => {
  it('is not opened to other machines, unless that is asked for', async () => {
    const refused = await starling(['serve', '--port', '0', '--host', '0.0.0.0']);
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--insecure-no-auth') });
    const server = await startServer(['--host', '0.0.0.0', '--insecure-no-auth']);
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(200);
    await server.stop();
  });

  it('does not start with a file of keys that is not in order', async () => {
    fs.writeFileSync(path.join(folder, 'broken.json'), '{"keys": []}');
    expect(await starling(['serve', '--port', '0', '--api-keys-file', path.join(folder, 'broken.json')])).toMatchObject(
      { code: 2, stdout: '', stderr: expect.stringContaining('version') },
    );
  });
});
