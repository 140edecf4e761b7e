import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { checkFileSize } from './file-size.js';
import { checkImportCycles } from './import-cycles.js';
import { checkProjects } from './projects.js';

const folders: string[] = [];

/** A small tree of files in a temporary folder. */
function tree(files: Record<string, string>): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'checks-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  return root;
}

afterAll(() => folders.forEach((folder) => fs.rmSync(folder, { recursive: true })));

describe('file size', () => {
  const long = 'export {};\n'.repeat(451);

  it('fails a source file of more than 450 lines, and lets tables and listed files be', () => {
    const root = tree({
      'libs/a/src/big.ts': long,
      'libs/a/src/grid.table.ts': long,
      'libs/a/src/small.ts': 'export {};\n',
    });
    expect(checkFileSize(root, {})).toEqual(['libs/a/src/big.ts: 451 lines, at most 450: split it by subject']);
    expect(checkFileSize(root, { 'libs/a/src/big.ts': 'generated' })).toEqual([]);
  });

  it('fails an exception that is not needed', () => {
    const root = tree({ 'libs/a/src/small.ts': 'export {};\n' });
    expect(checkFileSize(root, { 'libs/a/src/small.ts': 'x', 'libs/a/src/gone.ts': 'x' })).toHaveLength(2);
  });
});

describe('import cycles', () => {
  it('finds a cycle of type imports', () => {
    const root = tree({
      'libs/a/src/one.ts': "import type { Two } from './two.js';\nexport type One = Two;\n",
      'libs/a/src/two.ts': "export type { One } from './one.js';\nexport type Two = 2;\n",
    });
    expect(checkImportCycles(root)).toEqual([expect.stringContaining('one.ts')]);
  });

  it('finds a cycle through a library face', () => {
    const root = tree({
      'libs/a/src/index.ts': "export { one } from './one.js';\n",
      'libs/a/src/one.ts': "import { two } from '@starling/b';\nexport const one = two;\n",
      'libs/b/src/index.ts': "import { one } from '@starling/a';\nexport const two = one;\n",
    });
    expect(checkImportCycles(root)).toHaveLength(1);
  });

  it('passes a tree without one', () => {
    expect(
      checkImportCycles(tree({ 'libs/a/src/one.ts': "import './two.js';\n", 'libs/a/src/two.ts': 'export {};\n' })),
    ).toEqual([]);
  });
});

describe('projects', () => {
  const manifest = {
    name: '@starling/a',
    type: 'module',
    license: 'MIT',
    sideEffects: false,
    engines: { node: '>=20.19' },
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  };
  const project = { tags: ['type:lib', 'scope:text', 'phase:1', 'lib:a'] };
  const good = {
    'libs/a/package.json': JSON.stringify(manifest),
    'libs/a/project.json': JSON.stringify(project),
    'libs/a/README.md': '```ts\n1;\n```\n',
  };

  it('passes a complete library', () => {
    expect(checkProjects(tree(good), { a: [] })).toEqual([]);
  });

  it.each([
    [
      'a missing tag',
      { ...good, 'libs/a/project.json': JSON.stringify({ tags: ['type:lib', 'phase:1', 'lib:a'] }) },
      { a: [] },
      'no scope: tag',
    ],
    ['an app without tags', { ...good, 'apps/x/package.json': '{}' }, { a: [] }, 'apps/x: no type: tag'],
    ['a library without a row', good, {}, 'no row'],
    ['a row that allows everything', good, { a: ['*'] }, 'allows everything'],
    ['a missing README example', { ...good, 'libs/a/README.md': '# a\n' }, { a: [] }, 'no ```ts example'],
    [
      'a dependency that the table does not allow',
      { ...good, 'libs/a/package.json': JSON.stringify({ ...manifest, dependencies: { '@starling/b': '1' } }) },
      { a: [] },
      'depends on @starling/b',
    ],
  ])('fails %s', (_, files, allowed, message) => {
    expect(checkProjects(tree(files), allowed as Record<string, string[]>).join('\n')).toContain(message);
  });
});
