// Lints everything: ESLint, then the checks that ESLint cannot make (file size, import cycles, tags and manifests).
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { binOf, readProjectGraph, root, runNode } from './run.mjs';
import { setUp } from './setup.mjs';

setUp();
readProjectGraph();
const lint = runNode(binOf('eslint'), process.argv.length > 2 ? process.argv.slice(2) : ['.']);
const loader = pathToFileURL(path.join(root, 'node_modules/tsx/dist/loader.mjs')).href;
const checks = runNode(path.join(root, 'tools/checks/all.ts'), [], { nodeFlags: ['--import', loader] });
process.exit(lint || checks);
