import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { stream } from './support/client.js';
import { repositoryRoot, startServer, type RunningServer } from './support/starling-process.js';

const demoModel = path.join(repositoryRoot, 'apps/server/models/starling-demo-q8_0.gguf');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-e2e-admin-'));
const broken = path.join(folder, 'broken.gguf');
fs.writeFileSync(broken, fs.readFileSync(demoModel).subarray(0, 5000));
const copy = path.join(folder, 'copy.gguf');
fs.copyFileSync(demoModel, copy);

let server: RunningServer;
beforeAll(async () => void (server = await startServer(['--parallel', '2'])));
afterAll(async () => {
  await server.stop();
  fs.rmSync(folder, { recursive: true });
});

async function post(route: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${server.url}${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const generate = (model: string, more: object = {}) =>
  post('/v1/generate', { model, prompt: 'What is 2 + 3?', temperature: 0, max_tokens: 8, ...more });
const names = async () =>
  ((await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string; state: string }[] }).data.map(
    ({ id, state }) => `${id} ${state}`,
  );

describe('models of a server that runs', () => {
  it('are loaded beside the others, answer alike, and are unloaded', async () => {
    const [first] = await names();
    const firstName = first.split(' ')[0];
    expect(await post('/v1/models/load', { model: copy, name: 'second' })).toMatchObject({
      status: 200,
      body: {
        id: 'second',
        object: 'model',
        state: 'ready',
        file: copy,
        architecture: expect.any(String),
        weights_bytes: expect.any(Number),
      },
    });
    expect(await names()).toEqual([first, 'second ready']);
    const [one, two] = [await generate(firstName), await generate('second')];
    expect(two).toMatchObject({ status: 200, body: { model: 'second', tokens: one.body.tokens } });
    expect(await post('/v1/models/load', { model: copy, name: 'second' })).toMatchObject({
      status: 409,
      body: { error: { code: 'conflict', param: 'name' } },
    });
    expect(await post('/v1/models/unload', { name: 'second' })).toEqual({
      status: 200,
      body: { id: 'second', object: 'model', state: 'unloaded' },
    });
    expect(await names()).toEqual([first]);
    expect(await generate('second')).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_loaded', param: 'model' } },
    });
    expect(await post('/v1/models/unload', { name: 'second' })).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_loaded', param: 'name' } },
    });
  });

  it('end what they have begun before they go', async () => {
    await post('/v1/models/load', { model: copy });
    const running = stream(server.url, {
      model: 'copy',
      prompt: 'What is 2 + 3?',
      temperature: 0,
      max_tokens: 400,
      ignore_eos: true,
    });
    // Taken in before the model is told to go.
    expect(await running.next()).toMatchObject({ value: { event: 'token' } });
    const gone = post('/v1/models/unload', { name: 'copy' });
    let last: unknown;
    for await (const event of running) last = event;
    expect(last).toMatchObject({ event: 'done', data: { usage: { completion_tokens: 400 } } });
    expect(await gone).toMatchObject({ status: 200 });
  });

  it('are replaced without a gap, and stay where their successor cannot be loaded', async () => {
    await post('/v1/models/load', { model: copy, name: 'served' });
    const before = await generate('served');
    const reloading = post('/v1/models/reload', { name: 'served' });
    const during = await Promise.all(Array.from({ length: 4 }, () => generate('served')));
    expect(await reloading).toMatchObject({ status: 200, body: { id: 'served', state: 'ready', file: copy } });
    for (const answer of [...during, await generate('served')])
      expect(answer).toMatchObject({ status: 200, body: { tokens: before.body.tokens } });
    expect(await post('/v1/models/reload', { name: 'served', model: broken })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_model_file' } },
    });
    expect(await generate('served')).toMatchObject({ status: 200, body: { tokens: before.body.tokens } });
    expect(await post('/v1/models/reload', { name: 'served', model: demoModel })).toMatchObject({
      status: 200,
      body: { file: demoModel },
    });
    await post('/v1/models/unload', { name: 'served' });
  });

  it('that cannot be loaded are told of, and may be loaded again', async () => {
    expect(await post('/v1/models/load', { model: path.join(folder, 'none.gguf') })).toMatchObject({
      status: 404,
      body: { error: { code: 'file_not_found' } },
    });
    expect(await post('/v1/models/load', { model: broken, name: 'mended' })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_model_file' } },
    });
    expect(await names()).toContain('mended failed');
    expect(await post('/v1/models/load', { model: copy, name: 'mended' })).toMatchObject({ status: 200 });
    expect(await names()).toContain('mended ready');
    await post('/v1/models/unload', { name: 'mended' });
    expect(await post('/v1/models/load', { model: copy, nmae: 'x' })).toMatchObject({
      status: 400,
      body: { error: { param: 'nmae' } },
    });
  });
});
