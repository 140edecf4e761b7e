import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../../tools/jest/until.js';
import { demoModelFile } from './assets.js';
import { fakeIo } from './cli-io.test-support.js';
import { compose, type Server } from './compose.js';
import { resolveConfig } from './config/resolve-config.js';

const never = new AbortController().signal;
const servers: Server[] = [];

function composed(flags: Record<string, unknown> = {}): Server {
  const server = compose(
    resolveConfig({ flags: { port: 0, threads: 1, logLevel: 'silent', ...flags }, environment: {} }),
    fakeIo(''),
  );
  servers.push(server);
  return server;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(AbortSignal.abort());
});

const ask = async (server: Server, body: object) =>
  (
    await fetch(`${server.url}/v1/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  ).json() as Promise<Record<string, unknown>>;

describe('a composed server', () => {
  it('serves the demo model, counts its work, lists it with its digest, and closes', async () => {
    const server = composed();
    await server.start();
    expect(
      await ask(server, { messages: [{ role: 'user', content: 'What is 12 + 7?' }], temperature: 0 }),
    ).toMatchObject({ text: '12 + 7 = 19.', model: 'starling-demo-q8_0' });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('starling_generated_tokens_total 11');
    expect(metrics).toMatch(/starling_event_loop_delay_seconds\{quantile="0.99"\} \d+\.\d/);
    expect(metrics).toMatch(/starling_kv_bytes\{state="free"\} [1-9]/);
    expect(metrics.trimEnd().endsWith('# EOF')).toBe(true);
    let digest: unknown;
    await until(async () => {
      const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as {
        data: { sha256: unknown; created: number }[];
      };
      digest = data[0].sha256;
      expect(data[0].created).toBeGreaterThan(1.7e9);
      return typeof digest === 'string';
    });
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    await server.close(never);
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  it('fails to start with what is wrong with a model, and closes all the same', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-compose-'));
    const broken = path.join(folder, 'broken.gguf');
    fs.writeFileSync(broken, fs.readFileSync(demoModelFile()).subarray(0, 5000));
    const server = composed({ model: [demoModelFile(), broken] });
    await expect(server.start()).rejects.toThrow('broken.gguf');
    await server.close(never);
    fs.rmSync(folder, { recursive: true });
  });

  it('ends what is under way when it is told to hurry', async () => {
    // No answer comes to the end of such a context by then.
    const server = composed({ ctxSize: 65536 });
    await server.start();
    const streams = await Promise.all(
      Array.from({ length: 8 }, async (_, seed) => {
        const body = JSON.stringify({ prompt: 'a', ignore_eos: true, seed, stream: true });
        const response = await fetch(`${server.url}/v1/generate`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
        return response.body!.pipeThrough(new TextDecoderStream()).getReader();
      }),
    );
    await Promise.all(streams.map((stream) => stream.read()));
    await server.close(AbortSignal.abort());
    const ends = await Promise.all(
      streams.map(async (stream) => {
        let text = '';
        for (let part = await stream.read(); !part.done; part = await stream.read()) text += part.value;
        return text.slice(text.lastIndexOf('event: '));
      }),
    );
    expect(ends.at(-1)).toMatch(/^event: error\ndata: \{"error":\{"code":"shutting_down","type":"server_error"/);
    for (const end of ends) expect(end).toMatch(/^event: (error|done)\n/);
  });
});
