// Bundles the compute worker's entry to libs/kernels/build, where the team finds it when it runs from the sources.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/** Writes the worker's bundle into a folder. The file appears whole: two builds at once do no harm. */
export async function buildWorker(folder) {
  const name = 'compute-worker.node.js';
  const entry = path.join(root, 'libs/kernels/src/compute-worker.node.ts');
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@starling/source'],
    logLevel: 'error',
  });
  fs.mkdirSync(folder, { recursive: true });
  const part = path.join(folder, `${name}.${process.pid}.part`);
  fs.writeFileSync(part, outputFiles[0].contents);
  fs.renameSync(part, path.join(folder, name));
}

if (process.argv[1] === import.meta.filename) await buildWorker(path.join(root, 'libs/kernels/build'));
