// Writes the documents that are made from the sources: docs/architectures.md, docs/metrics.md, docs/configuration.md and its schema.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runNode } from './run.mjs';
import { setUp } from './setup.mjs';

setUp();
const loader = pathToFileURL(path.join(root, 'node_modules/tsx/dist/loader.mjs')).href;
const writers = [
  'libs/transformer/test/docs/write.ts',
  'apps/server/src/config/docs/write.ts',
  'libs/telemetry/test/docs/write.ts',
];
const codes = writers.map((writer) =>
  runNode(path.join(root, writer), [], { nodeFlags: ['--conditions=@starling/source', '--import', loader] }),
);
process.exit(Math.max(...codes));
