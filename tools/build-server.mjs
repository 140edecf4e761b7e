// Bundles the server into apps/server/dist: main.js, the compute worker, the chat page and the demo model beside it.
// It runs from there with no node_modules, and is what npm publishes as `starling`. A build is staged in a folder of its own and moved into place file by file,
// so that nobody ever sees a missing or half-written file; a lock keeps a second process from building the same again.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = path.resolve(import.meta.dirname, '..');
const app = path.join(root, 'apps/server');
const defaultDist = path.join(app, 'dist');
const stampName = 'build-stamp.json';
const lockName = '.lock';
/** A lock without an owner's id that is older than this was left by a process that died while taking it. */
const lockGraceMs = 10_000;

/** Builds unless `dist` was made from the sources as they are now; gives the main file's path. */
export async function ensureServer({ dist = defaultDist } = {}) {
  if (!isFresh(dist)) await withLock(dist, async () => void (isFresh(dist) || (await buildInto(dist))));
  return path.join(dist, 'main.js');
}

/** Builds in any case. */
export async function buildServer({ dist = defaultDist } = {}) {
  await withLock(dist, () => buildInto(dist));
}

function isFresh(dist) {
  try {
    const { inputs } = JSON.parse(fs.readFileSync(path.join(dist, stampName), 'utf8'));
    return (
      Object.entries(inputs).every(([file, seen]) => seen === fingerprint(file)) &&
      fs.existsSync(path.join(dist, 'main.js'))
    );
  } catch {
    return false;
  }
}

const fingerprint = (file) => {
  const { mtimeMs, size } = fs.statSync(path.join(root, file));
  return `${mtimeMs}:${size}`;
};

async function buildInto(dist) {
  const staging = path.join(dist, `.staging-${process.pid}`);
  removeAbandonedStagings(dist);
  fs.mkdirSync(staging, { recursive: true });
  try {
    const inputs = [...(await bundle(staging)), ...copyAssets(staging), ...describePackage(staging)];
    const stamp = Object.fromEntries([...new Set(inputs)].sort().map((file) => [file, fingerprint(file)]));
    const files = filesBelow(staging);
    const order = (file) => (file === 'main.js' ? 1 : 0);
    fs.rmSync(path.join(dist, stampName), { force: true });
    for (const file of files.sort((a, b) => order(a) - order(b))) {
      fs.mkdirSync(path.dirname(path.join(dist, file)), { recursive: true });
      fs.renameSync(path.join(staging, file), path.join(dist, file));
    }
    for (const file of filesBelow(dist)) {
      if (!files.includes(file) && !file.startsWith('.')) fs.rmSync(path.join(dist, file), { force: true });
    }
    fs.writeFileSync(path.join(dist, stampName), JSON.stringify({ inputs: stamp }));
  } finally {
    fs.rmSync(staging, { recursive: true, force: true });
  }
}

/** Writes the bundles; gives the files they were made from, relative to the root (packages stand for themselves by the lock file). */
async function bundle(staging) {
  const { build } = await import('esbuild');
  const { version } = JSON.parse(fs.readFileSync(path.join(app, 'package.json'), 'utf8'));
  const shared = {
    bundle: true,
    format: 'esm',
    metafile: true,
    logLevel: 'error',
    absWorkingDir: root,
    conditions: ['@starling/source'],
  };
  const node = {
    ...shared,
    platform: 'node',
    target: 'node20',
    // CommonJS packages inside the bundle ask for Node's modules by require().
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
  };
  const results = await Promise.all([
    build({
      ...node,
      entryPoints: {
        main: 'apps/server/src/main.ts',
        'compute-worker.node': 'libs/kernels/src/compute-worker.node.ts',
        'aside-worker.node': 'libs/engine/src/aside/aside-worker.node.ts',
        'convert-worker.node': 'libs/gguf/src/convert-worker.node.ts',
      },
      define: { 'process.env.STARLING_BUILD_VERSION': JSON.stringify(version) },
      outdir: staging,
    }),
    build({
      ...shared,
      platform: 'browser',
      target: 'es2022',
      minify: true,
      entryPoints: {
        'web/chat': 'apps/server/src/web/chat.ts',
        'web/style': 'apps/server/src/web/style.css',
        'web/starling-web': 'libs/engine/src/web/starling-web.ts',
      },
      outdir: staging,
    }),
  ]);
  const sources = results
    .flatMap(({ metafile }) => Object.keys(metafile.inputs))
    .filter((file) => !file.includes('node_modules/'));
  return [...sources, 'package-lock.json', 'apps/server/package.json', 'tools/build-server.mjs'];
}

/** Copies what is served or loaded as it stands; gives the files, relative to the root. */
function copyAssets(staging) {
  const assets = [
    ['apps/server/src/web', 'web', (name) => /\.(html|svg|png|ico|webmanifest)$/.test(name)],
    ['apps/server/models', 'models', () => true],
  ];
  return assets.flatMap(([from, to, isWanted]) =>
    fs
      .readdirSync(path.join(root, from))
      .filter(isWanted)
      .map((name) => {
        fs.mkdirSync(path.join(staging, to), { recursive: true });
        fs.copyFileSync(path.join(root, from, name), path.join(staging, to, name));
        return `${from}/${name}`;
      }),
  );
}

/** Makes a package of it, whose command is the server; gives the files it was made from, relative to the root. */
function describePackage(staging) {
  const { version, license, type, engines, publishConfig } = JSON.parse(
    fs.readFileSync(path.join(app, 'package.json'), 'utf8'),
  );
  const description =
    'An LLM server in pure TypeScript: GGUF models over the APIs of OpenAI, Anthropic, Ollama and llama-server, with a chat page';
  const files = ['*.js', 'web', 'models'];
  const keywords = ['llm', 'server', 'gguf', 'openai', 'chat'];
  const manifest = {
    name: 'starling',
    version,
    description,
    license,
    type,
    engines,
    bin: { starling: 'main.js' },
    files,
    publishConfig,
    keywords,
  };
  fs.writeFileSync(path.join(staging, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const copies = [
    ['apps/server/npm/README.md', 'README.md'],
    ['LICENSE', 'LICENSE'],
  ];
  for (const [from, to] of copies) fs.copyFileSync(path.join(root, from), path.join(staging, to));
  return copies.map(([from]) => from);
}

function filesBelow(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)));
}

function removeAbandonedStagings(dist) {
  for (const name of fs.readdirSync(dist)) {
    const pid = /^\.staging-(\d+)$/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) fs.rmSync(path.join(dist, name), { recursive: true, force: true });
  }
}

async function withLock(dist, work) {
  const lock = path.join(dist, lockName);
  fs.mkdirSync(dist, { recursive: true });
  while (!takeLock(lock)) await sleep(50);
  try {
    await work();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

function takeLock(lock) {
  try {
    fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (isAbandoned(lock)) fs.rmSync(lock, { force: true });
    return false;
  }
}

function isAbandoned(lock) {
  try {
    const pid = Number(fs.readFileSync(lock, 'utf8'));
    return pid > 0 ? !isAlive(pid) : Date.now() - fs.statSync(lock).mtimeMs > lockGraceMs;
  } catch {
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

if (process.argv[1] === import.meta.filename) await buildServer();
