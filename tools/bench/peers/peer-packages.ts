import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname;

/** The peers that this benchmark runs, at the versions it was written for. */
const NATIVE = ['node-llama-cpp@3.22.1', '@node-llama-cpp/linux-x64@3.22.1'];
const BROWSER = ['@wllama/wllama@3.8.1'];

/**
 * Instruction-set classes of node-llama-cpp: it carries a CPU library for each and picks the best the machine supports,
 * so a copy of its package with the better ones removed stands for a lesser machine.
 */
export const NATIVE_CLASSES = {
  best: [],
  'avx512+vnni': ['sapphirerapids'],
  'avx2+vnni': ['sapphirerapids', 'zen4', 'cooperlake', 'icelake', 'cannonlake', 'cascadelake', 'skylakex'],
  avx2: ['sapphirerapids', 'zen4', 'cooperlake', 'icelake', 'cannonlake', 'cascadelake', 'skylakex', 'alderlake'],
} as const satisfies Record<string, readonly string[]>;

export type NativeClass = keyof typeof NATIVE_CLASSES;

/** Installs the peers into this folder's node_modules when they are not there; the workspace itself never depends on them. */
export function installPeers(packages: readonly string[] = [...NATIVE, ...BROWSER]): void {
  if (packages.every((name) => fs.existsSync(path.join(here, 'node_modules', name.replace(/(?<=.)@[^@]*$/, '')))))
    return;
  console.error('Installing the peers into tools/bench/peers ...');
  execFileSync(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', ...packages],
    { cwd: here, stdio: ['ignore', 2, 2] },
  );
}

/** The same for those that run in a browser alone. */
export const installBrowserPeers = (): void => installPeers(BROWSER);

/** A folder with node-llama-cpp limited to a class of machine. The copy shares files with the original by hard links. */
export function nativeFolder(name: NativeClass): string {
  const removed: readonly string[] = NATIVE_CLASSES[name];
  if (removed.length === 0) return here;
  const folder = path.join(here, 'node_modules/.classes', name);
  if (!fs.existsSync(folder)) {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'package.json'), '{}');
    fs.mkdirSync(path.join(folder, 'node_modules'));
    for (const entry of fs.readdirSync(path.join(here, 'node_modules'))) {
      if (entry.startsWith('.')) continue;
      execFileSync('cp', ['-rl', path.join(here, 'node_modules', entry), path.join(folder, 'node_modules', entry)]);
    }
    const bins = path.join(folder, 'node_modules/@node-llama-cpp/linux-x64/bins/linux-x64');
    for (const library of removed) fs.rmSync(path.join(bins, `libggml-cpu-${library}.so`), { force: true });
  }
  return folder;
}
