// Bundles the entries of worker threads, and the engine for pages, to the build folders of their libraries, where they are found by what runs from the sources.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const node = { platform: 'node', target: 'node20' };
const web = ['libs/engine', 'src/web/starling-web.ts', { platform: 'browser', target: 'es2022', minify: true }];
const WORKERS = [
  ['libs/gguf', 'src/convert-worker.node.ts', node],
  ['libs/kernels', 'src/compute-worker.node.ts', node],
  ['libs/engine', 'src/aside/aside-worker.node.ts', node],
  web,
];

/** Writes the bundles of all workers. */
export async function buildWorkers() {
  for (const [library, entry, options] of WORKERS) await bundle(library, entry, options);
}

/** The file appears whole: two builds at once do no harm. */
async function bundle(library, entry, options, folder = path.join(root, library, 'build')) {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, library, entry)],
    bundle: true,
    write: false,
    format: 'esm',
    ...options,
    conditions: ['@starling/source'],
    logLevel: 'error',
  });
  const name = path.basename(entry).replace(/\.ts$/, '.js');
  fs.mkdirSync(folder, { recursive: true });
  const part = path.join(folder, `${name}.${process.pid}.part`);
  fs.writeFileSync(part, outputFiles[0].contents);
  fs.renameSync(part, path.join(folder, name));
}

// `--web FOLDER`: the engine for pages alone, to where it is published from.
if (process.argv[1] === import.meta.filename) {
  const [option, folder] = process.argv.slice(2);
  if (option === '--web') await bundle(...web, path.resolve(folder));
  else await buildWorkers();
}
