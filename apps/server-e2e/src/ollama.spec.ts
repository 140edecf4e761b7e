import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Ollama } from 'ollama';
import { post } from './support/client.js';
import { repositoryRoot, startServer, type RunningServer } from './support/starling-process.js';

const modelBytes = fs.readFileSync(path.join(repositoryRoot, 'apps/server/models/starling-demo-q8_0.gguf'));
const sha256 = createHash('sha256').update(modelBytes).digest('hex');

/** A hub with one repository, whose model is the demo model. */
function startHub(): Promise<http.Server> {
  const tree = JSON.stringify([
    { type: 'file', path: 'demo-Q8_0.gguf', lfs: { oid: sha256, size: modelBytes.length } },
  ]);
  const hub = http.createServer(({ url = '', headers }, response) => {
    if (url.startsWith('/api/models/owner/repo/tree/')) return void response.end(tree);
    if (url !== '/owner/repo/resolve/main/demo-Q8_0.gguf') return void response.writeHead(404).end();
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(headers.range ?? '') ?? [];
    if (from === undefined)
      return void response.writeHead(200, { 'content-length': modelBytes.length }).end(modelBytes);
    const part = modelBytes.subarray(Number(from), Number(to) + 1);
    response
      .writeHead(206, {
        'content-length': part.length,
        'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${modelBytes.length}`,
      })
      .end(part);
  });
  return new Promise((resolve) => hub.listen(0, '127.0.0.1', () => resolve(hub)));
}

let server: RunningServer;
let client: Ollama;
let hub: http.Server;
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-home-'));
beforeAll(async () => {
  hub = await startHub();
  server = await startServer([], {
    STARLING_HOME: home,
    STARLING_HUB: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`,
  });
  client = new Ollama({ host: server.url });
});
afterAll(async () => {
  await server?.stop();
  hub?.close();
  fs.rmSync(home, { recursive: true, force: true });
});

const messages = [{ role: 'user', content: 'What is the capital of France?' }];
const options = { temperature: 0, num_predict: 30 };

describe('the Ollama client', () => {
  it('gets an answer with figures in nanoseconds', async () => {
    const answer = await client.chat({ model: 'llama3', messages, options });
    expect(answer).toMatchObject({
      model: 'llama3',
      done: true,
      done_reason: 'stop',
      message: { role: 'assistant', content: 'The capital of France is Paris.' },
    });
    expect(answer.eval_count).toBeGreaterThan(3);
    expect(answer.total_duration).toBeGreaterThan(1e5);
    expect(Number.isInteger(answer.eval_duration)).toBe(true);
  });

  it('gets the same streamed', async () => {
    let text = '';
    let last: object = {};
    for await (const part of await client.chat({ model: 'm', messages, options, stream: true })) {
      text += part.message.content;
      last = part;
    }
    expect(text).toBe('The capital of France is Paris.');
    expect(last).toMatchObject({ done: true, done_reason: 'stop', eval_count: expect.any(Number) });
  });

  it('streams lines of JSON where nothing else is said', async () => {
    const response = await post(`${server.url}/api/chat`, { model: 'm', messages, options });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { done: boolean });
    expect(lines.map(({ done }) => done)).toEqual([...lines.slice(1).map(() => false), true]);
  });

  it('continues prompts, by the template and raw', async () => {
    const asked = await client.generate({ model: 'm', prompt: 'What is the capital of France?', options });
    expect(asked.response).toBe('The capital of France is Paris.');
    const raw = await client.generate({
      model: 'm',
      prompt: 'Once upon a',
      raw: true,
      options: { temperature: 0, num_predict: 3 },
    });
    expect(raw).toMatchObject({ done: true, done_reason: 'length', eval_count: 3 });
  });

  it('gets JSON by a schema', async () => {
    const answer = await client.chat({
      model: 'm',
      messages,
      format: {
        type: 'object',
        properties: { city: { enum: ['Paris', 'Rome'] } },
        required: ['city'],
        additionalProperties: false,
      },
    });
    expect(JSON.parse(answer.message.content)).toEqual({ city: expect.stringMatching(/^(Paris|Rome)$/) });
  });

  it('takes calls and results of tools', async () => {
    const answer = await client.chat({
      model: 'm',
      options: { num_predict: 4 },
      tools: [
        {
          type: 'function',
          function: { name: 'now', description: 'The time', parameters: { type: 'object', properties: {} } },
        },
      ],
      messages: [
        ...messages,
        { role: 'assistant', content: '', tool_calls: [{ function: { name: 'now', arguments: {} } }] },
        { role: 'tool', content: 'noon', tool_name: 'now' },
      ],
    });
    expect(answer.done).toBe(true);
  });

  it('embeds', async () => {
    const { embeddings } = await client.embed({ model: 'm', input: ['one', 'two'] });
    expect(embeddings).toHaveLength(2);
    expect(Math.hypot(...embeddings[0])).toBeCloseTo(1, 4);
    expect((await client.embeddings({ model: 'm', prompt: 'one' })).embedding).toEqual(embeddings[0]);
  });

  it('learns what is served', async () => {
    const { models } = await client.list();
    expect(models).toMatchObject([
      { name: 'starling-demo-q8_0', details: { format: 'gguf', family: 'llama', quantization_level: 'Q8_0' } },
    ]);
    const shown = await client.show({ model: 'starling-demo-q8_0' });
    expect(shown.capabilities).toEqual(expect.arrayContaining(['completion', 'tools']));
    expect(shown.model_info).toMatchObject({
      'general.architecture': 'llama',
      'llama.context_length': expect.any(Number),
    });
    expect((await client.ps()).models).toHaveLength(1);
    expect((await client.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('pulls a model, finds it in the list, and deletes it', async () => {
    const name = 'owner/repo/demo-Q8_0.gguf';
    const told: { status: string; digest?: string; total?: number; completed?: number }[] = [];
    for await (const line of await client.pull({ model: 'hf.co/owner/repo:Q8_0', stream: true })) told.push(line);
    expect(told[0]).toEqual({ status: 'pulling manifest' });
    expect(told.at(-1)).toEqual({ status: 'success' });
    expect(told).toContainEqual({
      status: `pulling ${name}`,
      digest: name,
      total: modelBytes.length,
      completed: modelBytes.length,
    });
    expect(fs.readFileSync(path.join(home, 'models', name)).equals(modelBytes)).toBe(true);
    expect((await client.list()).models).toMatchObject([
      { name: 'starling-demo-q8_0' },
      { name, size: modelBytes.length, digest: sha256, details: { quantization_level: 'Q8_0' } },
    ]);
    expect(await client.pull({ model: 'hf.co/owner/repo:Q8_0' })).toEqual({ status: 'success' });
    await client.delete({ model: 'hf.co/owner/repo:Q8_0' });
    expect((await client.list()).models).toHaveLength(1);
    expect(fs.existsSync(path.join(home, 'models', name))).toBe(false);
  });

  it('is told what cannot be pulled or deleted, and why', async () => {
    await expect(client.pull({ model: 'llama3.2' })).rejects.toThrow('hf.co/OWNER/REPO');
    await expect(client.pull({ model: 'hf.co/owner/repo', insecure: true })).rejects.toThrow('insecure');
    await expect(client.pull({ model: 'hf.co/owner/other' })).rejects.toThrow('no such repository');
    await expect(async () => {
      for await (const line of await client.pull({ model: 'hf.co/owner/repo:Q4_0', stream: true })) void line;
    }).rejects.toThrow('no GGUF file of quantization Q4_0');
    await expect(client.delete({ model: 'none' })).rejects.toThrow('none');
    await expect(client.delete({ model: '../../etc/passwd' })).rejects.toThrow('has none of this name');
    await expect(client.delete({ model: 'starling-demo-q8_0' })).rejects.toThrow('is being served');
  });

  it('is told of errors as one text', async () => {
    const wrong = await post(`${server.url}/api/chat`, { model: 'm', messages: 'hello' });
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toEqual({ error: expect.stringContaining('messages') });
    await expect(client.chat({ model: 'm', messages, think: true })).rejects.toThrow('does not support thinking');
    await expect(client.generate({ model: 'm', prompt: 'a', suffix: 'b' })).rejects.toThrow('suffix');
  });
});
