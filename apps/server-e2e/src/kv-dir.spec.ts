import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../../tools/jest/until.js';
import { generate, metrics, post, user } from './support/client.js';
import { startServer, type RunningServer } from './support/starling-process.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-kv-'));
const kvDir = path.join(folder, 'kv');
const servers: RunningServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop('SIGKILL');
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

async function start(...args: string[]): Promise<RunningServer> {
  const server = await startServer(['--kv-dir', kvDir, ...args]);
  servers.push(server);
  return server;
}

const story = `Once upon a time there was ${'a fox and a crow and '.repeat(20)}a bear.`;
const request = { prompt: story, temperature: 0, max_tokens: 12, ignore_eos: true };
const sessionsOf = async (server: RunningServer) =>
  (
    (await (await fetch(`${server.url}/v1/sessions`)).json()) as {
      data: { session_id: string; saved: boolean; tokens: number }[];
    }
  ).data;
const records = () =>
  fs
    .readdirSync(kvDir)
    .filter((name) => name.endsWith('.starkv'))
    .map((name) => path.join(kvDir, name));

describe('a server with --kv-dir', () => {
  it('knows prompts and sessions again after a restart', async () => {
    const first = await start();
    const cold = await generate(first.url, request);
    const turn = await generate(first.url, { session_id: 'chat', messages: user('What is 12 + 7?'), temperature: 0 });
    await until(async () => (await sessionsOf(first)).some((one) => one.session_id === 'chat' && one.saved));
    expect((await first.stop()).code).toBe(0);
    expect(records().length).toBeGreaterThan(1);

    const second = await start();
    const warm = await generate(second.url, request);
    expect(warm.tokens).toEqual(cold.tokens);
    expect(warm.usage.cached_tokens).toBe(warm.usage.prompt_tokens - 1);
    expect(await sessionsOf(second)).toContainEqual(expect.objectContaining({ session_id: 'chat', saved: true }));
    const next = await generate(second.url, { session_id: 'chat', messages: user('What is 20 + 5?'), temperature: 0 });
    expect(next.usage.cached_tokens).toBeGreaterThanOrEqual(turn.usage.prompt_tokens);
    const figures = await metrics(second.url);
    expect(figures.get('starling_restored_bytes_total')).toBeGreaterThan(0);
    expect(figures.get('starling_kv_bytes{state="spilled"}')).toBeGreaterThan(0);
    expect((await second.stop()).code).toBe(0);
  });

  it('throws damaged, cut and foreign files away with a line in the log, and computes again', async () => {
    const before = await start();
    const answer = await generate(before.url, request);
    await before.stop();
    const files = records();
    files.forEach((file, i) => {
      const bytes = fs.readFileSync(file);
      if (i % 3 === 0) bytes[bytes.length - 1] ^= 1;
      fs.writeFileSync(
        file,
        i % 3 === 1 ? bytes.subarray(0, bytes.length / 2) : i % 3 === 2 ? Buffer.from('no record at all') : bytes,
      );
    });
    fs.writeFileSync(path.join(kvDir, 'left-behind.starkv.tmp'), 'half a write');
    fs.utimesSync(path.join(kvDir, 'left-behind.starkv.tmp'), 1, 1);
    const server = await start();
    const again = await generate(server.url, request);
    expect(again.tokens).toEqual(answer.tokens);
    expect(server.stderr()).toContain('stored keys and values were thrown away');
    expect(
      [...(await metrics(server.url))].some(
        ([sample, value]) => sample.startsWith('starling_spill_dropped_total{') && value > 0,
      ),
    ).toBe(true);
    // Those of the right length are found out when they are wanted.
    expect(files.filter((_, i) => i % 3 > 0).some((file) => fs.existsSync(file))).toBe(false);
    expect(fs.existsSync(path.join(kvDir, 'left-behind.starkv.tmp'))).toBe(false);
  });

  it('serves on when the folder is gone, and says so', async () => {
    const server = await start();
    await generate(server.url, request);
    fs.rmSync(kvDir, { recursive: true });
    fs.writeFileSync(kvDir, 'a file in the place of the folder');
    expect((await generate(server.url, { ...request, session_id: 'lost' })).tokens).toHaveLength(12);
    await until(async () => ((await metrics(server.url)).get('starling_spill_failures_total') ?? 0) > 0);
    expect(await sessionsOf(server)).toContainEqual(expect.objectContaining({ session_id: 'lost', saved: false }));
    expect((await server.stop()).code).toBe(0);
    fs.rmSync(kvDir);
  });
});

describe('a server with --slot-save-path', () => {
  const save = path.join(folder, 'saved');
  const startSaving = async (...args: string[]): Promise<RunningServer> => {
    const server = await startServer(['--slot-save-path', save, '-np', '2', ...args]);
    servers.push(server);
    return server;
  };
  const send = async (server: RunningServer, route: string, body: object) => {
    const response = await post(`${server.url}${route}`, body);
    return {
      status: response.status,
      body: (await response.json()) as Record<string, unknown> & { error?: { code?: string; message: string } },
    };
  };

  it('saves sessions and slots that another server goes on from', async () => {
    const first = await startSaving();
    await generate(first.url, { session_id: 'chat', messages: user('What is 12 + 7?'), temperature: 0 });
    expect(await send(first, '/v1/session/save', { session_id: 'chat', filename: 'chat.starkv' })).toMatchObject({
      status: 200,
      body: { filename: 'chat.starkv' },
    });
    const next = await generate(first.url, { session_id: 'chat', messages: user('What is 20 + 5?'), temperature: 0 });
    const completion = { prompt: story, n_predict: 4, temperature: 0, id_slot: 1 };
    const cold = await send(first, '/completion', completion);
    const written = await send(first, '/slots/1?action=save', { filename: 'slot.bin' });
    expect(written).toMatchObject({
      status: 200,
      body: { id_slot: 1, filename: 'slot.bin', timings: { save_ms: expect.any(Number) } },
    });
    // There is nothing to say in a body.
    const erased = await fetch(`${first.url}/slots/1?action=erase`, { method: 'POST' });
    expect([erased.status, await erased.json()]).toEqual([200, { id_slot: 1, n_erased: expect.any(Number) }]);
    expect(await send(first, '/slots/1?action=save', { filename: 'slot.bin' })).toMatchObject({ status: 404 });
    expect(await send(first, '/slots/1?action=erase', {})).toMatchObject({
      status: 200,
      body: { id_slot: 1, n_erased: 0 },
    });
    await first.stop();

    const second = await startSaving('--session-limit', '2');
    await generate(second.url, request);
    expect(await send(second, '/v1/session/open', { filename: 'chat.starkv', session_id: 'moved' })).toMatchObject({
      status: 200,
      body: { session_id: 'moved' },
    });
    const there = await generate(second.url, {
      session_id: 'moved',
      messages: user('What is 20 + 5?'),
      temperature: 0,
    });
    expect([there.tokens, there.usage.cached_tokens]).toEqual([next.tokens, next.usage.cached_tokens]);
    // Slots take no place of the sessions that a caller has named.
    for (let round = 0; round < 3; round++) await send(second, '/slots/1?action=restore', { filename: 'slot.bin' });
    expect((await sessionsOf(second)).map((one) => one.session_id)).toContain('moved');
    const restored = await send(second, '/slots/0?action=restore', { filename: 'slot.bin' });
    expect(restored).toMatchObject({
      status: 200,
      body: { id_slot: 0, n_restored: written.body.n_saved, n_read: written.body.n_written },
    });
    expect((await send(second, '/completion', completion)).body.content).toBe(cold.body.content);
    for (const filename of ['../chat.starkv', '.hidden', '', 'a/b'])
      expect((await send(second, '/v1/session/open', { filename })).status).toBe(400);
    expect((await send(second, '/v1/session/open', { filename: 'none' })).status).toBe(404);
    expect(await send(second, '/slots/9?action=save', { filename: 'x' })).toMatchObject({ status: 400 });
    fs.writeFileSync(path.join(save, 'bad'), 'no session at all');
    expect(await send(second, '/slots/0?action=restore', { filename: 'bad' })).toMatchObject({
      status: 400,
      body: { error: { param: 'filename' } },
    });
    expect(await send(second, '/v1/session/open', { filename: 'bad' })).toMatchObject({
      status: 400,
      body: { error: { param: 'filename' } },
    });
    expect(await send(second, '/v1/session/open', { filename: 'chat.starkv', session_id: 'moved' })).toMatchObject({
      status: 409,
      body: { error: { param: 'session_id' } },
    });
    if (process.platform !== 'win32') {
      for (const name of ['pipe', 'next.tmp']) expect(spawnSync('mkfifo', [path.join(save, name)]).status).toBe(0);
      expect(await send(second, '/v1/session/open', { filename: 'pipe' })).toMatchObject({
        status: 400,
        body: { error: { param: 'filename' } },
      });
      expect(await send(second, '/v1/session/save', { session_id: 'moved', filename: 'next' })).toMatchObject({
        status: 200,
      });
    }
    expect((await second.stop()).code).toBe(0);

    const without = await start();
    expect(await send(without, '/slots/0?action=save', { filename: 'x' })).toMatchObject({
      status: 501,
      body: { error: { message: expect.stringContaining('--slot-save-path') } },
    });
  });
});
