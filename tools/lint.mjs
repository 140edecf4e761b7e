// Lints everything: Biome's formatting, ESLint, then the checks that ESLint cannot make (file size, import cycles, tags and manifests), then knip: what is exported, depended on or there, and used by nobody.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { binOf, readProjectGraph, root, runNode } from './run.mjs';
import { setUp } from './setup.mjs';

setUp();
readProjectGraph();
// The types of the whole workspace take more than Node's own limit of memory.
const lint = runNode(binOf('eslint'), process.argv.length > 2 ? process.argv.slice(2) : ['.'], {
  nodeFlags: ['--max-old-space-size=8192'],
});
const unformatted = runNode(binOf('@biomejs/biome', 'biome'), ['format', '.']);
const loader = pathToFileURL(path.join(root, 'node_modules/tsx/dist/loader.mjs')).href;
const checks = runNode(path.join(root, 'tools/checks/all.ts'), [], { nodeFlags: ['--import', loader] });
const unused = runNode(binOf('knip'), ['--no-progress', '--no-config-hints']);
process.exit(unformatted || lint || checks || unused);
