import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Starling } from '@starling/engine';
import { until } from '../../../tools/jest/until.js';
import { generate, post, stream } from './support/client.js';
import { repositoryRoot, startServer, type RunningServer } from './support/starling-process.js';

const demoModel = path.join(repositoryRoot, 'apps/server/models/starling-demo-q8_0.gguf');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-e2e-pool-'));
const models = path.join(folder, 'models');
fs.mkdirSync(path.join(models, 'three'), { recursive: true });
for (const name of ['one.gguf', 'two.gguf', 'three/part-00001-of-00001.gguf'])
  fs.copyFileSync(demoModel, path.join(models, name));
fs.writeFileSync(path.join(models, 'broken.gguf'), fs.readFileSync(demoModel).subarray(0, 5000));

let server: RunningServer;
beforeAll(async () => {
  // One of these models has room, and no second one.
  const { totalBytes } = await Starling.estimate(demoModel, { contextLength: 64, maxSequences: 2 });
  const limits = [
    '--memory-limit',
    String(Math.floor(1.8 * totalBytes)),
    '--ctx-size',
    '64',
    '--parallel',
    '2',
    '--alias',
    'gpt-*=one',
  ];
  server = await startServer(['--models-dir', models, ...limits], { STARLING_HOME: folder });
});
afterAll(async () => {
  await server.stop();
  fs.rmSync(folder, { recursive: true });
});

const get = async <T>(route: string): Promise<T> => (await (await fetch(`${server.url}${route}`)).json()) as T;
const states = async () =>
  (await get<{ data: { id: string; state: string }[] }>('/v1/models')).data
    .map(({ id, state }) => `${id} ${state}`)
    .sort();
const inMemory = async () => (await get<{ models: { name: string; expires_at: string }[] }>('/api/ps')).models;

describe('models of a folder', () => {
  it('are there to be asked, and take no memory before they are', async () => {
    expect(await states()).toEqual(['broken unloaded', 'one unloaded', 'three unloaded', 'two unloaded']);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect(await inMemory()).toEqual([]);
    expect((await get<{ models: { name: string }[] }>('/api/tags')).models.map(({ name }) => name).sort()).toEqual([
      'broken',
      'one',
      'three',
      'two',
    ]);
  });

  it('can be looked at without being loaded', async () => {
    const show = async (model: string) =>
      (await post(`${server.url}/api/show`, { model })).json() as Promise<Record<string, unknown>>;
    const before = await show('one:latest');
    expect(before).toMatchObject({
      details: { family: 'llama', parameter_size: '2.7M', quantization_level: 'Q8_0' },
      model_info: { 'general.architecture': 'llama', 'llama.context_length': 512 },
      capabilities: ['completion', 'tools'],
    });
    expect(await show('broken')).toHaveProperty('error');
    expect(await inMemory()).toEqual([]);
  });

  it('are loaded by whoever names them, one after the other where memory holds one, and each request is answered by its own', async () => {
    const asked = Array.from({ length: 12 }, (_, i) => ['one', 'two', 'three', 'gpt-4'][i % 4]);
    const answers = await Promise.all(
      asked.map((model) => generate(server.url, { model, prompt: 'What is 2 + 3?', temperature: 0, max_tokens: 6 })),
    );
    expect(answers.map(({ model }) => model)).toEqual(asked.map((name) => (name === 'gpt-4' ? 'one' : name)));
    expect(new Set(answers.map(({ tokens }) => tokens.join())).size).toBe(1);
    expect(await inMemory()).toHaveLength(1);
  });

  it('are not taken away from an answer under way: the other request waits for its end', async () => {
    const events = stream(server.url, { model: 'one', prompt: 'a', ignore_eos: true, max_tokens: 40, seed: 1 });
    await events.next();
    const other = generate(server.url, { model: 'two', prompt: 'a', max_tokens: 2 });
    let last;
    for await (const event of events) last = event;
    expect(last).toMatchObject({ event: 'done', data: { finish_reason: 'length', usage: { completion_tokens: 40 } } });
    expect(await other).toMatchObject({ model: 'two' });
  });

  it('that cannot be loaded are told of to who asks, and nobody else notices', async () => {
    const { error } = (await (await post(`${server.url}/v1/generate`, { model: 'broken', prompt: 'a' })).json()) as {
      error: { code: string };
    };
    expect(error.code).toBe('invalid_model_file');
    expect(await generate(server.url, { model: 'two', prompt: 'a', max_tokens: 2 })).toMatchObject({ model: 'two' });
    expect((await post(`${server.url}/v1/generate`, { model: 'nobody', prompt: 'a' })).status).toBe(404);
  });

  it('stay as long as a request of Ollama says, and go when it says so', async () => {
    const chat = async (body: object) =>
      (await (await post(`${server.url}/api/chat`, { model: 'one', stream: false, ...body })).json()) as Record<
        string,
        unknown
      >;
    expect(await chat({ messages: [], keep_alive: '1h' })).toMatchObject({ done_reason: 'load' });
    await until(async () => Date.parse((await inMemory())[0].expires_at) > Date.now() + 3_000_000);
    expect(Date.parse((await inMemory())[0].expires_at)).toBeLessThanOrEqual(Date.now() + 3_600_000);
    await chat({ messages: [{ role: 'user', content: 'Hi' }], options: { num_predict: 2 }, keep_alive: -1 });
    await until(async () => (await inMemory())[0].expires_at.startsWith('9999'));
    expect(await chat({ messages: [], keep_alive: 0 })).toMatchObject({ done_reason: 'unload' });
    await until(async () => (await inMemory()).length === 0);
    expect(await states()).toContain('one sleeping');
    expect(await chat({ messages: [], keep_alive: 'soon' })).toHaveProperty('error');
  });

  it('can be loaded and unloaded by hand, and new files are found', async () => {
    fs.copyFileSync(demoModel, path.join(models, 'late.gguf'));
    await until(async () => (await states()).includes('late unloaded'));
    expect(await (await post(`${server.url}/v1/models/load`, { model: 'late' })).json()).toMatchObject({
      id: 'late',
      state: 'ready',
    });
    expect((await post(`${server.url}/v1/models/unload`, { name: 'late' })).status).toBe(200);
    expect(await states()).toContain('late unloaded');
  });

  it('that make room for a file that does not load come back', async () => {
    await generate(server.url, { model: 'one', prompt: 'a', max_tokens: 2 });
    const response = await post(`${server.url}/v1/models/reload`, {
      name: 'one',
      model: path.join(models, 'broken.gguf'),
    });
    expect(response.status).toBe(400);
    expect(await generate(server.url, { model: 'one', prompt: 'a', max_tokens: 2 })).toMatchObject({ model: 'one' });
    const [answers, reloaded] = await Promise.all([
      Promise.all(
        Array.from({ length: 6 }, () =>
          generate(server.url, { model: 'one', prompt: 'a', temperature: 0, max_tokens: 4 }),
        ),
      ),
      post(`${server.url}/v1/models/reload`, { name: 'one', model: path.join(models, 'two.gguf') }),
    ]);
    expect(reloaded.status).toBe(200);
    for (const answer of answers) expect(answer).toMatchObject({ model: 'one', usage: { completion_tokens: 4 } });
  });
});
