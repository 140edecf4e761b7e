// Ends the build of a library: `node tools/build-manifest.mjs libs/core` writes dist/package.json, so that dist/ is the package that npm users get.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

const project = process.argv[2];
if (!project || !fs.existsSync(path.join(root, project, 'dist'))) {
  console.error('usage: node tools/build-manifest.mjs libs/NAME, after its sources are compiled');
  process.exit(2);
}
const manifest = JSON.parse(fs.readFileSync(path.join(root, project, 'package.json'), 'utf8'));
fs.writeFileSync(
  path.join(root, project, 'dist/package.json'),
  `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`,
);

/** The manifest as npm users get it: paths relative to dist, no condition that names our sources. */
function publishedManifest({ files: _files, ...manifest }) {
  const inDist = (target) => target.replace(/^\.\/dist\//, './');
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([subpath, target]) => {
      if (typeof target === 'string') return [subpath, inDist(target)];
      const { '@starling/source': _source, ...conditions } = target;
      return [subpath, Object.fromEntries(Object.entries(conditions).map(([key, file]) => [key, inDist(file)]))];
    }),
  );
  return { ...manifest, exports };
}
