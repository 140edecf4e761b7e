// Runs a benchmark: `npm run bench -- NAME [ARGS]`. Each lies in tools/bench/NAME/main.ts and prints ratios to a yardstick of the same run.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildWorkers } from './build-worker.mjs';
import { root, runNode } from './run.mjs';
import { setUp } from './setup.mjs';

const folder = path.join(root, 'tools/bench');
const names = fs.readdirSync(folder).filter((name) => fs.existsSync(path.join(folder, name, 'main.ts')));
const [name, ...args] = process.argv.slice(2);
if (!name || !names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [ARGS]\nbenchmarks: ${names.join(', ')}`);
  process.exit(name ? 2 : 0);
}
setUp();
await buildWorkers();
const loader = pathToFileURL(path.join(root, 'node_modules/tsx/dist/loader.mjs')).href;
process.exit(
  runNode(path.join(folder, name, 'main.ts'), args, {
    nodeFlags: ['--conditions=@starling/source', '--import', loader, '--no-warnings'],
  }),
);
