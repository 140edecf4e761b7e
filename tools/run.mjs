// Runs one of the workspace's tools (jest, tsc, nx ...) with the settings that the workspace fixes for it.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/** The script behind a package's command, for example `binOf('jest', 'jest')`. */
export function binOf(packageName, command = packageName) {
  // Not by resolution: a package need not export its manifest.
  const manifestFile = path.join(root, 'node_modules', packageName, 'package.json');
  const { bin } = require(manifestFile);
  return path.join(path.dirname(manifestFile), typeof bin === 'string' ? bin : bin[command]);
}

/** Runs a Node script in the foreground and gives its exit code (1 if a signal ended it). */
export function runNode(script, args, { nodeFlags = [], env = {}, cwd = root } = {}) {
  const { status } = spawnSync(process.execPath, [...nodeFlags, script, ...args], {
    cwd,
    stdio: 'inherit',
    env: { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true', ...env },
  });
  return status ?? 1;
}

/** Makes Nx read the workspace, once: the lint rule on imports looks at what it found, and is silently skipped without. */
export function readProjectGraph() {
  spawnSync(process.execPath, [binOf('nx'), 'show', 'projects'], {
    cwd: root,
    stdio: 'ignore',
    env: { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true' },
  });
}
