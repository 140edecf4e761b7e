// Builds one project: `node tools/build.mjs libs/core`. A library's dist/ is the package that would be published.
import fs from 'node:fs';
import path from 'node:path';
import { buildWorker } from './build-worker.mjs';
import { binOf, root, runNode } from './run.mjs';

const project = process.argv[2];
if (!project || !fs.existsSync(path.join(root, project, 'package.json'))) {
  console.error('usage: node tools/build.mjs libs/NAME | apps/server');
  process.exit(2);
}
if (project.startsWith('apps/')) {
  const { buildServer } = await import('./build-server.mjs');
  await buildServer();
} else {
  buildLibrary(path.join(root, project));
  if (project === 'libs/kernels') await buildWorker(path.join(root, project, 'build'));
}

function buildLibrary(folder) {
  const dist = path.join(folder, 'dist');
  fs.rmSync(dist, { recursive: true, force: true });
  const status = runNode(binOf('typescript', 'tsc'), ['-p', path.join(folder, 'tsconfig.build.json')]);
  if (status !== 0) process.exit(status);
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  fs.writeFileSync(path.join(dist, 'package.json'), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`);
  for (const [from, name] of [[path.join(folder, 'README.md'), 'README.md'], [path.join(root, 'LICENSE'), 'LICENSE']]) {
    fs.copyFileSync(from, path.join(dist, name));
  }
}

/** The manifest as npm users get it: paths relative to dist, no condition that names our sources. */
function publishedManifest(manifest) {
  const inDist = (target) => target.replace(/^\.\/dist\//, './');
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([subpath, target]) => {
      if (typeof target === 'string') return [subpath, inDist(target)];
      const { '@starling/source': _source, ...conditions } = target;
      return [subpath, Object.fromEntries(Object.entries(conditions).map(([key, file]) => [key, inDist(file)]))];
    }),
  );
  const { files: _files, ...rest } = manifest;
  return { ...rest, exports };
}
