import { execFile } from 'node:child_process';
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
