import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Starling as NodeStarling } from './main.node.js';
import { Starling } from './starling.js';

const DEMO = path.resolve(import.meta.dirname, '../../../apps/server/models/starling-demo-q8_0.gguf');
const request = { messages: [{ role: 'user', content: 'What is 12 + 7?' }], temperature: 0, maxTokens: 12 };

describe('what browsers get of the engine, asked for a model by its address', () => {
  const bytes = fs.readFileSync(DEMO);
  const asked: (string | undefined)[] = [];
  const server = http.createServer(({ url, headers: { range } }, response) => {
    if (url !== '/models/demo.gguf') return void response.writeHead(404).end();
    asked.push(range);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    const [begin, end] = [Number(from), Math.min(Number(to) + 1, bytes.length)];
    const headers = { 'content-range': `bytes ${begin}-${end - 1}/${bytes.length}`, 'content-length': end - begin };
    response.writeHead(206, { etag: '"demo"', ...headers }).end(bytes.subarray(begin, end));
  });
  let base: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))));

  it('reads it in ranges, and says what the same import says in Node of the same file', async () => {
    const answers: unknown[] = [];
    for (const load of [
      () => Starling.load(`${base}/models/demo.gguf`, { deterministic: true }),
      () => NodeStarling.load(DEMO, { deterministic: true, inline: true }),
    ]) {
      const model = await load();
      const { tokens, text } = await model.generate(request).result();
      answers.push({ tokens, text, parameters: model.info.parameterCount });
      await model.close();
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.every((range) => /^bytes=\d+-\d+$/.test(range ?? ''))).toBe(true);
  });

  it('takes an address from where its page lies, tells what a model would take, and has models come and go', async () => {
    const { location } = globalThis as { location?: unknown };
    Object.defineProperty(globalThis, 'location', { value: { href: `${base}/pages/` }, configurable: true });
    try {
      const { totalBytes } = await Starling.estimate('../models/demo.gguf', { contextLength: 128 });
      const registry = Starling.registry({ contextLength: 128 });
      const model = await registry.load('../models/demo.gguf', 'demo');
      expect(model.memory.totalBytes).toBe(totalBytes);
      await registry.unload('demo');
    } finally {
      Object.defineProperty(globalThis, 'location', { value: location, configurable: true });
    }
  });

  it('tells by the codes of Node what is not there', async () => {
    await expect(Starling.load(`${base}/models/other.gguf`)).rejects.toMatchObject({ code: 'file_not_found' });
    await expect(Starling.load('model.gguf')).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
