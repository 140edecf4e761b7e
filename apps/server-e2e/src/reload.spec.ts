import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../../tools/jest/until.js';
import { post, stream } from './support/client.js';
import { repositoryRoot, startServer, type RunningServer } from './support/starling-process.js';

const demoModel = path.join(repositoryRoot, 'apps/server/models/starling-demo-q8_0.gguf');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-e2e-reload-'));
const second = path.join(folder, 'second.gguf');
fs.copyFileSync(demoModel, second);
const file = path.join(folder, 'starling.yaml');
const write = (config: object) => fs.writeFileSync(file, JSON.stringify(config));
const first = { admin_api_key: 'one', model: demoModel, port: 0 };

let server: RunningServer;
beforeAll(async () => {
  write(first);
  server = await startServer(['--config', file], { STARLING_HOME: folder });
});
afterAll(async () => {
  await server.stop();
  fs.rmSync(folder, { recursive: true });
});

const withKey = (key: string) => ({ headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` } });
const status = async (key: string, model?: string) =>
  (await post(`${server.url}/v1/tokenize`, { text: 'a', model }, withKey(key))).status;
const logged = (text: string) =>
  server
    .stderr()
    .split('\n')
    .filter((line) => line.includes(text)).length;

describe('a configuration that changes while the server runs', () => {
  it('changes keys, models, their names and the level of the log, and no request is lost by it', async () => {
    const events = stream(server.url, { prompt: 'a', ignore_eos: true, max_tokens: 200, seed: 1 }, undefined, 'one');
    await events.next();
    expect([await status('one'), await status('two'), await status('one', 'second')]).toEqual([200, 401, 404]);
    write({ ...first, admin_api_key: ['two'], model: [demoModel, second], alias: 'gpt-*=second', log_level: 'debug' });
    server.signal('SIGHUP');
    await until(() => logged('the configuration was read again') > 0);
    expect([
      await status('one'),
      await status('two'),
      await status('two', 'second'),
      await status('two', 'gpt-4'),
    ]).toEqual([401, 200, 200, 200]);
    let last;
    for await (const event of events) last = event;
    expect(last).toMatchObject({ event: 'done', data: { usage: { completion_tokens: 200 } } });
    expect(logged('"level":"debug"')).toBeGreaterThan(0);
  });

  it('is followed without a signal; models that are no more in it go, and what waits for a restart is named', async () => {
    write({ ...first, admin_api_key: ['two'], parallel: 3, queue_limit: 7 });
    await until(() => logged('"settings":["parallel"]') > 0);
    expect([await status('two', 'second'), await status('two')]).toEqual([404, 200]);
    expect(await (await fetch(`${server.url}/v1/status`, withKey('two'))).text()).toContain('"queue_limit":7');
  });

  it('that is wrong changes nothing, and says why', async () => {
    fs.writeFileSync(file, 'admin_api_key: three\nprot: 1\n');
    await until(() => logged('the configuration stays as it was') > 0);
    expect(server.stderr()).toContain('unknown key');
    fs.writeFileSync(file, '# nothing\n');
    await until(() => logged('the configuration has no keys any more') > 0);
    expect([await status('two'), await status('three')]).toEqual([200, 401]);
  });
});
