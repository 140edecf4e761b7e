// Builds the site of the documents into site/dist (`npm run site`), or serves it while one writes (`npm run site -- dev`): see site/src/build/main.ts.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runNode } from './run.mjs';
import { setUp } from './setup.mjs';

setUp();
const loader = pathToFileURL(path.join(root, 'node_modules/tsx/dist/loader.mjs')).href;
process.exit(
  runNode(path.join(root, 'site/src/build/main.ts'), process.argv.slice(2), {
    nodeFlags: ['--conditions=@starling/source', '--import', loader],
  }),
);
