import fs from 'node:fs';
import path from 'node:path';
import { libraryImports } from './library-imports.mjs';

interface Manifest {
  name?: string;
  type?: string;
  license?: string;
  sideEffects?: boolean;
  engines?: { node?: string };
  exports?: Record<string, string | Record<string, string>>;
  dependencies?: Record<string, string>;
}

const readJson = <T>(file: string): T => JSON.parse(fs.readFileSync(file, 'utf8')) as T;

/** Every project has its tags; every library a complete manifest, a README, a row in the import table, and dependencies that agree with it. */
export function checkProjects(
  root: string,
  allowed: Readonly<Record<string, readonly string[]>> = libraryImports,
): string[] {
  const problems: string[] = [];
  for (const group of ['apps', 'libs']) {
    if (!fs.existsSync(path.join(root, group))) continue;
    for (const name of fs.readdirSync(path.join(root, group))) {
      const folder = path.join(root, group, name);
      if (fs.existsSync(path.join(folder, 'package.json')))
        problems.push(...checkProject(folder, group, name, allowed));
    }
  }
  return problems;
}

function checkProject(
  folder: string,
  group: string,
  name: string,
  allowed: Readonly<Record<string, readonly string[]>>,
): string[] {
  const problems: string[] = [];
  const say = (problem: string): void => void problems.push(`${group}/${name}: ${problem}`);
  const projectFile = path.join(folder, 'project.json');
  const tags = fs.existsSync(projectFile) ? (readJson<{ tags?: string[] }>(projectFile).tags ?? []) : [];
  for (const prefix of ['type:', 'scope:', 'phase:'])
    if (!tags.some((tag) => tag.startsWith(prefix))) say(`no ${prefix} tag in project.json`);
  if (group !== 'libs') return problems;

  if (!tags.includes(`lib:${name}`)) say(`no lib:${name} tag in project.json`);
  const row = allowed[name];
  if (!row) return [...problems, `libs/${name}: no row in tools/checks/library-imports.mjs`];
  if (row.includes('*')) say('its row in the import table allows everything');
  const manifest = readJson<Manifest>(path.join(folder, 'package.json'));
  if (manifest.name !== `@starling/${name}`) say(`package name is ${manifest.name}, not @starling/${name}`);
  if (manifest.type !== 'module') say('package.json: "type" is not "module"');
  if (manifest.license !== 'MIT') say('package.json: no MIT license');
  if (manifest.sideEffects !== false) say('package.json: "sideEffects" is not false');
  if (!manifest.engines?.node) say('package.json: no engines.node');
  const main = manifest.exports?.['.'];
  if (typeof main !== 'object' || !main.types || !main.default)
    say('package.json: exports["."] needs types and default');
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    const library = /^@starling\/(.+)$/.exec(dependency)?.[1];
    if (library && !row.includes(library))
      say(`depends on ${dependency}, which its row in the import table does not allow`);
  }
  const readme = path.join(folder, 'README.md');
  if (!fs.existsSync(readme) || !/```ts\n/.test(fs.readFileSync(readme, 'utf8'))) say('README.md has no ```ts example');
  return problems;
}
