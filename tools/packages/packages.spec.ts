import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { transformSync } from 'esbuild';
import { publint } from 'publint';
import { root } from '../run.mjs';

const libraries = fs.readdirSync(path.join(root, 'libs')).sort();
const distOf = (library: string): string => path.join(root, 'libs', library, 'dist');

/** The first code block of a language in a library's README. */
function readmeBlock(library: string, language: string): string | undefined {
  const readme = fs.readFileSync(path.join(distOf(library), 'README.md'), 'utf8');
  return new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
}

/** Runs a module in the folder where the tarballs are installed, in plain Node. */
function run(folder: string, source: string): { status: number | null; stdout: string; stderr: string } {
  const file = path.join(folder, `run-${process.hrtime.bigint()}.mjs`);
  fs.writeFileSync(file, source);
  return spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH } });
}

describe('the packed libraries', () => {
  let folder: string;

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-packages-'));
    const tarballs = libraries.map((library) => {
      const out = execFileSync('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', folder], { cwd: distOf(library), encoding: 'utf8' });
      const packed = JSON.parse(out.slice(out.search(/[[{]/))) as { filename: string }[] | Record<string, { filename: string }>;
      return path.join(folder, Object.values(packed)[0].filename);
    });
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tarballs], { cwd: folder, stdio: 'pipe' });
  });

  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  it.each(libraries)('%s imports in plain Node, each entry with its types', (library) => {
    const installed = path.join(folder, 'node_modules/@starling', library);
    const manifest = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8')) as { exports: Record<string, { types: string } | string> };
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      if (typeof target === 'string') continue;
      expect(fs.existsSync(path.join(installed, target.types))).toBe(true);
      const name = path.posix.join('@starling', library, subpath);
      const result = run(folder, `import * as library from '${name}';\nconsole.log(Object.keys(library).length);\n`);
      expect(result).toMatchObject({ status: 0, stderr: '' });
      expect(Number(result.stdout)).toBeGreaterThan(0);
    }
  });

  it.each(libraries)('%s prints what its README says', (library) => {
    const example = readmeBlock(library, 'ts');
    const expected = readmeBlock(library, 'text');
    if (example === undefined || expected === undefined) throw new TypeError(`libs/${library}/README.md: no \`\`\`ts example followed by its output in \`\`\`text`);
    const { code } = transformSync(example, { loader: 'ts', format: 'esm', target: 'node20' });
    expect(run(folder, code)).toEqual(expect.objectContaining({ status: 0, stdout: expected }));
  });

  it.each(libraries)('%s holds no test, no source and nothing that publint objects to', async (library) => {
    const files = fs.readdirSync(distOf(library), { recursive: true }).map(String);
    expect(files.filter((file) => /\.(spec|contract)\.|(?<!\.d)\.ts$/.test(file))).toEqual([]);
    const { messages } = await publint({ pkgDir: distOf(library), level: 'warning', pack: false });
    expect(messages).toEqual([]);
  });
});
