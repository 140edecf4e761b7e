// Builds every library as it would be published, then tests the packed tarballs in an empty folder.
import { binOf, runNode } from '../run.mjs';
import { setUp } from '../setup.mjs';

setUp();
const built = runNode(binOf('nx'), ['run-many', '-t', 'build', '--projects=libs/*,server', '--outputStyle=static']);
if (built !== 0) process.exit(built);
process.exit(
  runNode(binOf('jest'), ['-c', 'tools/packages/jest.config.js', ...process.argv.slice(2)], {
    nodeFlags: ['--experimental-vm-modules', '--no-warnings'],
  }),
);
