import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, createServer } from 'vitepress';
import { generateAll, ROOT, writeDocuments } from './generate.js';
import { WarningCount } from './warning-count.js';

const SITE = path.join(ROOT, 'site');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: 'string', default: '/docs/site/' },
    out: { type: 'string', default: path.join(SITE, 'dist') },
    port: { type: 'string' },
  },
});

if (positionals[0] === 'dev') await dev();
else await buildSite(path.resolve(values.out), values.base);

/** Builds the site; a warning is a failure, as a dead link is. */
async function buildSite(outDir: string, base: string): Promise<void> {
  const warnings = new WarningCount();
  await generateAll();
  await build(SITE, { outDir, base });
  // By this the server knows the folder, and whether it was built for where it serves it.
  fs.writeFileSync(path.join(outDir, 'starling-site.json'), `${JSON.stringify({ base })}\n`);
  warnings.stop();
  if (warnings.count > 0) {
    console.error(`the site is built, but with ${warnings.count} warnings: see above`);
    process.exit(1);
  }
}

/** Serves the site while one writes: pages follow the documents that they are made from; the reference stays as it was at the start. */
async function dev(): Promise<void> {
  await generateAll();
  const server = await createServer(SITE, {
    base: values.base,
    ...(values.port !== undefined && { port: Number(values.port) }),
  });
  await server.listen();
  server.printUrls();
  const again = (_: string, name: string | null): void => {
    if (name?.endsWith('.md') !== true) return;
    try {
      writeDocuments();
    } catch (error) {
      console.error(error);
    }
  };
  fs.watch(path.join(ROOT, 'docs'), again);
  fs.watch(ROOT, again);
  for (const library of fs.readdirSync(path.join(ROOT, 'libs'))) fs.watch(path.join(ROOT, 'libs', library), again);
}
