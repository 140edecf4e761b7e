import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';
import { repositoryRoot } from './support/starling-process.js';

const run = promisify(execFile);
const dist = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'starling-build-')), 'dist');
afterAll(() => fs.rmSync(path.dirname(dist), { recursive: true }));

/** Makes sure of the build in a process of its own, then runs it from there. */
async function ensureAndRun(): Promise<string> {
  const builder = pathToFileURL(path.join(repositoryRoot, 'tools/build-server.mjs')).href;
  const script = `const { ensureServer } = await import(${JSON.stringify(builder)}); console.log(await ensureServer({ dist: ${JSON.stringify(dist)} }));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
  const main = stdout.trim();
  return (await run(process.execPath, [main, '--version'], { cwd: os.tmpdir() })).stdout;
}

describe('the bundle', () => {
  it('is built once by processes that want it at the same time, and runs with no node_modules in reach', async () => {
    const versions = await Promise.all([ensureAndRun(), ensureAndRun(), ensureAndRun()]);
    expect(new Set(versions)).toEqual(new Set([expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]));
    expect(fs.readdirSync(dist).sort()).toEqual([
      'LICENSE',
      'README.md',
      'aside-worker.node.js',
      'build-stamp.json',
      'compute-worker.node.js',
      'convert-worker.node.js',
      'main.js',
      'models',
      'package.json',
      'web',
    ]);
    expect(fs.readdirSync(path.join(dist, 'web')).sort()).toEqual([
      'chat.js',
      'index.html',
      'starling-web.js',
      'starling.svg',
      'style.css',
    ]);
    const builtAt = fs.statSync(path.join(dist, 'main.js')).mtimeMs;
    await ensureAndRun();
    expect(fs.statSync(path.join(dist, 'main.js')).mtimeMs).toBe(builtAt);
  });

  it('is taken over from a process that died while it built', async () => {
    fs.rmSync(path.join(dist, 'build-stamp.json'));
    fs.writeFileSync(path.join(dist, '.lock'), '999999999');
    fs.mkdirSync(path.join(dist, '.staging-999999999'));
    await ensureAndRun();
    expect(fs.readdirSync(dist)).not.toContain('.lock');
    expect(fs.readdirSync(dist)).not.toContain('.staging-999999999');
  });
});

describe('the image', () => {
  const dockerfile = fs.readFileSync(path.join(repositoryRoot, 'apps/server/deploy/Dockerfile'), 'utf8');
  const [, runtime] = dockerfile.split(/^FROM (?=gcr)/m);
  const list = (instruction: string) =>
    JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(runtime)![1]) as string[];

  it('starts what it copies with nothing of its own to write to, and no rights where they can be given up', async () => {
    expect(/^COPY --from=build \/src\/(\S+) \/starling$/m.exec(runtime)?.[1]).toBe('apps/server/dist');
    const [node, main] = list('ENTRYPOINT');
    expect([node, path.dirname(main)]).toEqual(['/nodejs/bin/node', '/starling']);
    const folder = path.dirname(dist);
    const [copy, cache] = [path.join(folder, 'starling'), path.join(folder, 'cache')];
    fs.cpSync(dist, copy, { recursive: true });
    fs.mkdirSync(cache);
    fs.chmodSync(cache, 0o777);
    for (const entry of fs.readdirSync(copy, { recursive: true, withFileTypes: true }))
      fs.chmodSync(path.join(entry.parentPath, entry.name), entry.isDirectory() ? 0o555 : 0o444);
    for (const one of [copy, folder]) fs.chmodSync(one, 0o555);
    // As its base has it: `nonroot`. Node itself may lie where only root finds it.
    const others = fs.statSync(process.execPath).mode & 0o001 && !process.execPath.startsWith(os.homedir());
    const user = process.getuid?.() === 0 && others ? { uid: 65532, gid: 65532 } : {};
    const set = Object.fromEntries(
      [.../^ENV (.+)$/m.exec(runtime)![1].matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
    );
    const env = {
      ...set,
      XDG_CACHE_HOME: cache,
      STARLING_API_KEY: 'secret',
      STARLING_HOST: '127.0.0.1',
      STARLING_PORT: '0',
    };
    const child = spawn(process.execPath, [path.join(copy, path.basename(main)), ...list('CMD')], {
      cwd: '/',
      env,
      ...user,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit');
    try {
      const said = { out: '', err: '' };
      child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.err += text));
      const url = await new Promise<string>((resolve, reject) => {
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          said.out += text;
          const found = /listens on (http:\/\/\S+)/.exec(said.out)?.[1];
          if (found !== undefined) resolve(found);
        });
        void ended.then(() => reject(new ReferenceError(`it ended: ${said.err}`)));
      });
      const answer = await fetch(`${url}/v1/generate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer secret' },
        body: JSON.stringify({ prompt: 'What is 2 + 3?', max_tokens: 4 }),
      });
      expect(answer.status).toBe(200);
      child.kill(/^STOPSIGNAL (\w+)$/m.exec(runtime)![1] as NodeJS.Signals);
      expect((await ended)[0]).toBe(0);
    } finally {
      child.kill('SIGKILL');
      for (const one of [folder, copy, ...fs.readdirSync(copy).map((name) => path.join(copy, name))])
        fs.chmodSync(one, 0o755);
    }
  });
});
