import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeWithRedis, startRedis, type RunningRedis } from '../../../../tools/fixtures/redis.js';
import { until } from '../../../../tools/jest/until.js';
import { replicasBehindHaproxy } from '../../test/replicas.contract.js';
import { addKey } from '../access/key-file.js';
import { serveProcess, type ServedProcess } from '../served-process.test-support.js';
import { limitStoreContract } from './limit-store.contract.js';
import { RedisLimitStore, type RedisLimitOptions } from './redis-limit-store.js';

describeWithRedis('limits in Redis', () => {
  let redis: RunningRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  const told: string[] = [];
  const open = (options: Partial<RedisLimitOptions> = {}) =>
    RedisLimitStore.connect({
      url: redis.url,
      windowSeconds: 60,
      log: { warn: () => void told.push('lost'), info: () => void told.push('found') },
      ...options,
    });

  limitStoreContract((windowSeconds) => open({ windowSeconds }));

  it('are counted together by several that know it', async () => {
    const [a, b] = await Promise.all([open(), open()]);
    await a.add('shared', 3);
    expect((await b.add('shared', 4)).used).toBe(7);
    const lease = await a.acquire('shared', 1);
    expect(await b.acquire('shared', 1)).toBeUndefined();
    await lease!.release();
    expect(await b.acquire('shared', 1)).toBeDefined();
    await Promise.all([a.close(), b.close()]);
  });

  it('give back the places of one that died, and not of one that lives', async () => {
    const [dies, lives, other] = await Promise.all([open({ leaseMs: 150 }), open({ leaseMs: 150 }), open()]);
    await dies.acquire('dead', 1);
    await lives.acquire('alive', 1);
    // As a process that dies: nothing is renewed any more, nothing is given back.
    dies.abandon();
    await until(async () => (await other.acquire('dead', 1)) !== undefined);
    expect(await other.acquire('alive', 1)).toBeUndefined();
    await Promise.all([lives.close(), other.close()]);
  });

  it('are counted by each process alone while it cannot be reached, and together again when it can', async () => {
    told.length = 0;
    const [a, b] = await Promise.all([open(), open()]);
    await a.add('outage', 5);
    await redis.stop();
    const sums = async (store: RedisLimitStore) => [
      (await store.add('outage', 1)).used,
      (await store.add('outage', 1)).used,
    ];
    expect(await sums(a)).toEqual([1, 2]);
    expect(await sums(b)).toEqual([1, 2]);
    const lease = await a.acquire('outage', 1);
    expect(lease).toBeDefined();
    expect(await a.acquire('outage', 1)).toBeUndefined();
    expect(await b.acquire('outage', 1)).toBeDefined();
    expect(told.filter((word) => word === 'lost').length).toBe(2);
    redis = await startRedis(redis.url);
    await until(() => told.filter((word) => word === 'found').length === 2);
    await a.add('outage', 10);
    expect((await b.add('outage', 10)).used).toBe(20);
    await lease!.release();
    await Promise.all([a.close(), b.close()]);
  });

  it('need one at the address to begin with, and do not show its password', async () => {
    await expect(open({ url: 'redis://user:hunter2@127.0.0.1:1' })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/^no Redis for limits at redis:\/\/127\.0\.0\.1:1: (?!.*hunter2)/),
    });
  });

  replicasBehindHaproxy(() => redis.url);

  describe('on two servers', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-two-servers-'));
    const file = path.join(folder, 'keys.json');
    const keys = {
      requests: addKey(file, { name: 'requests', role: 'user', rpm: 3 }),
      tokens: addKey(file, { name: 'tokens', role: 'user', tpm: 30 }),
      one: addKey(file, { name: 'one', role: 'user', concurrency: 1 }),
    };
    let servers: readonly ServedProcess[];
    /** No answer comes to the end of such a context while a test looks. */
    const serve = () => serveProcess('--api-keys-file', file, '--redis-url', redis.url, '--ctx-size', '65536');
    beforeAll(async () => {
      servers = await Promise.all([serve(), serve()]);
    });
    afterAll(async () => {
      for (const server of servers ?? []) await server.stop();
      fs.rmSync(folder, { recursive: true });
    });
    const ask = (server: number, key: keyof typeof keys, body: object = { max_tokens: 1 }, signal?: AbortSignal) =>
      fetch(`${servers[server].url}/v1/generate`, {
        method: 'POST',
        signal,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${keys[key]}` },
        body: JSON.stringify({ prompt: 'a', ...body }),
      });
    const statusOf = async (server: number, key: keyof typeof keys) => (await ask(server, key)).status;

    it('hold for requests', async () => {
      expect([
        await statusOf(0, 'requests'),
        await statusOf(1, 'requests'),
        await statusOf(0, 'requests'),
        await statusOf(1, 'requests'),
        await statusOf(0, 'requests'),
      ]).toEqual([200, 200, 200, 429, 429]);
    });

    it('hold for tokens', async () => {
      expect((await (await ask(0, 'tokens', { max_tokens: 40, ignore_eos: true })).json()) as object).toMatchObject({
        usage: { completion_tokens: 40 },
      });
      await until(async () => (await statusOf(1, 'tokens')) === 429);
    });

    it('hold for requests at once, until the one ends', async () => {
      const client = new AbortController();
      expect((await ask(0, 'one', { ignore_eos: true, stream: true }, client.signal)).status).toBe(200);
      expect([await statusOf(1, 'one'), await statusOf(0, 'one')]).toEqual([429, 429]);
      client.abort();
      await until(async () => (await statusOf(1, 'one')) === 200);
    });

    it('go on without Redis, by each alone', async () => {
      await redis.stop();
      expect([await statusOf(0, 'requests'), await statusOf(1, 'requests')]).toEqual([200, 200]);
      await until(() => servers.every(({ stderr }) => stderr().includes('Redis cannot be reached')));
    });
  });
});
