// The `starling` command of the repository: `npm run -s starling -- ARGS`. Installs and builds what is missing, then runs it in this process.
import { pathToFileURL } from 'node:url';
import { ensureServer } from './build-server.mjs';
import { followParent } from './follow-parent.mjs';
import { setUp } from './setup.mjs';

followParent();
setUp();
let main;
try {
  main = await ensureServer();
} catch (error) {
  console.error(`starling: the server could not be built: ${error.message}`);
  process.exit(1);
}
await import(pathToFileURL(main).href);
