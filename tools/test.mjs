// Runs the tests: all projects, or those whose folders are given, with further arguments handed to Jest.
// Workers run from built files, so the compute worker is bundled first.
import fs from 'node:fs';
import path from 'node:path';
import { binOf, root, runNode } from './run.mjs';
import { setUp } from './setup.mjs';

setUp();
// Only now: it needs what was installed.
const { buildWorkers } = await import('./build-worker.mjs');
await buildWorkers();

const isProject = (argument) => fs.existsSync(path.join(root, argument, 'jest.config.js'));
const args = process.argv.slice(2);
const projects = args.filter(isProject).map((folder) => path.join(root, folder));
const rest = args.filter((argument) => !isProject(argument));

process.exit(
  runNode(
    binOf('jest'),
    ['-c', 'jest.config.js', ...(projects.length > 0 ? ['--projects', ...projects] : []), ...rest],
    {
      nodeFlags: ['--experimental-vm-modules', '--no-warnings'],
    },
  ),
);
