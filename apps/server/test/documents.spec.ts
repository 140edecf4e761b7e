import fs from 'node:fs';
import path from 'node:path';
import { isStarlingError } from '@starling/core';
import { METRICS } from '@starling/telemetry';
import { Command } from 'commander';
import { fakeIo } from '../src/cli-io.test-support.js';
import { COMMANDS } from '../src/cli/commands.js';
import { inOurWords } from '../src/cli/llama-server-line.js';
import { environmentName } from '../src/config/resolve-config.js';
import { SETTINGS } from '../src/config/settings.js';
import { DIALECTS } from '../src/dialects/all.js';
import { FAULTS_VARIABLE } from '../src/faults/fault-injection.js';
import { VLLM_METRICS } from '../src/vllm-metrics.js';

const root = path.resolve(import.meta.dirname, '../../..');
const read = (file: string) => fs.readFileSync(path.join(root, file), 'utf8');
const files = [
  'README.md',
  'apps/server/README.md',
  ...[
    'deployment',
    'troubleshooting',
    'security',
    'metrics',
    'api',
    'llama-server',
    'reliability',
    'getting-started',
    'migration',
  ].map((name) => `docs/${name}.md`),
];

const program = new Command('starling');
for (const register of COMMANDS) register(program, fakeIo(''));
const commands = program.commands.flatMap((command) => [command, ...command.commands]);
const flags = new Set([
  '--help',
  '--version',
  ...commands.flatMap(({ options }) => options.flatMap(({ long, short }) => [long, short])),
]);
/** Whether a command takes it, or `serve` does as a name that llama-server has for one of its own, or refuses it by name as one that has no meaning here. */
function isKnown(flag: string): boolean {
  try {
    return flags.has(flag) || flags.has(inOurWords([flag, 'x'])[0]);
  } catch (error) {
    return isStarlingError(error, 'invalid_argument');
  }
}
const variables = new Set([...Object.keys(SETTINGS).map(environmentName), FAULTS_VARIABLE, 'STARLING_HOME']);
const names = new Set(commands.map((command) => command.name()));
const paths = new Set([
  ...DIALECTS.flatMap(({ endpoints }) =>
    endpoints.flatMap((endpoint) => endpoint.paths.map((one) => one.replace(/:\w+/g, 'ID'))),
  ),
  '/health',
  '/ready',
  '/docs',
  '/openapi.json',
  '/',
]);

describe.each(files)('%s', (file) => {
  const text = read(file);

  it('names flags and commands that there are', () => {
    for (const [line] of text.matchAll(/(?:^|`)(?:npm run -s )?starling (?!\w+\.)[^`\n]*/gm)) {
      const [command] = /starling (?:-- )?([a-z]+)/.exec(line)?.slice(1) ?? [];
      if (command !== undefined) expect([...names]).toContain(command);
      for (const [, flag] of line.matchAll(/ (--[a-z][\w-]*)/g)) expect(isKnown(flag)).toBe(true);
    }
    // Flags by themselves: those of other programs stand beside these programs' names.
    for (const [, flag] of text.matchAll(/`(--[a-z][\w-]*)[^`]*`/g))
      expect({ flag, known: isKnown(flag) }).toEqual({ flag, known: true });
  });

  it('names settings of files and variables that there are', () => {
    for (const [, name] of text.matchAll(/`STARLING_([A-Z_]+)(?:=[^`]*)?`/g))
      expect([...variables]).toContain(`STARLING_${name}`);
  });

  it('names metrics that there are', () => {
    const known = (name: string) => name in METRICS || name.replace(/_(bucket|sum|count)$/, '') in METRICS;
    for (const [, name] of text.matchAll(/`starling_([a-z_]+)/g))
      if (name !== '') expect({ name, known: known(name) }).toEqual({ name, known: true });
    for (const [, name] of text.matchAll(/`vllm:([a-z_]+)/g)) expect(Object.keys(VLLM_METRICS)).toContain(name);
  });

  it('names paths that answer', () => {
    for (const [, found] of text.matchAll(/`(?:GET|POST|DELETE) (\/[^\s`?{]*)/g)) expect([...paths]).toContain(found);
  });

  it('points to files that are there', () => {
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect(fs.existsSync(path.resolve(root, path.dirname(file), target))).toBe(true);
    for (const [, target] of text.matchAll(/`((?:apps|libs|docs|tools)\/[\w./-]+\.\w+)`/g))
      expect(fs.existsSync(path.join(root, target))).toBe(true);
  });
});

describe('all documents', () => {
  const folders = ['.', 'docs', 'apps/server', 'tools/fixtures', ...below('libs'), ...below('examples')];
  const documents = folders.flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder))
      .filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md')
      .map((name) => path.join(folder, name)),
  );
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };

  it('name scripts, benches and programs that there are', () => {
    expect(documents.length).toBeGreaterThan(40);
    for (const file of documents) {
      const text = read(file);
      for (const [, name] of text.matchAll(/`npm run (?:-s )?([a-z][\w:-]*)/g))
        expect([file, Object.keys(scripts)]).toEqual([file, expect.arrayContaining([name])]);
      for (const [, name] of text.matchAll(/npm run bench -- ([a-z][\w-]*)/g))
        expect([file, fs.existsSync(path.join(root, 'tools/bench', name))]).toEqual([file, true]);
      for (const [, program] of text.matchAll(/^(?:node|npx tsx -C @starling\/source) ((?:examples|tools)\/\S+)/gm))
        expect([file, fs.existsSync(path.join(root, program))]).toEqual([file, true]);
    }
  });
});

function below(folder: string): string[] {
  return fs
    .readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => path.join(folder, name));
}
