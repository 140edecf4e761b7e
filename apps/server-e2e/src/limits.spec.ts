import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import OpenAI from 'openai';
import { until } from '../../../tools/jest/until.js';
import { post } from './support/client.js';
import { starling, startServer, type RunningServer } from './support/starling-process.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-e2e-limits-'));
const file = path.join(folder, 'keys.json');
const keys: Record<string, string> = {};
beforeAll(async () => {
  for (const [name, ...options] of [['requests', '--rpm', '3'], ['one', '--concurrency', '1'], ['free']]) {
    keys[name] = (await starling(['keys', 'add', name, ...options, '--api-keys-file', file])).stdout.trim();
  }
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const as = (name: string) => ({
  headers: { 'content-type': 'application/json', authorization: `Bearer ${keys[name]}` },
});
const short = { prompt: 'a', max_tokens: 1 };
const ask = (server: RunningServer, name: string, body: object = short) =>
  post(`${server.url}/v1/generate`, body, as(name));
const statusOf = async (server: RunningServer, name: string, body?: object) => (await ask(server, name, body)).status;

describe('limits of keys', () => {
  it('are told to the official client, which finds what to wait for', async () => {
    const server = await startServer(['--api-keys-file', file]);
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: keys.requests, maxRetries: 0 });
    const create = () => client.completions.create({ model: 'x', prompt: 'a', max_tokens: 1 }).asResponse();
    const left = [];
    for (let i = 0; i < 3; i++) left.push((await create()).headers.get('x-ratelimit-remaining-requests'));
    expect(left).toEqual(['2', '1', '0']);
    const error = await create().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(Number((error as InstanceType<typeof OpenAI.RateLimitError>).headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await statusOf(server, 'free')).toBe(200);
    await server.stop();
  });

  it('hold for tokens a minute, of each tenant', async () => {
    const server = await startServer(['--api-keys-file', file, '--tenant-tokens-per-minute', '100']);
    const long = { prompt: 'a fox and a crow and '.repeat(20), max_tokens: 1 };
    expect(await statusOf(server, 'free', long)).toBe(200);
    const refused = await ask(server, 'free', long);
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, expect.any(Number)]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ error: { code: 'rate_limited' } });
    expect(await statusOf(server, 'one', long)).toBe(200);
    await server.stop();
  });

  it('hold for requests at once, until one ends or its client goes', async () => {
    // The answer is under way until its client goes.
    const server = await startServer(['--api-keys-file', file, '--ctx-size', '65536']);
    const client = new AbortController();
    const running = await post(
      `${server.url}/v1/generate`,
      { prompt: 'a', ignore_eos: true, stream: true },
      { ...as('one'), signal: client.signal },
    );
    expect(running.status).toBe(200);
    expect(await statusOf(server, 'one')).toBe(429);
    client.abort();
    await until(async () => (await statusOf(server, 'one')) === 200);
    await server.stop();
  });
});
