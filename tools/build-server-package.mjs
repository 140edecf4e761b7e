// Builds the package `@starling/server` into apps/server/package/dist: the server as a library (`createStarlingApp`), with its types and the demo model.
// Our libraries and Hono stay imports, since the program that mounts the app has them too; all else is in the one file.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '..');
const app = path.join(root, 'apps/server');
const dist = path.join(app, 'package/dist');
const SHARED = ['@starling/*', 'hono', 'hono/*', '@hono/node-server'];

/** Writes the bundle; gives the packages that it imports. */
async function bundle({ version }) {
  const { metafile } = await build({
    entryPoints: [path.join(app, 'src/index.ts')],
    outfile: path.join(dist, 'index.js'),
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: SHARED,
    metafile: true,
    logLevel: 'error',
    define: { 'process.env.STARLING_BUILD_VERSION': JSON.stringify(version) },
    // CommonJS packages inside the bundle ask for Node's modules by require().
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
  });
  const imports = Object.values(metafile.outputs)[0]
    .imports.map((one) => one.path)
    .filter((name) => !name.startsWith('node:'));
  return new Set(imports.map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)[0]));
}

/** Writes the declarations of a source file and of those that they name; gives the packages that they import. */
function declare(file, written = new Map()) {
  if (written.has(file)) return written;
  const { outputText, diagnostics } = ts.transpileDeclaration(fs.readFileSync(file, 'utf8'), {
    fileName: file,
    compilerOptions: { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 },
  });
  if (diagnostics.length > 0)
    throw new TypeError(
      ts.formatDiagnostics(diagnostics, {
        getCanonicalFileName: (name) => name,
        getCurrentDirectory: () => root,
        getNewLine: () => '\n',
      }),
    );
  const target = path.join(dist, path.relative(path.join(app, 'src'), file).replace(/\.ts$/, '.d.ts'));
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, outputText);
  const names = [...outputText.matchAll(/ from '([^']+)'/g)].map(([, name]) => name);
  written.set(
    file,
    names.filter((name) => !name.startsWith('.')),
  );
  for (const name of names.filter((one) => one.startsWith('.')))
    declare(path.resolve(path.dirname(file), name.replace(/\.js$/, '.ts')), written);
  return written;
}

const manifest = JSON.parse(fs.readFileSync(path.join(app, 'package.json'), 'utf8'));
fs.rmSync(dist, { recursive: true, force: true });
const imported = await bundle(manifest);
for (const names of declare(path.join(app, 'src/index.ts')).values())
  for (const name of names) imported.add(/^(@[^/]+\/)?[^/]+/.exec(name)[0]);
fs.cpSync(path.join(app, 'models'), path.join(dist, 'models'), { recursive: true });
fs.copyFileSync(path.join(app, 'README.md'), path.join(dist, 'README.md'));
fs.copyFileSync(path.join(root, 'LICENSE'), path.join(dist, 'LICENSE'));
const dependencies = Object.fromEntries([...imported].sort().map((name) => [name, manifest.dependencies[name]]));
const exports = { '.': { types: './index.d.ts', default: './index.js' }, './package.json': './package.json' };
fs.writeFileSync(
  path.join(dist, 'package.json'),
  `${JSON.stringify({ ...manifest, exports, dependencies }, null, 2)}\n`,
);
