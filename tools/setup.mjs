// Everything a fresh clone needs before start, test or build: dependencies as the lock file names them. Needs Node and npm alone.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/** Whether node_modules holds every package of the lock file in its version (platform-specific optional ones aside). */
function isInstalled() {
  const read = (file) => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')).packages;
  try {
    const installed = read('node_modules/.package-lock.json');
    return Object.entries(read('package-lock.json')).every(([name, { version, optional, peer, link }]) => {
      if (!name.startsWith('node_modules/') || optional || peer) return true;
      return link ? fs.existsSync(path.join(root, name)) : installed[name]?.version === version;
    });
  } catch {
    return false;
  }
}

/** Installs what is missing. Everything is said on stderr, so that commands keep stdout for their results. */
export function setUp() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Starling needs Node 20.19 or newer; this is ${process.version}.`);
    process.exit(1);
  }
  if (isInstalled()) return;
  console.error('Installing dependencies (npm ci) ...');
  const windows = process.platform === 'win32';
  const { status } = spawnSync(windows ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: windows,
  });
  if (status !== 0) {
    console.error('npm ci failed: see its message above, then run this command again.');
    process.exit(1);
  }
}

if (process.argv[1] === import.meta.filename) setUp();
