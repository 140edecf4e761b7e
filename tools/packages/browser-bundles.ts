import fs from 'node:fs';
import path from 'node:path';
import { build as esbuild } from 'esbuild';
import { build as vite, createLogger } from 'vite';
import type { Entry } from './entries.js';

/** A page's program: all that pages can have, and an engine in the page itself, whose bytes the page has. */
export const pageProgram = (entries: readonly Entry[]): string => `
import { Starling } from '@starling/engine';
${entries.map(({ name }, i) => `import * as entry${i} from '${name}';`).join('\n')}
export const entries = [${entries.map((_, i) => `entry${i}`).join(', ')}];
export async function ask(data, question) {
  const model = await Starling.load({ data });
  const { text } = await model.generate({ messages: [{ role: 'user', content: question }], temperature: 0, maxTokens: 20 }).result();
  await model.close();
  return text;
}
`;

/** Bundles a program for browsers as esbuild does by default. Gives the file; throws what esbuild has to say. */
export async function esbuildBundle(folder: string, program: string): Promise<string> {
  const outfile = path.join(folder, 'esbuild/page.mjs');
  const { warnings } = await esbuild({
    stdin: { contents: program, resolveDir: folder },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
  if (warnings.length > 0) throw new TypeError(warnings.map(({ text }) => text).join('\n'));
  return outfile;
}

/** Bundles a program for browsers as Vite does. Gives the file; throws what Vite has to say, such as that a module of Node was left out. */
export async function viteBundle(folder: string, program: string): Promise<string> {
  const entry = path.join(folder, 'page.mjs');
  fs.writeFileSync(entry, program);
  const complaints: string[] = [];
  const logger = createLogger('warn', { allowClearScreen: false });
  logger.warn = logger.warnOnce = logger.error = (message) => void complaints.push(message);
  await vite({
    root: folder,
    configFile: false,
    customLogger: logger,
    worker: { format: 'es' },
    build: {
      target: 'es2022',
      outDir: 'vite',
      emptyOutDir: true,
      minify: false,
      chunkSizeWarningLimit: 4096,
      lib: { entry, formats: ['es'], fileName: () => 'page.mjs' },
    },
  });
  if (complaints.length > 0) throw new TypeError(complaints.join('\n'));
  return path.join(folder, 'vite/page.mjs');
}
