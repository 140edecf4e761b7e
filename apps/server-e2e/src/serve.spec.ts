import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '../../../tools/jest/until.js';
import { generate, post, stream, user } from './support/client.js';
import { repositoryRoot, starling, startServer } from './support/starling-process.js';

const demoModel = path.join(repositoryRoot, 'apps/server/models/starling-demo-q8_0.gguf');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-e2e-'));
const file = (name: string, content: string | Uint8Array) => {
  const target = path.join(scratch, name);
  fs.writeFileSync(target, content);
  return target;
};
afterAll(() => fs.rmSync(scratch, { recursive: true }));

describe('starling serve', () => {
  it('says on stdout, in one line, where it listens and what to try, and exits 0 on SIGTERM', async () => {
    const server = await startServer();
    const lines = server.stdout().trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`curl ${server.url}/v1/generate`);
    expect(await (await fetch(`${server.url}/ready`)).json()).toMatchObject({ status: 'ready' });
    const { code } = await server.stop('SIGTERM');
    expect(code).toBe(0);
  });

  it('lets an answer under way end, and takes no new one', async () => {
    const server = await startServer(['--drain-seconds', '600']);
    // So many that they are under way for long after the signal.
    const streams = Array.from({ length: 16 }, (_, seed) =>
      stream(server.url, { messages: user('Tell me a story about a fox.'), ignore_eos: true, max_tokens: 400, seed }),
    );
    await Promise.all(streams.map((events) => events.next()));
    server.signal('SIGTERM');
    server.signal('SIGTERM');
    await until(async () => (await fetch(`${server.url}/ready`)).status === 503);
    const refused = await post(`${server.url}/v1/generate`, { prompt: 'a' });
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([
      503,
      expect.stringMatching(/^\d+$/),
      expect.objectContaining({ error: expect.objectContaining({ code: 'shutting_down' }) }),
    ]);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const lasts = await Promise.all(
      streams.map(async (events) => {
        let last = '';
        for await (const { event } of events) last = event;
        return last;
      }),
    );
    expect(lasts).toEqual(streams.map(() => 'done'));
    expect((await server.stop()).code).toBe(0);
  });

  it('is not ready at once but serves for as long as balancers may take to notice; a second signal ends all', async () => {
    const server = await startServer(['--shutdown-delay', '3600', '--drain-seconds', '3600']);
    const events = stream(server.url, { prompt: 'a', ignore_eos: true });
    await events.next();
    server.signal('SIGTERM');
    await until(async () => (await fetch(`${server.url}/ready`)).status === 503);
    expect(await generate(server.url, { prompt: 'a', max_tokens: 1 })).toMatchObject({
      usage: { completion_tokens: 1 },
    });
    // One that comes at once is the same, passed on by a parent.
    const repeat = setInterval(() => server.signal('SIGTERM'), 50);
    expect((await server.stop().finally(() => clearInterval(repeat))).code).toBe(0);
  });

  it('exits 0 however often, and however late, it is told to end', async () => {
    const server = await startServer();
    const repeat = setInterval(() => server.signal('SIGTERM'), 1);
    const { code } = await server.stop('SIGTERM').finally(() => clearInterval(repeat));
    expect(code).toBe(0);
  });

  it('ends answers that take longer than the drain with an error event', async () => {
    // No answer comes to the end of such a context by then.
    const server = await startServer(['--drain-seconds', '0', '--ctx-size', '65536']);
    const streams = Array.from({ length: 8 }, (_, i) => stream(server.url, { prompt: 'a', ignore_eos: true, seed: i }));
    await Promise.all(streams.map((events) => events.next()));
    const stopped = server.stop('SIGINT');
    const lasts = await Promise.all(
      streams.map(async (events) => {
        let last;
        for await (const event of events) last = event;
        return last;
      }),
    );
    for (const last of lasts)
      expect(last).toMatchObject({ event: 'error', data: { error: { code: 'shutting_down', type: 'server_error' } } });
    expect((await stopped).code).toBe(0);
  });

  it('asks for keys, from flags, files and the environment', async () => {
    const server = await startServer(['--api-keys-file', file('keys', '# keys\nfrom-file\n')], {
      STARLING_API_KEY: 'from-environment',
    });
    const status = async (key?: string) =>
      (
        await post(
          `${server.url}/v1/tokenize`,
          { text: 'a' },
          { headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) } },
        )
      ).status;
    expect(server.stdout()).toContain("-H 'authorization: Bearer YOUR_KEY'");
    expect([
      await status(),
      await status('wrong'),
      await status('from-file'),
      await status('from-environment'),
    ]).toEqual([401, 401, 200, 200]);
    await server.stop();
  });

  it('serves several models by name, and lists them', async () => {
    const copy = file('other.gguf', fs.readFileSync(demoModel));
    const server = await startServer(['-m', demoModel, '-m', copy]);
    const list = (await (await fetch(`${server.url}/v1/models`)).json()) as {
      data: { id: string; state: string; architecture: string }[];
    };
    expect(list.data).toMatchObject([
      { id: 'starling-demo-q8_0', state: 'ready', architecture: 'llama', quantization: 'Q8_0', context_length: 512 },
      { id: 'other', state: 'ready' },
    ]);
    expect(await generate(server.url, { prompt: 'a', model: 'other', max_tokens: 2 })).toMatchObject({
      model: 'other',
    });
    await server.stop();
  });

  it.each([
    [['--port', 'eighty'], 2, '--port'],
    [['--port', '70000'], 2, '65535'],
    [['--log-level', 'loud'], 2, '--log-level'],
    [['--config', 'no-such-file.json'], 2, 'no-such-file.json'],
    [['--nonsense'], 2, '--nonsense'],
    [['-m', 'no-such-model.gguf'], 1, 'no-such-model.gguf'],
    [['--ctx-size', '-5'], 2, '--ctx-size'],
  ])('refuses %j with exit code %d and one clear line', async (args, code, mention) => {
    const result = await starling(['serve', '--port', '0', ...args]);
    expect(result.code).toBe(code);
    expect(result.stdout).toBe('');
    expect(result.stderr).toContain(mention);
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });

  // Builds for use do not fail on purpose.
  it.each([
    ['STARLING_THREADS', 'many'],
    ['STARLING_FAULTS', 'step_throws@1'],
  ])('refuses a wrong environment, naming the variable (%s)', async (name, value) => {
    const result = await starling(['serve', '--port', '0'], { environment: { [name]: value } });
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining(name) as string });
  });
});

describe('a hostile model file', () => {
  const whole = fs.readFileSync(demoModel);
  const patched = (offset: number, bytes: number[]) => {
    const copy = Buffer.from(whole);
    copy.set(bytes, offset);
    return copy;
  };
  const files: [string, Buffer][] = [
    ['empty.gguf', Buffer.alloc(0)],
    ['text.gguf', Buffer.from('this is not a model at all, only a text that pretends')],
    ['cut-header.gguf', whole.subarray(0, 1000)],
    ['cut-data.gguf', whole.subarray(0, whole.length - 5000)],
    ['version.gguf', patched(4, [99, 0, 0, 0])],
    ['tensor-count.gguf', patched(8, [255, 255, 255, 255, 255, 255, 255, 127])],
    ['value-count.gguf', patched(16, [255, 255, 255, 255, 255, 255, 255, 127])],
    [
      'architecture.gguf',
      patched(whole.indexOf('llama', whole.indexOf('general.architecture')), [...Buffer.from('xyzzy')]),
    ],
  ];

  it.each(files)('%s: one clear line that names it, exit code 1', async (name, bytes) => {
    const target = file(name, bytes);
    const result = await starling(['serve', '--port', '0', '-m', target]);
    expect(result.code).toBe(1);
    expect(result.stdout).toBe('');
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(result.stderr).toContain(name);
  });
});
